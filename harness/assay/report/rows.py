"""What a row of the table says: every cell as text, the same for all formats.

Numbers come from summary.json, which may be damaged: whatever is not a finite number reads n/a, and never 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.report.text import short_names, visible

Record = Mapping[str, Any]

NOT_DEFINED = "n/a"
NOT_ASKED = "-"
PUBLISHED = "published"
"""What stands in place of the number of samples where a score was printed by a report and not measured here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """One run, ready to be printed."""

    model: str
    benchmark: str
    size: str
    """Problems × samples of each, such as "30×64"."""
    done: str
    """"37% done" for a partial run, else empty."""
    metrics: dict[str, str]
    """Metric name to "0.312 ± 0.045"."""
    no_answer: str
    truncated: str
    refused: str
    repetitive: str
    tokens: str
    errors: str


def table_rows(records: Sequence[Record]) -> list[TableRow]:
    """The rows of a table, in the order of the records."""
    names = short_names([model_of(record) for record in records])
    return [_row(record, names[model_of(record)]) for record in records]


def _published(record: Record, model: str) -> TableRow:
    """A score that was printed: nothing is known of its samples."""
    metrics = part(part(record, "summary"), "metrics")
    return TableRow(
        model=model,
        benchmark=benchmark_of(record),
        size=PUBLISHED,
        done="",
        metrics={visible(name): printed_text(part(metrics, name)) for name in metrics},
        no_answer=NOT_ASKED,
        truncated=NOT_ASKED,
        refused=NOT_ASKED,
        repetitive=NOT_ASKED,
        tokens=NOT_ASKED,
        errors=NOT_ASKED,
    )


def printed_text(metric: Mapping[str, Any]) -> str:
    """A printed value: a share with three digits, a rating as it is."""
    value = number(metric.get("value"))
    if value is None:
        return NOT_DEFINED
    return f"{value:.0f}" if metric.get("unit") == "rating" else f"{value:.3f}"


def model_of(record: Record) -> str:
    """The model's full name."""
    return str(record.get("model") or "unknown model")


def benchmark_of(record: Record) -> str:
    """The benchmark's name, safe to print."""
    return visible(record.get("benchmark") or "unknown benchmark")


def _row(record: Record, model: str) -> TableRow:
    summary = part(record, "summary")
    rates = part(summary, "rates")
    metrics = part(summary, "metrics")
    if record.get("published"):
        return _published(record, model)
    return TableRow(
        model=model,
        benchmark=benchmark_of(record),
        size=f"{count(summary.get('num_problems'))}×{count(record.get('n'))}",
        done=progress(record),
        metrics={visible(name): metric_text(part(metrics, name)) for name in metrics},
        no_answer=percent(rates.get("no_answer")),
        truncated=percent(rates.get("truncated")),
        refused=percent(rates.get("refused")),
        repetitive=percent(rates.get("repetitive")),
        tokens=count(rates.get("mean_tokens")),
        errors=count(summary.get("num_errors")),
    )


def part(record: Record, key: str) -> Mapping[str, Any]:
    """A nested object; empty where it is missing or no object."""
    value = record.get(key)
    return value if isinstance(value, Mapping) else {}


def number(value: Any) -> float | None:
    """A finite number; None for anything else (None, nan, text, true)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def count(value: Any) -> str:
    """A whole number, rounded."""
    known = number(value)
    return NOT_DEFINED if known is None else f"{known:.0f}"


def percent(value: Any) -> str:
    """A share as a percentage of at most four characters; 0% and 100% only for exactly none and all."""
    share = number(value)
    if share is None:
        return NOT_DEFINED
    if 0 < share < 0.001:
        return "<.1%"
    if share < 0.0995:
        return "0%" if share == 0 else f"{100 * share:.1f}%"
    return "100%" if share >= 1 else f"{min(99, round(100 * share))}%"


def metric_text(metric: Mapping[str, Any]) -> str:
    """A value with one standard error, "0.312 ± 0.045".

    Where all problems are right or all wrong the standard error is 0 and claims a certainty that nobody has: then
    the far end of the interval stands as "0.000 +0.114" or "1.000 -0.114".
    """
    value, error = number(metric.get("value")), number(metric.get("se"))
    low, high = number(metric.get("low")), number(metric.get("high"))
    if value is None:
        return NOT_DEFINED
    if metric.get("interval") == "wilson" and low is not None and high is not None:
        return f"{value:.3f} +{high - value:.3f}" if value < 0.5 else f"{value:.3f} -{value - low:.3f}"
    return f"{value:.3f} ± {NOT_DEFINED if error is None else f'{error:.3f}'}"


def progress(record: Record) -> str:
    """How much of a partial run is done ("37% done", rounded down), "partial" if unknown; empty where complete."""
    if record.get("complete") is True:
        return ""
    summary = part(record, "summary")
    have = number(summary.get("num_samples"))
    planned = number(summary.get("planned_samples", record.get("planned_samples")))
    if have is None or not planned or planned < 0 or have >= planned:
        return "partial"
    return f"{math.floor(100 * have / planned)}% done"


def other_metrics(rows: Sequence[TableRow]) -> list[str]:
    """The metrics beside pass@1, in the order in which they first occur."""
    return list(dict.fromkeys(name for row in rows for name in row.metrics if name != "pass@1"))
