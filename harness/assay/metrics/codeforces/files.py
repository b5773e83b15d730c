"""Contests from files: each holds one JSON value, or one a line, of any of the forms in `api` and `table`.

What a value is is seen from its fields, never from the file's name, so standings, rating changes and tables may be
given in any order. Standings and rating changes meet by contest id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assay.errors import DataError
from assay.jsonl import MAX_LINE_BYTES, parse_json, parse_object
from assay.metrics.codeforces import api, table
from assay.metrics.codeforces.contest import Contest

_FORMS = (
    "Expected the Codeforces API's contest.standings or contest.ratingChanges, or a table with "
    "contest_id and rows (docs/codeforces.md)"
)


def read_contests(
    standings: Iterable[str | Path], rating_changes: Iterable[str | Path] = (), *, changes_suffice: bool = False
) -> list[Contest]:
    """Read the contests that some files hold, in the order in which they are found.

    Args:
        standings: Files with standings or tables; rating changes may be among them.
        rating_changes: Files with rating changes.
        changes_suffice: Whether rating changes without standings are a contest: they tell places and ratings, but
            neither points nor problems.

    Raises:
        DataError: A file cannot be read, holds something else or what cannot be true of a contest, a contest occurs
            twice, or standings lack their rating changes. Names the file, the place and the remedy.
    """
    found: dict[str, tuple[str, Contest]] = {}
    pending: list[tuple[str, dict[str, Any]]] = []
    changes: dict[str, list[api.RatingChange]] = {}

    def add(where: str, contest: Contest) -> None:
        if contest.id in found:
            raise ValueError(f"contest {contest.id} was already read from {found[contest.id][0]}")
        found[contest.id] = where, contest

    where = ""
    try:
        for where, value in _values([*standings, *rating_changes]):
            if api.is_standings(value):
                pending.append((where, value))
            elif table.is_table(value):
                add(where, table.contest_of(value))
            elif api.are_changes(value):
                for change in api.changes_of(value):
                    changes.setdefault(change.contest_id, []).append(change)
            else:
                raise ValueError(f"found {_describe(value)}. {_FORMS}")
        for where, value in pending:
            add(where, api.contest_of(value, changes.pop(api.contest_id(value), None)))
        if changes_suffice:
            for contest_id, rows in changes.items():
                if contest_id not in found:
                    where = f"rating changes of contest {contest_id}"
                    add(where, api.contest_of_changes(rows))
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    if not found:
        raise DataError(f"no contest in {', '.join(map(str, standings)) or 'no file'}. {_FORMS}")
    return [contest for _, contest in found.values()]


def load_values(path: str | Path) -> Iterator[tuple[str, Any]]:
    """Yield the JSON values of a file, each with its place for error messages, the API's wrapping taken off.

    A file whose first line is a whole JSON value and is not the last is read as JSONL. Raises `DataError`.
    """
    content = _read(Path(path))
    first, _, rest = content.partition(b"\n")
    try:
        several = bool(rest.strip()) and isinstance(parse_json(first), dict)
    except (ValueError, RecursionError):
        several = False
    if several:
        for number, line in enumerate(content.split(b"\n"), start=1):
            if line and not line.isspace():
                yield f"{path}, line {number}", _unwrap(parse_object(line, path, number), path)
        return
    try:
        value = parse_json(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is neither JSON nor JSONL: {error}") from error
    yield str(path), _unwrap(value, path)


def _values(paths: Iterable[str | Path]) -> Iterator[tuple[str, Any]]:
    for path in dict.fromkeys(map(str, paths)):
        for where, value in load_values(path):
            several = isinstance(value, list) and value and all(map(table.is_table, value))
            yield from ((where, each) for each in (value if several else [value]))


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_LINE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MAX_LINE_BYTES:
        raise DataError(f"{path} is larger than {MAX_LINE_BYTES} bytes: no standings come near that")
    if not content.strip():
        raise DataError(f"{path} is empty")
    return content


def _unwrap(value: Any, path: str | Path) -> Any:
    """The result of an answer of the API. Raises `DataError` where the API answered with an error."""
    if not isinstance(value, dict) or "status" not in value:
        return value
    if value["status"] != "OK" or "result" not in value:
        comment = str(value.get("comment", "no reason given"))[:200]
        raise DataError(f"{path} holds a failed answer of the Codeforces API: {comment}. Download it again.")
    return value["result"]


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object with the fields {', '.join(sorted(map(str, value))[:8]) or 'none'}"
    if isinstance(value, list):
        return f"a list of {len(value)}" + (f", the first {_describe(value[0])}" if value else "")
    return f"{type(value).__name__}"
