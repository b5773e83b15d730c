"""Scores that reports have printed, to be shown beside measured ones, and always marked as published.

`scores.jsonl` holds one printed number a line: model, benchmark (by the name it has here), metric, value as printed,
its unit ("percent" or "rating"), the report and the table in it. The samplers, prompts and graders behind them are
those of the reports, so a difference to a measured score may come from any of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.report.rows import Record, benchmark_of, model_of
from assay.report.text import short_names

_SAME = {"pass@1-cot": "pass@1"}
"""The report's names of metrics that have another here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedScore:
    """One printed number."""

    model: str
    benchmark: str
    metric: str
    value: float
    """As printed."""
    unit: str
    """ "percent" or "rating"."""
    report: str
    table: str

    @property
    def source(self) -> str:
        """Where it stands."""
        return f"{self.report}, table {self.table}"


@cache
def published_scores() -> tuple[PublishedScore, ...]:
    """All of them, in the order of the file."""
    text = files("assay.published").joinpath("scores.jsonl").read_text("utf-8")
    return tuple(PublishedScore(**json.loads(line)) for line in text.splitlines())


def published_models() -> list[str]:
    """The models with a published score, sorted."""
    return sorted({score.model for score in published_scores()}, key=str.casefold)


def published_records(records: Sequence[Record], asked: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Published scores on the benchmarks of some measured runs, as rows for the same table.

    Args:
        records: The measured runs.
        asked: Models to show beside them; a measured model of the same name has its published scores shown anyway.

    Returns:
        One row a model and benchmark, with the key `published` that says where it was printed.

    Raises:
        UsageError: No score of a model that was asked for is known.
    """
    known = {name.casefold(): name for name in published_models()}
    wanted: dict[str, None] = {}
    for name in asked:
        if name.casefold() not in known:
            raise UsageError(f"no published score of {name!r} is known. {did_you_mean(name, list(known.values()))}")
        wanted[known[name.casefold()]] = None
    models = [model_of(record) for record in records]
    last_parts = {short_names([model])[model].partition("@")[0].casefold() for model in models}
    wanted |= dict.fromkeys(name for low, name in known.items() if low in last_parts)
    benchmarks = dict.fromkeys(benchmark_of(record) for record in records)
    rows = [_record(model, benchmark) for benchmark in benchmarks for model in wanted]
    return [row for row in rows if row is not None]


def with_published(records: Sequence[Record], asked: Iterable[str] = ()) -> list[Record]:
    """The measured runs, each benchmark's followed by its published scores. Raises as `published_records` does."""
    added = published_records(records, asked)
    shown: list[Record] = []
    for place, record in enumerate(records):
        shown.append(record)
        if all(benchmark_of(later) != benchmark_of(record) for later in records[place + 1 :]):
            shown += [row for row in added if row["benchmark"] == benchmark_of(record)]
    return shown


def _record(model: str, benchmark: str) -> dict[str, Any] | None:
    name = benchmark.partition("[")[0]
    found = [each for each in published_scores() if each.model == model and each.benchmark == name]
    if not found:
        return None
    metrics: dict[str, Mapping[str, Any]] = {}
    for each in found:
        # Rounded: 90.6 / 100 is 0.9059999999999999 in floats.
        value = each.value if each.unit == "rating" else round(each.value / 100, 6)
        metrics.setdefault(_SAME.get(each.metric, each.metric), {"value": value, "unit": each.unit})
    tables = ", ".join(dict.fromkeys(each.table for each in found))
    return {
        "model": model,
        "benchmark": benchmark,
        "complete": True,
        "published": f"{found[0].report}, table{'s' if ',' in tables else ''} {tables}",
        "summary": {"metrics": metrics},
    }
