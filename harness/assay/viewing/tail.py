"""The journal of a run that goes on, read as it grows.

Each call reads what whole lines were appended since the last, up to a budget, so that a page never waits for gigabytes;
a torn last line is left for the next call, a damaged one is counted. Where the file was replaced or cut (sealing,
repair), reading begins anew. The writer is never disturbed: nothing is locked, and the file is opened for reading.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.runs.records import decode, flatten

BUDGET_BYTES = 32 * 2**20
"""Of one call: about a third of a second."""
_MAX_LINE = 64 * 2**20
"""A longer line is taken as damaged: no completion comes near it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grown:
    """What one call found."""

    restarted: bool
    """The file is another one than before: what was read of it must be forgotten."""
    rows: list[dict[str, Any]]
    """Flat columns of new records, with `pos`, the byte offset."""


@dataclass(slots=True)
class Tail:
    """Reads one journal. Not thread-safe."""

    path: Path
    offset: int = 0
    """Bytes that were read, in whole lines."""
    size: int = 0
    """Bytes that the file had at the last look."""
    damaged: int = 0
    """Lines that were left out."""
    _file: tuple[int, int] | None = None
    _head: bytes = field(default=b"", repr=False)

    @property
    def behind(self) -> int:
        """Bytes that are still to be read; a torn last line counts."""
        return max(0, self.size - self.offset)

    def read(self, budget: int = BUDGET_BYTES) -> Grown:
        """Read on. A journal that is not there is empty. Raises `OSError` where it cannot be read."""
        try:
            file = open(self.path, "rb")  # noqa: SIM115  closed below; only opening it may find it gone
        except FileNotFoundError:
            return Grown(restarted=self._restart(None, 0), rows=[])
        with file:
            found = os.fstat(file.fileno())
            identity = (found.st_dev, found.st_ino)
            restarted = False
            if identity != self._file or found.st_size < self.offset or file.read(len(self._head)) != self._head:
                restarted = self._restart(identity, found.st_size)
            self.size = found.st_size
            if self.offset >= self.size:
                return Grown(restarted=restarted, rows=[])
            if not self._head:
                file.seek(0)
                self._head = file.read(64)
            file.seek(self.offset)
            return Grown(restarted=restarted, rows=self._records(file, budget))

    def _records(self, file: Any, budget: int) -> list[dict[str, Any]]:
        rows = []
        read = 0
        while read < budget:
            line = file.readline(_MAX_LINE)
            if not line.endswith(b"\n"):
                if len(line) < _MAX_LINE:
                    break  # the writer is in the middle of it
                self.damaged += 1
                line += _rest_of_line(file)
            else:
                try:
                    rows.append({**flatten(decode(line)), "pos": self.offset})
                except (ValueError, TypeError, RecursionError, AttributeError):
                    self.damaged += 1
            read += len(line)
            self.offset += len(line)
        return rows

    def _restart(self, identity: tuple[int, int] | None, size: int) -> bool:
        had = self.offset > 0
        self._file, self.offset, self.size, self.damaged, self._head = identity, 0, size, 0, b""
        return had


def _rest_of_line(file: Any) -> bytes:
    length = bytearray()
    while part := file.readline(_MAX_LINE):
        length += b"\0" * len(part)
        if part.endswith(b"\n"):
            break
    return bytes(length)
