"""Trying the places in order, and checking that what is found is what it was.

The SHA-256 that a `DataFile` carries is of the bytes that its records come from: the file's size and time
of change are compared before and after reading, so that a file swapped in between is noticed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from assay.data import archive, cache, hub, hub_file
from assay.data.records import Record, read_csv, read_file
from assay.data.source import DataSource
from assay.errors import DataError, UsageError
from assay.jsonl import read_numbered_jsonl

MANIFEST = "MANIFEST.jsonl"
_CHUNK = 2**20
_chosen: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFile:
    """Data that was found, with what identifies it."""

    source: DataSource
    path: Path | None
    """The file; None where the rows came from the hub straight into memory (confidential data)."""
    sha256: str
    """Of the file's bytes, in hex; of the rows as JSONL where there is no file."""
    origin: Literal["folder", "cache", "hub"]
    revision: str | None
    """The hub commit; None for a file in a folder."""
    _load: Callable[[], Iterator[Record]] = field(repr=False)

    @property
    def where(self) -> str:
        """The place, for people: a path, or the hub's repository and commit."""
        return str(self.path) if self.path is not None else f"hub:{self.source.hub_repo}@{self.revision}"

    @property
    def provenance(self) -> dict[str, str | None]:
        """Origin, place, revision and SHA-256: what a result records of the data that it was made from."""
        return {"origin": self.origin, "where": self.where, "revision": self.revision, "sha256": self.sha256}

    def records(self) -> list[Record]:
        """All rows in order.

        Raises:
            DataError: Malformed content, a missing or wrong password, no rows, or a change while reading.
        """
        return list(self.stream())

    def stream(self) -> Iterator[Record]:
        """The rows of `records` one at a time, for files that are larger than memory. Raises as it does, also late."""
        before = _stamp(self.path)
        empty = True
        for record in self._load():
            empty = False
            yield record
        if _stamp(self.path) != before:
            raise DataError(f"{self.where} changed while it was read. Run the command again.")
        if empty:
            raise DataError(f"{self.where} holds no rows: the file is empty or was cut off")


def set_data_dir(folders: str | Path | None) -> None:
    """Choose the data folders of this process, before `ASSAY_DATA`; None takes the choice back.

    Args:
        folders: One folder, or several separated by `os.pathsep`.

    Raises:
        UsageError: One of them is not a folder.
    """
    global _chosen
    chosen = _split(folders)
    for folder in chosen:
        if not folder.is_dir():
            raise UsageError(f"the data folder {folder} does not exist or is not a folder")
    _chosen = chosen


def data_dirs(data_dir: str | Path | None = None) -> tuple[Path, ...]:
    """The folders that are searched, in order: the argument's, the chosen ones, `ASSAY_DATA`'s."""
    return tuple(dict.fromkeys((*_split(data_dir), *_chosen, *_split(os.environ.get("ASSAY_DATA")))))


def cache_root() -> Path:
    """`$ASSAY_CACHE`, or `~/.cache/assay`."""
    return cache.root()


def find_data(
    source: DataSource, data_dir: str | Path | None = None, *, use_hub: bool = True, refresh: bool = False
) -> DataFile:
    """Find the data of a benchmark: folders, then the cache, then the hub at the pinned revision.

    Args:
        source: What to look for.
        data_dir: Folders to try first, separated by `os.pathsep`.
        use_hub: False asks only for what is on this machine.
        refresh: Skip folders and the cache's present file, and download anew into the cache.

    Raises:
        DataError: It is nowhere (the message lists every place with the reason), or a copy was found whose
            bytes are not the recorded ones.
    """
    tried: list[str] = []
    if not refresh:
        for folder in data_dirs(data_dir):
            found = _in_folder(source, folder, tried)
            if found is not None:
                return found
        if not tried:
            tried.append("folders: none given (--data, ASSAY_DATA)")
    if source.hub_revision is not None and not source.confidential:
        file = cache.file_of(source)
        if not refresh and cache.checked_sha256(source) is not None:
            return _cached(source, file, "cache")
        tried.append(f"cache: {'skipped, a fresh copy was asked for' if refresh else f'{file} does not exist'}")
    if use_hub:
        try:
            return _from_hub(source, refresh=refresh)
        except hub.HubError as error:
            tried.append(f"hub: {error}")
    places = "".join(f"\n  - {reason}" for reason in tried)
    raise DataError(f"the data of {source.name} was not found. Tried:{places}\n{_remedy(source)}")


def _from_hub(source: DataSource, *, refresh: bool) -> DataFile:
    if source.hub_file is not None:
        hub_file.store(source, replace=refresh)
        return _cached(source, cache.file_of(source), "hub")
    rows = hub.download(source)
    if not source.confidential:
        cache.store(source, rows, replace=refresh)
        return _cached(source, cache.file_of(source), "hub")
    where = f"hub:{source.hub_repo}@{source.hub_revision}"
    records = [Record(values=row, where=f"{where}, row {index}") for index, row in enumerate(rows)]
    return DataFile(
        source=source,
        path=None,
        sha256=hashlib.sha256(cache.to_jsonl(rows)).hexdigest(),
        origin="hub",
        revision=source.hub_revision,
        _load=lambda: iter(records),
    )


def _cached(source: DataSource, file: Path, origin: Literal["cache", "hub"]) -> DataFile:
    return DataFile(
        source=source,
        path=file,
        sha256=file_sha256(file),
        origin=origin,
        revision=source.hub_revision,
        _load=lambda: read_file(file),
    )


def _in_folder(source: DataSource, folder: Path, tried: list[str]) -> DataFile | None:
    if not folder.is_dir():
        tried.append(f"{folder}: not a folder")
        return None
    path = next((folder / name for name in source.files if (folder / name).is_file()), None)
    if path is None:
        tried.append(f"{folder}: holds no {' or '.join(source.files)}")
        return None
    sha256 = file_sha256(path)
    recorded = _manifest_sha256(folder, path.name)
    if recorded is not None and recorded != sha256:
        raise DataError(
            f"{path} is not the file that {folder / MANIFEST} describes: its sha256 is {sha256}, recorded is "
            f"{recorded}. Restore the file, or correct its row in the manifest if the change was meant."
        )

    def load() -> Iterator[Record]:
        if path.suffix == ".zip":
            return read_csv(archive.read_member(path, source), str(path))
        return read_file(path)

    return DataFile(source=source, path=path, sha256=sha256, origin="folder", revision=None, _load=load)


def _manifest_sha256(folder: Path, name: str) -> str | None:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return None
    for number, row in read_numbered_jsonl(manifest):
        if row.get("file") == name and (recorded := row.get("sha256")) is not None:
            if not isinstance(recorded, str):
                raise DataError(f"{manifest}, line {number}: sha256 must be a string")
            return recorded.lower()
    return None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises `DataError` where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return digest.hexdigest()


def _split(folders: str | Path | None) -> tuple[Path, ...]:
    parts = str(folders).split(os.pathsep) if folders is not None else []
    return tuple(Path(part).expanduser() for part in parts if part.strip())


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def _remedy(source: DataSource) -> str:
    names = " or ".join(source.files)
    if source.hub_revision is None:
        return f"Put {names} into a folder and name it: --data FOLDER, or ASSAY_DATA=FOLDER."
    fetch = "set HF_TOKEN" if source.confidential else f"run `assay data fetch {source.benchmark or source.name}`"
    return f"Put {names} into a folder and name it (--data FOLDER, or ASSAY_DATA=FOLDER), or {fetch} with a network."
