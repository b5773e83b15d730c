"""Training runs below the folders of a report: what the trainer wrote of its steps, as curves.

A training run's folder holds `metrics.jsonl`, a row a step (docs/training.md). Any numeric field is understood;
those of `_PANELS` are drawn, and every part of the reward. The file may be of a run that goes on: a torn last line
is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from assay.report.page.drawing import SERIES, Figure, canvas, finish, shorten
from assay.report.text import visible

METRICS = "metrics.jsonl"
_PANELS = {
    "reward": "reward",
    "length": "mean length, tokens",
    "entropy": "entropy, nats a token",
    "kl": "KL to the reference, nats a token",
    "clip_fraction": "share of clipped tokens",
    "truncation": "truncated",
    "equal_groups": "groups of equal rewards",
    "mismatch": "sampler and trainer differ, nats a token",
    "loss": "loss",
}
_MOST_BYTES = 256 * 2**20
_MOST_STEPS = 20_000
_MOST_POINTS = 1_500
_MOST_RUNS = 8
_SMOOTHED = 0.06
"""Half-life of the running mean, as a share of the steps: enough to see a trend among noisy steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingRun:
    """The steps of one training run."""

    name: str
    path: Path
    rows: tuple[dict[str, float], ...]
    """Numeric fields of each step, with "step"."""

    def series(self, field: str) -> tuple[list[float], list[float]]:
        """Steps and values of a field."""
        known = [(row["step"], row[field]) for row in self.rows if field in row]
        return [step for step, _ in known], [value for _, value in known]


def find_training_runs(paths: Iterable[str | Path]) -> list[TrainingRun]:
    """The training runs at or below these paths, at most eight, by path."""
    files: list[Path] = []
    for path in map(Path, paths):
        files += [path / METRICS] if (path / METRICS).is_file() else sorted(path.rglob(METRICS))
    runs = (read_training_run(file) for file in dict.fromkeys(files))
    return [run for run in runs if run is not None][:_MOST_RUNS]


def read_training_run(path: Path) -> TrainingRun | None:
    """The steps in a metrics.jsonl; None where it holds none or is too large to read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        lines = path.read_bytes().splitlines()
    except OSError:
        return None
    rows = [row for line in lines[:_MOST_STEPS] if (row := _numbers(line))]
    return TrainingRun(name=visible(path.parent.name), path=path, rows=tuple(rows)) if rows else None


def training_curves(run: TrainingRun, name: str) -> Figure:
    """Reward with its parts, and what else tells how a run goes, over its steps."""
    fields = {field for row in run.rows for field in row}
    parts = sorted(field for field in fields if field.startswith("reward/"))
    held_out = sorted(field for field in fields if field.startswith("eval/"))
    panels: list[tuple[str, Sequence[str]]] = [
        (heading, [field, *parts] if field == "reward" and parts else [field])
        for field, heading in _PANELS.items()
        if field in fields
    ]
    if held_out:
        panels.insert(1, ("held out", held_out[:6]))
    lines = -(-len(panels) // 3)
    with canvas(0.4 + 1.95 * lines) as figure:
        grid = figure.subplots(lines, 3, squeeze=False).ravel()
        for axes, (heading, shown) in zip(grid, panels, strict=False):
            for number, field in enumerate(shown):
                steps, values = _thinned(*run.series(field))
                colour = SERIES[number % len(SERIES)]
                if field.startswith("eval/"):
                    axes.plot(steps, values, marker="o", markersize=4, color=colour, label=shorten(field[5:], 30))
                else:
                    axes.plot(steps, values, color=colour, alpha=0.3, linewidth=0.8)
                    axes.plot(steps, _running_mean(values), color=colour, label=field.removeprefix("reward/"))
            axes.set_title(heading)
            if len(shown) > 1:
                axes.legend(loc="best")
        for axes in grid[len(panels) :]:
            axes.remove()
        for axes in grid[max(0, len(panels) - 3) : len(panels)]:
            axes.set_xlabel("step")
        columns = ["step", *(field for _, shown in panels for field in shown)]
        return finish(
            figure,
            name=name,
            title=f"{run.name}: training",
            caption="Faint: each step. Strong: its running mean. The reward's parts are before their weights.",
            header=columns,
            rows=[[row.get(column) for column in columns] for row in run.rows],
        )


def _numbers(line: bytes) -> dict[str, float] | None:
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(row, dict):
        return None
    kept = {
        visible(name): float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
    return kept if "step" in kept else None


def _thinned(steps: list[float], values: list[float]) -> tuple[list[float], list[float]]:
    """Every so many points, so that a figure of a long run stays small."""
    stride = -(-len(steps) // _MOST_POINTS) or 1
    return steps[::stride], values[::stride]


def _running_mean(values: Sequence[float]) -> list[float]:
    keep = 0.5 ** (1 / max(1.0, _SMOOTHED * len(values)))
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total = keep * total + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        means.append(total / weight)
    return means
