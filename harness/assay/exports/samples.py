"""Samples as Parquet or JSONL: the columns of the store, and before them what run a sample is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from assay.errors import StoreError
from assay.exports import counted_records
from assay.hashing import replace_surrogates
from assay.results import RunResult
from assay.runs.records import flatten
from assay.runs.sealed import sample_schema

_RUN_COLUMNS = ("model", "benchmark", "benchmark_revision", "prompt_sha256", "temperature", "top_p", "max_tokens")
_GROUP_ROWS = 2_000


def write_jsonl(results: Sequence[RunResult], path: Path) -> int:
    """Write one line a sample; returns how many. Raises `StoreError` where the disk does not take it."""
    count = 0
    try:
        with open(path, "wb") as file:
            for row in _rows(results):
                file.write(orjson.dumps(replace_surrogates(row)) + b"\n")
                count += 1
    except OSError as error:
        raise _failed(path, error) from error
    return count


def write_parquet(results: Sequence[RunResult], path: Path) -> int:
    """Write one row a sample; returns how many. Raises `StoreError` where the disk does not take it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.float64()
    types = {"temperature": number, "top_p": number, "max_tokens": pa.int64()}
    run = [pa.field(name, types.get(name, text)) for name in _RUN_COLUMNS]
    own = [field for field in sample_schema() if field.name not in _RUN_COLUMNS]
    schema = pa.schema([*run, *own])
    count = 0
    try:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            rows = _rows(results)
            while group := list(islice(rows, _GROUP_ROWS)):
                columns = {name: [replace_surrogates(row[name]) for row in group] for name in schema.names}
                writer.write_table(pa.table(columns, schema=schema))
                count += len(group)
    except (OSError, pa.ArrowException) as error:
        raise _failed(path, error) from error
    return count


def _rows(results: Sequence[RunResult]) -> Iterator[dict[str, Any]]:
    for result in results:
        manifest, sampling = result.manifest, result.manifest["sampling"]
        run = {name: manifest.get(name, sampling.get(name)) for name in _RUN_COLUMNS}
        for record in counted_records(result):
            yield {**flatten(record), **run}


def _failed(path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}. Choose another --out.")
