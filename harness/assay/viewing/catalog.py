"""Which runs a folder holds, whole or broken, and what each of them is.

A run is a folder with a manifest, or with samples and none, at any depth, whoever wrote it: `assay run`, a sweep, a
trainer. Whatever cannot be read is listed with what is wrong with it; nothing raises. The folders are looked for anew
every few seconds, and their files are looked at before each page, so that runs appear and grow while one watches.

A run's name is its path below the folder that is shown. Names come back in addresses, where they are looked up in the
list and never joined to a path.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.runs.manifest import MANIFEST, load_manifest
from assay.runs.store import JOURNAL, SEALED
from assay.viewing.database import Database
from assay.viewing.run import Run
from assay.viewing.tail import BUDGET_BYTES, Tail

MAX_RUNS = 5_000
_SCAN_SECONDS = 4.0
_SCAN_SHARE = 20
"""Looking for runs pauses at least so many times as long as it takes: it must not keep a large disk busy."""
_LOOK_SECONDS = 0.5
_LIVE_SECONDS = 20.0
"""A run whose journal grew within this time goes on, whether or not its lock can be seen."""
_MAX_DEPTH = 12
_MAX_FOLDERS = 100_000
_MAX_MANIFEST = 64 * 2**20
_SKIPPED = {"node_modules", "__pycache__", "site-packages"}


class Catalog:
    """The runs below a folder, kept up to date."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self._database = database
        self._runs: dict[str, Run] = {}
        self._numbers = 0
        self._lock = threading.RLock()
        self._next_scan = 0.0
        self._looked = -_LOOK_SECONDS
        self.notice = ""
        """Why not everything was looked at; empty where it was."""

    def runs(self) -> list[Run]:
        """All runs, by name, up to date within half a second."""
        self.refresh()
        return sorted(self._runs.values(), key=lambda run: natural(run.name))

    def get(self, name: str) -> Run | None:
        """The run with this name."""
        self.refresh()
        return self._runs.get(name)

    def version(self) -> str:
        """Changes whenever anything did."""
        runs = self.runs()
        return f"{len(runs)}.{sum(run.version for run in runs)}.{sum(run.live for run in runs)}"

    def refresh(self) -> None:
        """Look for runs, and at their files, unless that was just done."""
        with self._lock:
            now = time.monotonic()
            if now >= self._next_scan:
                self._scan()
                after = time.monotonic()
                self._next_scan = after + max(_SCAN_SECONDS, _SCAN_SHARE * (after - now))
            if now - self._looked >= _LOOK_SECONDS:
                locked = _locked_files()
                budget = BUDGET_BYTES
                for run in self._runs.values():
                    budget -= self._look(run, locked, budget)
                self._looked = time.monotonic()

    def failed(self, run: Run, reason: str) -> None:
        """Remember that a run's sealed samples cannot be read after all; they are left out until the file changes."""
        with self._lock:
            if run.sealed is not None:
                self._database.forget_sealed(run.sealed)
                run.sealed = None
            self._blame(run, SEALED, reason)
            run.problems = tuple(run._wrong.values())
            run.version += 1

    def _scan(self) -> None:
        found = {}
        self.notice = ""
        for folder in self._folders():
            found[_name_of(folder, self.root)] = folder
            if len(found) == MAX_RUNS:
                self.notice = f"only the first {MAX_RUNS:,} runs are shown: give a folder further down"
                break
        for name in self._runs.keys() - found.keys():
            gone = self._runs.pop(name)
            self._database.forget_journal(gone.number)
            if gone.sealed is not None:
                self._database.forget_sealed(gone.sealed)
        for name in sorted(found.keys() - self._runs.keys(), key=natural):
            self._numbers += 1
            self._runs[name] = Run(name=name, folder=found[name], number=self._numbers)

    def _folders(self) -> list[Path]:
        """Run folders, depth first. Links are not followed below the root, so there are no circles."""
        found: list[Path] = []
        waiting = [(self.root, 0)]
        looked = 0
        while waiting:
            folder, depth = waiting.pop()
            looked += 1
            if looked > _MAX_FOLDERS:
                self.notice = f"only the first {_MAX_FOLDERS:,} folders were looked at: give a folder further down"
                break
            try:
                with os.scandir(folder) as entries:
                    inside = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                continue
            if {entry.name for entry in inside} & {MANIFEST, JOURNAL, SEALED}:
                found.append(folder)
            if depth < _MAX_DEPTH:
                waiting += [
                    (folder / entry.name, depth + 1)
                    for entry in reversed(inside)
                    if not entry.name.startswith(".") and entry.name not in _SKIPPED and _is_folder(entry)
                ]
        return found

    def _look(self, run: Run, locked: set[tuple[int, int, int]], budget: int) -> int:
        """Look at a run's files; returns how many bytes of its journal were read."""
        before = (run.problems, run.live, run.sealed, run.journalled, run.reading)
        self._look_at_manifest(run)
        self._look_at_sealed(run)
        read = self._look_at_journal(run, budget)
        run.live = time.monotonic() - run._grew < _LIVE_SECONDS or _lock_key(run.folder / "lock") in locked
        run.problems = tuple(run._wrong.values())
        if before != (run.problems, run.live, run.sealed, run.journalled, run.reading):
            run.version += 1
        return read

    def _look_at_manifest(self, run: Run) -> None:
        path = run.folder / MANIFEST
        stamp = _stamp(path)
        if stamp == run._manifest_stamp and (stamp or run._wrong.get(MANIFEST)):
            return
        run._manifest_stamp = stamp
        run.version += 1
        try:
            if stamp is not None and stamp[2] > _MAX_MANIFEST:
                raise OSError(f"{path} is larger than {_MAX_MANIFEST >> 20} MiB")
            run.manifest = load_manifest(run.folder)
        except (AssayError, OSError, TypeError, AttributeError, RecursionError) as error:
            run.manifest = {}
            self._blame(run, MANIFEST, str(error))
        else:
            self._blame(run, MANIFEST, _oddities(run.manifest))

    def _look_at_sealed(self, run: Run) -> None:
        path = run.folder / SEALED
        stamp = _stamp(path)
        if stamp == run._sealed_stamp:
            return
        run._sealed_stamp = stamp
        self._blame(run, SEALED, "")
        if run.sealed is not None:
            self._database.forget_sealed(run.sealed)
            run.sealed = None
        if stamp is not None:
            try:
                run.sealed = self._database.add_sealed(run.number, path)
            except AssayError as error:
                self._blame(run, SEALED, str(error))

    def _look_at_journal(self, run: Run, budget: int) -> int:
        run.tail = run.tail or Tail(run.folder / JOURNAL)
        tail = run.tail
        known = tail.offset, tail.size
        try:
            grown = tail.read(budget)
        except OSError as error:
            self._blame(run, JOURNAL, f"cannot read {tail.path}: {error.strerror or error}")
            return 0
        if grown.restarted:
            self._database.forget_journal(run.number)
            run.journalled = 0
            run.journals += 1
        if grown.rows:
            added, refused = self._database.add_journal(run.number, grown.rows)
            run.journalled += added
            tail.damaged += refused
        lines = f"{tail.damaged} damaged line{'s' * (tail.damaged > 1)} of {tail.path} left out"
        self._blame(run, JOURNAL, lines if tail.damaged else "")
        if known not in ((tail.offset, tail.size), (0, 0)):
            run._grew = time.monotonic()
        elif known == (0, 0) and tail.size:
            run._grew = time.monotonic() - max(0.0, time.time() - _modified(tail.path))
        return max(0, tail.offset - known[0])

    def _blame(self, run: Run, part: str, reason: str) -> None:
        if reason:
            run._wrong[part] = reason
        else:
            run._wrong.pop(part, None)


