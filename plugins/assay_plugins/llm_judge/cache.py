"""Verdicts that were given before: in memory, and in an SQLite file where a path is given.

The key is a hash of everything that a verdict depends on: the whole prompt (texts, words, version), the judge's
fingerprint, the sampling and the number of the vote. Only readable verdicts are kept. The file may be used by several
processes and threads at once; the first verdict for a key stays.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assay import UsageError, VerifierError

_log = logging.getLogger("assay.llm_judge")
_MEMORY_ENTRIES = 50_000
"""Some 700 bytes each at most."""
_BUSY_SECONDS = 30.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS verdicts "
    "(key TEXT PRIMARY KEY, word TEXT NOT NULL, explanation TEXT NOT NULL, tokens INTEGER) WITHOUT ROWID"
)


class Entry(NamedTuple):
    """A judge's readable answer."""

    word: str
    explanation: str
    tokens: int | None
    """Generated tokens; None where the judge's backend does not say."""


class Cache:
    """A bounded store in memory, the least recently used first out, before a file that is optional.

    Raises `UsageError` where the file cannot be one.
    """

    def __init__(self, path: str | None) -> None:
        self._memory: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._file = None if path is None else _File(Path(path))

    def get(self, key: str) -> Entry | None:
        """The entry of a key. Raises `VerifierError` where the file is damaged."""
        with self._lock:
            entry = self._memory.get(key)
            if entry is not None:
                self._memory.move_to_end(key)
                return entry
        if self._file is not None and (entry := self._file.get(key)) is not None:
            self._remember(key, entry)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry. Raises `VerifierError` where the file is damaged."""
        self._remember(key, entry)
        if self._file is not None:
            self._file.put(key, entry)

    def _remember(self, key: str, entry: Entry) -> None:
        with self._lock:
            self._memory[key] = entry
            if len(self._memory) > _MEMORY_ENTRIES:
                self._memory.popitem(last=False)


class _File:
    """One connection, opened when it is first needed, behind a lock. Must not be used after a fork in the child."""

    def __init__(self, path: Path) -> None:
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
            raise UsageError(f"llm_judge: cache must be the path of a file, and {path} {what}")
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, key: str) -> Entry | None:
        with self._open() as connection:
            row = connection.execute("SELECT word, explanation, tokens FROM verdicts WHERE key = ?", (key,)).fetchone()
            return None if row is None else Entry(str(row[0]), str(row[1]), row[2])
        return None  # the file was busy: ask again rather than fail

    def put(self, key: str, entry: Entry) -> None:
        with self._open() as connection:
            connection.execute("INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?)", (key, *entry))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection; what is done with it is skipped where the file is busy, full or read-only."""
        with self._lock:
            try:
                yield self._connection or self._connect()
            except sqlite3.OperationalError as error:
                if self._connection is None:
                    raise self._unusable(error) from error
                _log.warning("the judge's cache %s: %s; going on without it for this verdict", self._path, error)
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def _connect(self) -> sqlite3.Connection:
        # Autocommit: each verdict is on the disk when it is given. Threads take turns, so they may share it.
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with contextlib.suppress(sqlite3.OperationalError):  # network file systems know no write-ahead log
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
        except sqlite3.Error:
            connection.close()
            raise
        weakref.finalize(self, _close, connection, os.getpid())
        self._connection = connection
        return connection

    def _unusable(self, error: sqlite3.Error) -> VerifierError:
        return VerifierError(
            f"the judge's cache {self._path} cannot be used: {error}. Delete the file, or name another"
        )


def _close(connection: sqlite3.Connection, owner: int) -> None:
    if os.getpid() == owner:  # closing a copy would take the locks of the process that forked this one
        connection.close()
