"""Which samples a page shows: parsed from its address, written back into addresses, and written as SQL.

Whatever an address holds is a filter or nothing: unknown names are ignored, numbers that are none are left out, texts
are cut, and nothing of it is ever part of the SQL but as a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from assay.viewing.database import OURS, VERDICTS

MAX_TEXT = 200
"""Characters of a search."""
_MAX_NAMES = 200

ORDERS = {
    "": ("as stored", "0"),
    "newest": ("newest first", "-CAST(recorded_at * 1000 AS BIGINT)"),
    "longest": ("most tokens first", "-coalesce(num_tokens, -1)"),
    "shortest": ("fewest tokens first", "coalesce(num_tokens, 9000000000000000)"),
}
"""Name in the address: what it is called, and what is sorted by before run and position."""
FLIPS = {
    "any": "right in one of them",
    "gained": "right here, not there",
    "lost": "right there, not here",
}
MARKS = {"cap": "hit the token cap", "loop": "ends in a loop"}
_MARK_SQL = {"cap": "finish_reason = 'length'", "loop": "repetitive"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which samples; every field has its name in the address."""

    run: tuple[str, ...] = ()
    """Names of runs; empty: all."""
    benchmark: tuple[str, ...] = ()
    model: str = ""
    """A part of the model's name, in any case."""
    verdict: tuple[str, ...] = ()
    problem: str = ""
    """Exactly this problem."""
    like: str = ""
    """A part of the problem's id, in any case."""
    low: float | None = None
    """Least score."""
    high: float | None = None
    """Greatest score."""
    mark: str = ""
    against: str = ""
    """Another run: with `flip`, only samples whose counterpart (same problem and index) there is judged otherwise."""
    flip: str = ""
    q: str = ""
    """Words that the text, the extracted answer or the reason holds, in any case."""
    order: str = ""

    def query(self, **changes: Any) -> str:
        """The filter as the query of an address, with these fields changed or added; None and "" are left out."""
        values: dict[str, Any] = {name: getattr(self, name) for name in Filter.__slots__}
        values |= changes
        pairs = [
            (name, each)
            for name, value in values.items()
            for each in (value if isinstance(value, tuple | list) else (value,))
            if each not in (None, "")
        ]
        # A file's name may be no text: what cannot be encoded leads nowhere, and must not break the page.
        return urlencode([(name, _number(each)) for name, each in pairs], errors="replace")

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the runs is chosen."""
        return replace(self, run=(), order="") != Filter()

    def toggled(self, verdict: str) -> str:
        """The query with one verdict more, or less."""
        chosen = [name for name in VERDICTS if (name in self.verdict) != (name == verdict)]
        return self.query(verdict=tuple(chosen))


def parse_filter(pairs: Iterable[tuple[str, str]]) -> Filter:
    """The filter of an address."""
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        if value:
            many.setdefault(name, []).append(value)

    def names(name: str, known: Sequence[str] = ()) -> tuple[str, ...]:
        given = tuple(dict.fromkeys(many.get(name, ())))[:_MAX_NAMES]
        return tuple(value for value in given if value in known) if known else given

    def one(name: str) -> str:
        return many.get(name, [""])[-1]

    def choice(name: str, known: Iterable[str]) -> str:
        return one(name) if one(name) in known else ""

    return Filter(
        run=names("run"),
        benchmark=names("benchmark"),
        model=one("model")[:MAX_TEXT],
        verdict=names("verdict", VERDICTS),
        problem=one("problem")[:4_000],
        like=one("like")[:MAX_TEXT],
        low=_share(one("low")),
        high=_share(one("high")),
        mark=choice("mark", MARKS),
        against=one("against"),
        flip=choice("flip", FLIPS),
        q=one("q")[:MAX_TEXT],
        order=choice("order", ORDERS),
    )


def conditions(chosen: Filter, other: str | None = None) -> tuple[str, list[Any]]:
    """The filter as a condition on `Database.source`, and its parameters; the runs and the search are not in it.

    Args:
        chosen: The filter.
        other: The source of the run that is compared with; None: there is none.
    """
    parts: list[str] = []
    values: list[Any] = []
    if chosen.verdict:
        parts.append("verdict IN (SELECT unnest(?))")
        values.append(list(chosen.verdict))
    if chosen.problem:
        parts.append("problem_id = ?")
        values.append(chosen.problem)
    if chosen.like:
        parts.append("contains(lower(problem_id), lower(?))")
        values.append(chosen.like)
    if chosen.low is not None:
        parts.append("score >= ?")
        values.append(chosen.low)
    if chosen.high is not None:
        parts.append("score <= ?")
        values.append(chosen.high)
    if chosen.mark:
        parts.append(_MARK_SQL[chosen.mark])
    if other is not None and chosen.flip:
        parts.append(_flip(chosen.flip, other))
    return " AND ".join(parts) or "true", values


def _flip(flip: str, other: str) -> str:
    here = {"gained": "verdict = 'right'", "lost": "verdict <> 'right'", "any": "true"}[flip]
    # What we failed to check did not flip.
    return (
        f"{here} AND verdict NOT IN {OURS} AND EXISTS (SELECT 1 FROM {other} AS there "
        "WHERE there.problem_id = sample.problem_id AND there.sample_index = sample.sample_index "
        f"AND there.verdict NOT IN {OURS} AND (there.verdict = 'right') <> (sample.verdict = 'right'))"
    )


def _share(text: str) -> float | None:
    try:
        value = float(text[:30])
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _number(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value
