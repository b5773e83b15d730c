"""What a sweep did: `sweep-<hash>.json` in the folder that holds the runs.

Written after every step, atomically, so that it is true whatever happens next. It is a log and an index for readers:
whether something is done is always read from the runs themselves.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assay.runs.manifest import write_json
from assay.sweeps.checkpoints import CheckpointRef
from assay.sweeps.config import SweepConfig

FORMAT = 1


@dataclass(kw_only=True, slots=True)
class CellRecord:
    """One benchmark with one setting on one checkpoint."""

    benchmark: str
    setting: dict[str, Any]
    path: str
    """The run's folder, seen from the folder that holds the runs."""
    drawn: int
    """Samples that this sweep drew; the rest was there."""
    seconds: float
    tokens: int


@dataclass(kw_only=True, slots=True)
class CheckpointRecord:
    """What became of one checkpoint."""

    url: str
    step: int | None
    state: str = "waiting"
    """waiting, running, done or failed."""
    reason: str = ""
    """Why it failed."""
    engine: str = ""
    """How its weights came into the engine: started, swapped, unused where nothing was left to draw, or elsewhere where
    an executor drew."""
    seconds: float = 0.0
    cells: list[CellRecord] = field(default_factory=list)


class SweepRecord:
    """The file, and what it holds."""

    def __init__(self, out: Path, config: SweepConfig) -> None:
        self.path = out / f"sweep-{config.tag}.json"
        self.checkpoints: list[CheckpointRecord] = []
        self._config = config
        self._lock = threading.Lock()
        self._started = time.strftime("%Y-%m-%dT%H:%M:%S%z")

    def add(self, ref: CheckpointRef) -> CheckpointRecord:
        """Begin with a checkpoint."""
        record = CheckpointRecord(url=ref.url, step=ref.step)
        self.checkpoints.append(record)
        return record

    @property
    def failed(self) -> list[CheckpointRecord]:
        """The checkpoints that failed."""
        return [each for each in self.checkpoints if each.state == "failed"]

    def write(self) -> None:
        """Write the file. Raises `StoreError` where the disk does not take it. Thread-safe."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        config = self._config
        write_json(
            self.path,
            {
                "format": FORMAT,
                "command": sys.argv,
                "process": os.getpid(),
                "started": self._started,
                "updated": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "models": list(config.models),
                "benchmarks": list(config.benchmarks),
                "settings": [dict(each) for each in config.settings],
                "limit": config.limit,
                "checkpoints": [asdict(each) for each in self.checkpoints],
            },
        )


def read_records(out: Path) -> list[dict[str, Any]]:
    """The sweep files of a folder that can be read, oldest first."""
    found = []
    for path in sorted(out.glob("sweep-*.json"), key=lambda path: path.stat().st_mtime):
        try:
            value = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get("format") == FORMAT:
            found.append(value)
    return found
