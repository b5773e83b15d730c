"""Curves for TensorBoard and for Weights & Biases, whose runs stay on this machine until `wandb sync` sends them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.errors import StoreError
from assay.exports import Scalar, require


def write_tensorboard(points: Iterable[Scalar], folder: Path) -> int:
    """Write one event file a series; returns how many points. Raises `StoreError` where the disk does not take it."""
    require("tensorboard", "export")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    count = 0
    for series, steps in _by_series(points).items():
        try:
            writer = EventFileWriter(str(folder / _folder(series)))
            for step, values in sorted(steps.items()):
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
                # TensorBoard plots by step; a fixed time keeps the file the same from one export to the next.
                writer.add_event(Event(step=step, wall_time=float(step), summary=summary))
                count += len(values)
            writer.close()
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {error.strerror or error}") from error
    return count


def write_wandb(points: Iterable[Scalar], folder: Path, *, project: str = "assay") -> int:
    """Write one offline run a series; returns how many points."""
    wandb: Any = require("wandb", "export")
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for series, steps in _by_series(points).items():
        run = wandb.init(
            project=project,
            name=series,
            dir=str(folder),
            mode="offline",
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True),
        )
        for step, values in sorted(steps.items()):
            run.log(dict(values), step=step)
            count += len(values)
        run.finish()
    return count


def _by_series(points: Iterable[Scalar]) -> Mapping[str, Mapping[int, Mapping[str, float]]]:
    series: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for point in points:
        series[point.series][point.step][point.tag] = point.value
    return series


def _folder(series: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", series).strip("-.")[:100] or "run"
