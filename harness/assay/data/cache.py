"""The cache of what was downloaded: `<root>/data/<name>/<revision>/<name>.jsonl` with its SHA-256 beside it.

A single file of the hub keeps its format: `.json` or `.csv`.

The sidecar is written first and the data put in place last, both by renaming a complete, synced temporary
file: whoever finds the data finds all of it, and a crash at any moment leaves either the old state or a
sidecar without data, which counts as absent.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.data.source import DataSource
from assay.errors import DataError
from assay.hashing import canonical_json


def root() -> Path:
    """`$ASSAY_CACHE`, or `~/.cache/assay`. Raises `DataError` where there is no home folder."""
    chosen = os.environ.get("ASSAY_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    try:
        return Path.home() / ".cache" / "assay"
    except RuntimeError as error:
        raise DataError("there is no home folder to keep a cache in: set ASSAY_CACHE to a folder") from error


def file_of(source: DataSource) -> Path:
    """Where the cached data of a source lies, whether or not it exists. A file of the hub keeps its format."""
    suffix = Path(source.hub_file).suffix if source.hub_file else ".jsonl"
    return root() / "data" / source.name / (source.hub_revision or "unpinned") / f"{source.name}{suffix}"


def sidecar_of(file: Path) -> Path:
    """The file with the recorded checksum; `sha256sum -c` reads it."""
    return file.with_name(file.name + ".sha256")


def checked_sha256(source: DataSource) -> str | None:
    """The SHA-256 of the cached file, compared with the recorded one; None where nothing is cached.

    Raises:
        DataError: The file is not the one that was stored, or cannot be read.
    """
    from assay.data.find import file_sha256

    file = file_of(source)
    try:
        if not file.exists():
            return None
        recorded = sidecar_of(file).read_text(encoding="ascii", errors="replace").split(" ")[0].strip()
    except FileNotFoundError:
        raise DataError(f"{file} has no recorded checksum beside it. {_remedy(source, file)}") from None
    except OSError as error:
        raise DataError(f"cannot read the cache at {file}: {error.strerror or error}") from error
    found = file_sha256(file)
    if found != recorded:
        raise DataError(
            f"{file} changed since it was downloaded at revision {source.hub_revision}: its sha256 is {found}, "
            f"recorded is {recorded}. {_remedy(source, file)}"
        )
    return found


def to_jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as JSONL with sorted keys, so that the same rows have the same checksum everywhere."""
    return b"".join(canonical_json(row) + b"\n" for row in rows)


def store(source: DataSource, rows: Sequence[Mapping[str, Any]], *, replace: bool) -> None:
    """Put rows into the cache. `replace` allows a file that is already there to become another.

    Raises:
        DataError: The cache cannot be written, or it holds other data under this revision.
    """
    content = to_jsonl(rows)
    sha256 = hashlib.sha256(content).hexdigest()
    file = file_of(source)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not replace and _holds(source, sha256):
            return  # another process stored it since we looked
        file.unlink(missing_ok=True)
        _put(sidecar_of(file), f"{sha256}  {file.name}\n".encode())
        _put(file, content)
    except OSError as error:
        raise DataError(
            f"cannot write the cache at {file}: {error.strerror or error}. Free some space or set ASSAY_CACHE to a "
            "folder that can be written."
        ) from error


def adopt(source: DataSource, downloaded: Path, *, replace: bool) -> None:
    """Move a complete file into the cache. `replace` allows a file that is already there to become another.

    Raises:
        DataError: It is not the file that the source records, or the cache holds another under this revision.
    """
    from assay.data.find import file_sha256

    sha256 = file_sha256(downloaded)
    if source.hub_sha256 not in (None, sha256):
        raise DataError(
            f"hub:{source.hub_repo}@{source.hub_revision}: what arrived of {source.hub_file} has the sha256 {sha256}, "
            f"recorded is {source.hub_sha256}. Run the command again; if it stays so, the file was changed."
        )
    file = file_of(source)
    if not replace and _holds(source, sha256):
        return
    file.unlink(missing_ok=True)
    _put(sidecar_of(file), f"{sha256}  {file.name}\n".encode())
    os.replace(downloaded, file)


def _holds(source: DataSource, sha256: str) -> bool:
    """Whether the cache has this very file. Raises `DataError` where it has another under the same revision."""
    present = checked_sha256(source)
    if present not in (None, sha256):
        file = file_of(source)
        raise DataError(
            f"{file} (sha256 {present}) differs from what the hub now gives for the same revision (sha256 {sha256}). "
            f"{_remedy(source, file)}"
        )
    return present is not None


def _put(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _remedy(source: DataSource, file: Path) -> str:
    return f"Delete {file.parent} or run `assay data fetch --force {source.benchmark or source.name}`."
