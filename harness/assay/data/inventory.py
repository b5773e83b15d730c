"""What data the installed benchmarks need, and which of it is on this machine. Never uses the network."""

from __future__ import annotations

from typing import Any

from assay.data import archive, cache
from assay.data.find import DataFile, find_data
from assay.data.source import DataSource
from assay.errors import DataError

_MAX_COUNTED_BYTES = 2**28
"""Rows of a larger file are not counted: parsing a gigabyte takes longer than a listing may."""


def describe_sources() -> list[dict[str, Any]]:
    """One row for each data source of each registered benchmark, sorted by the benchmark's name.

    Keys: `name`, `source`, `licence`, `found`, and `origin`, `where`, `revision`, `rows`, `sha256`, `problem`,
    each None where unknown. `rows` stays None for encrypted data without a password (nobody is asked for one) and
    for files of more than 256 MiB.
    """
    from assay.plugins import get_benchmark, list_benchmarks

    rows: list[dict[str, Any]] = []
    for name in list_benchmarks():
        if not name.endswith(":"):
            described = [describe_source(name, source) for source in sources_of(get_benchmark(name))]
            # One local file may be what several sources of a benchmark are found in.
            rows += {row["where"] or row["source"]: row for row in described}.values()
    return rows


def sources_of(benchmark: object) -> tuple[DataSource, ...]:
    """What a benchmark reads: its `sources`, where it has several, or its `source`; empty where it needs no data."""
    several = getattr(benchmark, "sources", None) or (getattr(benchmark, "source", None),)
    return tuple(source for source in several if isinstance(source, DataSource))


def describe_source(name: str, source: DataSource) -> dict[str, Any]:
    """The row of one benchmark; see `describe_sources`."""
    row: dict[str, Any] = {
        "name": name,
        "source": source.name,
        "licence": source.licence,
        "found": False,
        "origin": None,
        "where": None,
        "revision": None,
        "rows": None,
        "sha256": None,
        "problem": None,
    }
    try:
        file = find_data(source, use_hub=False)
        row |= {"origin": file.origin, "where": file.where, "revision": file.revision, "sha256": file.sha256}
        row |= {"rows": _count(file), "found": True}
    except DataError as error:
        row["problem"] = str(error)
    return row


def fetch(source: DataSource, *, force: bool = False) -> DataFile:
    """Make sure that the data is on this machine, downloading it if it is not.

    Args:
        source: What to fetch.
        force: Download anew into the cache, whatever is there.

    Raises:
        DataError: It cannot be had, or must not be stored.
    """
    if source.confidential and (force or not _present(source)):
        raise DataError(
            f"{source.name} is confidential, so it is never stored in the cache: put {source.files[0]} into a data "
            f"folder, or set HF_TOKEN and it is streamed from the hub into memory at each run"
        )
    if not force and _present(source):
        return find_data(source, use_hub=False)
    return find_data(source, refresh=force)


def _present(source: DataSource) -> bool:
    try:
        find_data(source, use_hub=False)
    except DataError:
        # A damaged copy is reported rather than passed over.
        if not source.confidential:
            cache.checked_sha256(source)
        return False
    return True


def _count(file: DataFile) -> int | None:
    encrypted = file.path is not None and file.path.suffix == ".zip"
    if encrypted and not archive.password_is_set(file.source):
        return None
    if file.path is not None and file.path.stat().st_size > _MAX_COUNTED_BYTES:
        return None
    return sum(1 for _ in file.stream())
