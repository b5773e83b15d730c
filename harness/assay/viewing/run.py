"""One run folder, as the viewer knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.viewing.tail import Tail


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A sealed file, as it was when it was looked at."""

    link: Path
    """What DuckDB reads; a new one whenever the file changed."""
    rows: int
    groups: int
    """Row groups."""


@dataclass(slots=True)
class Run:
    """One run folder, as of the last look. Fields change in place, under the catalog's lock."""

    name: str
    folder: Path
    number: int
    """Its column `run` in the table of samples: the order in which runs were found, never used twice."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """Empty where there is none that can be read."""
    problems: tuple[str, ...] = ()
    """What is wrong with it, one sentence each."""
    sealed: Sealed | None = None
    tail: Tail | None = None
    journalled: int = 0
    """Samples that were read from its journal."""
    journals: int = 0
    """How often its journal was emptied or replaced."""
    live: bool = False
    """Whether something writes to it."""
    version: int = 0
    """Raised whenever anything of it changed."""
    _manifest_stamp: tuple[int, int, int] | None = None
    _sealed_stamp: tuple[int, int, int] | None = None
    _grew: float = 0.0
    _wrong: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The backend's url; empty where unknown."""
        return _text(self.manifest.get("model"))

    @property
    def benchmark(self) -> str:
        """The benchmark's name; empty where unknown."""
        return _text(self.manifest.get("benchmark"))

    @property
    def session(self) -> Mapping[str, Any]:
        """What was asked for last; empty where unknown."""
        sessions = self.manifest.get("sessions")
        last = sessions[-1] if isinstance(sessions, list) and sessions else {}
        return last if isinstance(last, dict) else {}

    @property
    def samples(self) -> int:
        """How many samples there are, those of a rescore that goes on counted twice."""
        return self.journalled + (self.sealed.rows if self.sealed else 0)

    @property
    def reading(self) -> float | None:
        """Share of a large journal that was read so far; None where all of it was."""
        if self.tail is None or self.tail.behind < 2**20:
            return None
        return self.tail.offset / self.tail.size

    @property
    def broken(self) -> bool:
        """Whether nothing of it can be shown."""
        return bool(self.problems) and not self.samples


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
