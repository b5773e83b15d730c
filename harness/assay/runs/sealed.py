"""The sealed form of a complete run: one Parquet file, sorted by problem and sample index.

The order and the row groups depend only on the samples, so two runs of the same seeds seal to the same
rows whatever order they finished in. Writing streams: memory holds one row group (`GROUP_ROWS` rows or
about `GROUP_BYTES` of text), because 64 samples of 32,768 tokens are gigabytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assay.errors import StoreError

GROUP_ROWS = 2_000
GROUP_BYTES = 32 * 2**20


def sample_schema() -> Any:
    """The columns of a sealed file."""
    import pyarrow as pa

    text, number, flag = pa.string(), pa.float64(), pa.bool_()
    return pa.schema(
        {
            "key": text,
            "problem_id": text,
            "sample_index": pa.int32(),
            "seed": pa.int64(),
            "prompt_sha256": text,
            "text": text,
            "finish_reason": text,
            "num_tokens": pa.int64(),
            "prefill": text,
            "backend_error": text,
            "outcome": text,
            "score": number,
            "extracted": text,
            "reason": text,
            "details": text,
            "verify_seconds": number,
            "verifier": text,
            "verifier_version": text,
            "repetitive": flag,
            "recorded_at": number,
        }
    )


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows of flat columns atomically: a crash leaves the old file, or none. Raises `StoreError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = sample_schema()
    fresh = path.with_suffix(".parquet.partial")
    try:
        # Opened here: Arrow takes a path as text, and a folder's name may be none.
        with open(fresh, "wb") as file:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for group in _groups(rows):
                    columns = {name: [row[name] for row in group] for name in schema.names}
                    writer.write_table(pa.table(columns, schema=schema))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        _sync_folder(path.parent)
    except (OSError, pa.ArrowException) as error:
        fresh.unlink(missing_ok=True)
        raise StoreError(
            f"cannot seal the run into {path}: {getattr(error, 'strerror', None) or error}. Its samples are safe in "
            "the journal: make room and run the same command again."
        ) from error


def read(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows as flat columns, in order. Raises `StoreError` where the file is damaged."""
    import pyarrow.parquet as pq

    with _readable(path), open(path, "rb") as opened, pq.ParquetFile(opened) as file:
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=columns).to_pylist()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"the sealed samples {path} cannot be read: {error}. Restore the file from a copy.") from error


class RowReader:
    """Reads rows by number, keeping the row group of the last one: cheap for ascending numbers."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._path = path
        with _readable(path):
            self._opened = open(path, "rb")  # noqa: SIM115  closed by `close`
            self._file = pq.ParquetFile(self._opened)
        self._first = -1
        self._rows: list[dict[str, Any]] = []

    def get(self, number: int) -> dict[str, Any]:
        """Row `number` as flat columns."""
        if not self._first <= number < self._first + len(self._rows):
            self._load(number)
        return self._rows[number - self._first]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._opened.close()

    def _load(self, number: int) -> None:
        first = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if first <= number < first + rows:
                with _readable(self._path):
                    self._first, self._rows = first, self._file.read_row_group(group).to_pylist()
                return
            first += rows
        raise IndexError(number)


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += len(row["text"])
        if len(group) >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
