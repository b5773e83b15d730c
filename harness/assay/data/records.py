"""Rows of a data file that know where they stand, and the readers of the formats we accept.

A benchmark reads its fields with `Record.text`, so that a malformed file is reported with its name, line
and field. Messages name fields and never quote their contents: those may be confidential.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import DataError
from assay.jsonl import parse_json, read_numbered_jsonl


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One row of a data file."""

    values: Mapping[str, Any]
    where: str
    """The file and line, for error messages: "/data/aime_2024.jsonl, line 3"."""

    def text(self, field: str) -> str:
        """A field that must hold text. Raises `DataError` where it is missing, blank or not a string."""
        value = self.values.get(field)
        if not isinstance(value, str):
            found = "missing" if field not in self.values else f"not text ({type(value).__name__})"
            known = ", ".join(sorted(str(key) for key in self.values)) or "none"
            raise DataError(f"{self.where}: the field {field!r} is {found}. Fields of this row: {known}")
        if not value.strip():
            raise DataError(f"{self.where}: the field {field!r} is empty")
        return value

    def pick(self, *fields: str) -> dict[str, Any]:
        """Those of the fields that the row has: for metadata, where nothing is required."""
        return {field: self.values[field] for field in fields if self.values.get(field) not in (None, "")}


def read_file(path: Path) -> Iterator[Record]:
    """The rows of a `.jsonl` or `.csv` file, or of a `.json` array. Raises `DataError` for anything malformed."""
    if path.suffix == ".csv":
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        yield from read_csv(content, str(path))
        return
    if path.suffix == ".json":
        yield from _read_array(path)
        return
    for number, values in read_numbered_jsonl(path):
        yield Record(values=values, where=f"{path}, line {number}")


def _read_array(path: Path) -> Iterator[Record]:
    try:
        rows = parse_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}): it is damaged, or of another format") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} holds no array of objects: the file is of another format")
    for number, row in enumerate(rows):
        yield Record(values=row, where=f"{path}, item {number}")


def read_csv(content: bytes, where: str) -> Iterator[Record]:
    """The rows of a CSV with a header; fields may hold newlines. `where` names the file in errors."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 (byte {error.start}): it is damaged, or not a CSV") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            # DictReader collects surplus cells under the key None and fills missing ones with None.
            if None in row or any(value is None for value in row.values()):
                raise DataError(
                    f"{where}, line {line + 1}: this row has another number of cells than the header "
                    f"({len(reader.fieldnames or ())}): the file is damaged, or its quotes are not balanced"
                )
            yield Record(values=row, where=f"{where}, line {line + 1}")
            line = reader.line_num
    except csv.Error as error:
        raise DataError(f"{where}, line {reader.line_num}: not a readable CSV ({error})") from error
