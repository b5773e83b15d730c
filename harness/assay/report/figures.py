"""The figures that a benchmark computes itself (`BaseBenchmark.aggregate`), beside the metrics of the table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from assay.report.rows import NOT_DEFINED, Record


def figures_of(record: Record) -> list[tuple[str, str]]:
    """Name and value of each, in the benchmark's order."""
    summary = record.get("summary")
    found = summary.get("aggregates") if isinstance(summary, Mapping) else None
    return [(str(name), _text(value)) for name, value in found.items()] if isinstance(found, Mapping) else []


def figure_lines(records: Iterable[Record], labels: Sequence[str], *, most: int = 12) -> list[str]:
    """One line for each run that has some; of many figures the first, and how many more there are."""
    lines = []
    for record, label in zip(records, labels, strict=True):
        figures = figures_of(record)
        shown = ", ".join(f"{name} {value}" for name, value in figures[:most])
        more = f", and {len(figures) - most} more in its report" if len(figures) > most else ""
        if figures:
            lines.append(f"{label}: {shown}{more}")
    return lines


def _text(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return f"{value:.4f}" if number else NOT_DEFINED
