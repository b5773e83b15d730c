"""Texts that hold some words, found in the background within a budget of time.

A search reads the texts of a run once, row group by row group, on a few threads, and keeps the positions of what it
found; a page waits for it for a moment, shows what is there, and says how much was looked at. So a page comes in
bounded time however large the run is, the rest follows by itself, and going from page to page costs nothing. Letters
match in either case (RE2's folding, so also é and É); everything else is taken as it is written.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any

from assay.errors import StoreError
from assay.viewing.database import Database
from assay.viewing.run import Run, Sealed

WAIT_SECONDS = 2.2
"""How long a page waits for a search."""
_KEPT = 8
"""Words whose searches are remembered; each hit costs 8 bytes."""
_FIELDS = ("text", "extracted", "reason")


class _Search:
    """One search through the texts of one run."""

    def __init__(self, total: int) -> None:
        self.total = total
        """Samples to look at."""
        self.looked = 0
        self.hits: list[Any] = []
        """Arrays of positions."""
        self.done = threading.Event()
        self.stopped = False
        self.error = ""
        self.last = -1
        """Of a journal: the position up to which it was searched."""


class Searches:
    """The searches of all pages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, dict[Path | tuple[int, int], _Search]] = OrderedDict()
        """By words; for each run by its sealed file, or for its journal by its number and that of the journal."""
        self._threads = ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1)), thread_name_prefix="assay-search")

    def close(self) -> None:
        """Stop what goes on."""
        with self._lock:
            for searches in self._kept.values():
                _stop(searches)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def find(self, runs: Sequence[Run], words: str, wait: float = WAIT_SECONDS) -> tuple[Any, float]:
        """Where the words stand, as far as known within `wait` seconds.

        Returns:
            An Arrow table with the columns `run` and `pos`, and the share of the samples that was looked at.

        Raises:
            StoreError: A file cannot be read.
        """
        import pyarrow as pa

        deadline = time.monotonic() + wait
        searches = [(run.number, self._sealed(run.sealed, words)) for run in runs if run.sealed]
        searches += [(run.number, self._journal(run, words)) for run in runs if run.journalled]
        numbers, places = [], []
        looked = total = 0
        for number, search in searches:
            search.done.wait(max(0.0, deadline - time.monotonic()))
            if search.error:
                raise StoreError(search.error)
            hits = list(search.hits)
            looked, total = looked + min(search.looked, search.total), total + search.total
            places += hits
            numbers += [pa.array([number] * len(array), pa.int32()) for array in hits]
        table = pa.table(
            {
                "run": pa.chunked_array(numbers, pa.int32()),
                "pos": pa.chunked_array(places, pa.int64()),
            }
        )
        return table, looked / total if total else 1.0

    def _sealed(self, sealed: Sealed, words: str) -> _Search:
        with self._lock:
            searches = self._of(words)
            if sealed.link in searches:
                return searches[sealed.link]
            search = searches[sealed.link] = _Search(sealed.rows)
        if not sealed.groups:
            search.done.set()
        left = [sealed.groups]
        for group, first in enumerate(_first_rows(sealed)):
            self._threads.submit(self._look_into, search, sealed, group, first, words, left)
        return search

    def _of(self, words: str) -> dict[Path | tuple[int, int], _Search]:
        """The searches for some words, the oldest others forgotten. Call it with the lock held."""
        searches = self._kept.setdefault(words, {})
        self._kept.move_to_end(words)
        while len(self._kept) > _KEPT:
            _stop(self._kept.popitem(last=False)[1])
        return searches

    def _look_into(self, search: _Search, sealed: Sealed, group: int, first: int, words: str, left: list[int]) -> None:
        try:
            if not search.stopped:
                found, rows = _in_group(sealed, group, first, words)
                with self._lock:
                    search.looked += rows
                    if len(found):
                        search.hits.append(found)
        except Exception as error:  # noqa: BLE001  whatever a damaged file does, the page must hear of it
            search.error = f"the sealed samples cannot be searched: {error!s:.200}"
        with self._lock:
            left[0] -= 1
            if left[0] == 0 or search.error:
                search.done.set()

    def _journal(self, run: Run, words: str) -> _Search:
        """Journals are in our own database, and grow: a search goes on where it ended."""
        import pyarrow as pa

        with self._lock:
            search = self._of(words).setdefault((run.number, run.journals), _Search(run.journalled))
            search.total = run.journalled
        with self._database.cursor() as cursor:
            (end,) = cursor.execute(
                "SELECT coalesce(max(pos), -1) FROM journal WHERE run = ?", [run.number]
            ).fetchone() or (-1,)
            if end > search.last:
                rows = cursor.execute(
                    "SELECT pos FROM journal WHERE run = ? AND pos > ? AND pos <= ? "
                    "AND (contains(lower(text), lower(?)) OR contains(lower(extracted), lower(?)) "
                    "OR contains(lower(reason), lower(?)))",
                    [run.number, search.last, end, words, words, words],
                ).fetchall()
                search.last = end
                if rows:
                    search.hits.append(pa.array([row[0] for row in rows], pa.int64()))
        search.looked = search.total
        search.done.set()
        return search


def _stop(searches: Mapping[Path | tuple[int, int], _Search]) -> None:
    for search in searches.values():
        search.stopped = True


def _first_rows(sealed: Sealed) -> list[int]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(sealed.link) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    return list(accumulate(sizes, initial=0))[:-1]


_opened = threading.local()


def _in_group(sealed: Sealed, group: int, first: int, words: str) -> tuple[Any, int]:
    """Positions of the rows of one row group that hold the words, and how many rows it has."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if getattr(_opened, "link", None) != sealed.link:
        _opened.file, _opened.link = pq.ParquetFile(sealed.link), sealed.link
    table = _opened.file.read_row_group(group, columns=list(_FIELDS), use_threads=False)
    matches = None
    for name in _FIELDS:
        hit = pc.fill_null(pc.match_substring(table[name], words, ignore_case=True), False)
        matches = hit if matches is None else pc.or_(matches, hit)
    rows = pc.indices_nonzero(matches).cast(pa.int64())
    return pc.add(rows, first), table.num_rows