def _oddities(manifest: Mapping[str, Any]) -> str:
    """What of a manifest is not what it must be; empty where all is well."""
    kinds = {"model": str, "benchmark": str, "sampling": dict, "verifiers": dict, "metrics": list, "sessions": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(manifest.get(name), kind)]
    return f"the manifest is damaged: {', '.join(wrong)} should be something else" if wrong else ""


def _name_of(folder: Path, root: Path) -> str:
    name = str(folder.relative_to(root)) if folder != root else root.name or "run"
    # File names may hold bytes that are no text; two that differ in nothing else are told apart by them.
    return (
        name
        if name.isprintable()
        else os.fsencode(name).decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
    )


def natural(name: str) -> list[tuple[bool, int, str]]:
    """What names are sorted by: checkpoint-500 before checkpoint-1000."""
    parts = re.split(r"([0-9]{1,15})", name)
    return [(part[0] in "0123456789", int(part) if part[0] in "0123456789" else 0, part) for part in parts if part]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _modified(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _lock_key(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return os.major(found.st_dev), os.minor(found.st_dev), found.st_ino


def _locked_files() -> set[tuple[int, int, int]]:
    """Files that somebody holds a lock on. Asked of the kernel: trying a lock oneself could refuse a starting run."""
    locked = set()
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            for word in line.split():
                if word.count(":") == 2:
                    with contextlib.suppress(ValueError):
                        major, minor, inode = word.split(":")
                        locked.add((int(major, 16), int(minor, 16), int(inode)))
    return locked
