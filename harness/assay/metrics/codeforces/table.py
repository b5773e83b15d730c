"""Contests from compact tables, one JSON object each: what remains of 30 MB of the API's answers in 100 KB.

    {"contest_id": 1, "division": "Div. 2", "problems": [{"index": "A", "points": 500}, …],
     "rows": [[points, penalty, old_rating], …]}

Other columns are named by `columns`: `handle`, `points`, `penalty`, `old_rating`, `delta` (official change),
`rated_contests` (before this one); what else there is is not read. `style` ("points" or "solved") says which rules
hold where the problems do not tell. Without `problems` a contest has standings only. `id` for `contest_id`, `contest`
for `name` and `participants` for `rows` are understood as well.
"""

from __future__ import annotations

from typing import Any

from assay.metrics.codeforces.api import id_of, problem_of, style_of
from assay.metrics.codeforces.contest import Contest, ContestStyle, division_of

_DEFAULT_COLUMNS = ["points", "penalty", "old_rating"]


def is_table(value: Any) -> bool:
    """Whether this is meant as a compact table."""
    if not isinstance(value, dict) or isinstance(value.get("contest"), dict):
        return False
    return bool({"rows", "participants"} & value.keys()) and bool({"contest_id", "id"} & value.keys())


def contest_of(value: dict[str, Any]) -> Contest:
    """The contest of a compact table. Raises `ValueError` naming what is wrong."""
    identity = id_of(value.get("contest_id", value.get("id")), "contest_id")
    columns = _columns(value.get("columns", _DEFAULT_COLUMNS), identity)
    rows = value.get("rows", value.get("participants"))
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"contest {identity} has no rows")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise ValueError(
                f"contest {identity}, row {number} must be a list of {len(columns)} ({', '.join(columns)}), "
                f"got {row!r:.80}"
            )
    data = dict(zip(columns, zip(*rows, strict=True), strict=True))
    problems = value.get("problems") or []
    if not isinstance(problems, list):
        raise ValueError(f"contest {identity}: the problems must be a list, got {type(problems).__name__}")
    parsed = tuple(problem_of(problem, number) for number, problem in enumerate(problems, start=1))
    name = str(value.get("name", value.get("contest", "")))[:200]
    return Contest(
        id=identity,
        name=name,
        division=str(value.get("division") or division_of(name))[:40],
        style=_style(value.get("style"), identity) or style_of(None, parsed),
        problems=parsed,
        points=data["points"],
        penalties=data["penalty"],
        old_ratings=data["old_rating"],
        deltas=data.get("delta"),
        handles=_handles(data.get("handle"), identity),
        rated_contests=data.get("rated_contests"),
    )


def _columns(columns: Any, identity: str) -> list[str]:
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise ValueError(f"contest {identity}: columns must be a list of names, got {columns!r:.80}")
    missing = [column for column in _DEFAULT_COLUMNS if column not in columns]
    if missing or len(set(columns)) < len(columns):
        raise ValueError(
            f"contest {identity}: columns must be different and hold {', '.join(_DEFAULT_COLUMNS)}; got "
            f"{', '.join(columns)[:80] or 'none'}"
        )
    return columns


def _style(style: Any, identity: str) -> ContestStyle | None:
    if style is None:
        return None
    try:
        return ContestStyle(style)
    except ValueError:
        known = " or ".join(ContestStyle)
        raise ValueError(f"contest {identity}: style must be {known}, got {style!r:.40}") from None


def _handles(handles: tuple[Any, ...] | None, identity: str) -> tuple[str, ...] | None:
    for row, handle in enumerate(handles or (), start=1):
        if not isinstance(handle, str) or not handle:
            raise ValueError(f"contest {identity}, row {row}: the handle must be text, got {handle!r:.80}")
    return handles
