"""Metrics over training steps as a table: one line a run, for a plot or a spreadsheet.

A line holds benchmark, model, step and sampling, then every metric with its interval, mean length, and the rates that
go with a reasoning model. The figures of the same numbers are those of `assay report --html`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from assay.report.text import csv_text, escape_controls
from assay.results import RunResult
from assay.steps import step_of

_PARTS = ("value", "se", "low", "high")
_RATES = ("no_answer", "truncated", "repetitive", "mean_tokens")
_SAMPLING = ("temperature", "top_p", "max_tokens")


def by_step(results: Sequence[RunResult]) -> list[RunResult]:
    """Results in the order of a table: benchmark, prompt and sampling, training run, step."""

    def place(result: RunResult) -> tuple[Any, ...]:
        manifest = result.manifest
        series, step = step_of(manifest["model"])
        protocol = (manifest["prompt_sha256"], *(manifest["sampling"][name] for name in _SAMPLING))
        # A model without a step comes first: what training began with.
        return manifest["benchmark"], protocol, "" if step is None else series, -1 if step is None else step

    return sorted(results, key=place)


def curve_rows(results: Sequence[RunResult]) -> list[dict[str, Any]]:
    """One row a run, as in the CSV; a number that is not defined is None."""
    rows = []
    for result in by_step(results):
        manifest, summary = result.manifest, result.summary
        row: dict[str, Any] = {
            "benchmark": manifest["benchmark"],
            "model": manifest["model"],
            "step": step_of(manifest["model"])[1],
            **{name: manifest["sampling"][name] for name in _SAMPLING},
            "samples_per_problem": summary["samples_per_problem"],
            "num_problems": summary.get("num_problems"),
            "num_errors": summary.get("num_errors"),
            "complete": summary["complete"],
        }
        for name, metric in summary["metrics"].items():
            row |= {name if part == "value" else f"{name} {part}": metric.get(part) for part in _PARTS}
        row |= {name: summary["rates"].get(name) for name in _RATES}
        rows.append(row)
    return rows


def curves_csv(results: Sequence[RunResult]) -> str:
    """The rows as CSV with a header; an empty cell is not defined or was not asked for."""
    rows = curve_rows(results)
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(csv_text, header))
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in header])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else csv_text(escape_controls(str(value)))
