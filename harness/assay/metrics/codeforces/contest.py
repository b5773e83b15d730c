"""One contest: its problems and what the rated people did in it.

Columns, not rows: the same position in `points`, `penalties`, `old_ratings` … is the same person. A contest that was
made is a contest that can be rated: everything that cannot be true of one (NaN, infinite points, a rating of 10^9, a
negative penalty, the same handle twice) is refused here, with the row that holds it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from assay.metrics.codeforces.elo import check_rating

MAX_POINTS = 1e9
"""Points or penalty beyond this, to either side, are a broken file: rounds are worth some ten thousand."""


class ContestStyle(StrEnum):
    """How standings are ordered."""

    POINTS = "points"
    """Codeforces rules: each problem is worth points, wrong tries cost some of them."""
    SOLVED = "solved"
    """ICPC rules (Educational, Div. 3 and 4): number of problems solved, then the smaller penalty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContestProblem:
    """One problem of a contest."""

    index: str
    """Its letter in the contest, upper case: "A", "B1"."""
    points: float | None = None
    """What it is worth at the start; None in contests that count solved problems."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z0-9]{1,8}", self.index):
            raise ValueError(
                f"a problem's index is a letter, maybe with a digit, such as 'A' or 'B1'; got {self.index!r:.40}"
            )
        if self.points is not None:
            check_number(self.points, f"the points of problem {self.index}")
            if self.points <= 0:
                raise ValueError(f"the points of problem {self.index} must be positive, got {self.points!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """A contest as far as its rated participants go. Raises `ValueError` for what cannot be one."""

    id: str
    points: tuple[float, ...]
    """Points, or problems solved. Below 0 only by unsuccessful hacks."""
    penalties: tuple[float, ...]
    """Less is better; 0 throughout where points decide alone."""
    old_ratings: tuple[int, ...]
    """Ratings before the contest, as Codeforces shows them: 0 for a new account (see `newcomers`)."""
    deltas: tuple[int, ...] | None = None
    """Official changes of the shown rating, where known."""
    handles: tuple[str, ...] | None = None
    rated_contests: tuple[int, ...] | None = None
    """Rated contests that each had taken part in before, where known."""
    name: str = ""
    division: str = ""
    """"Div. 2", "Educational", …: contests of one division have fields alike in strength."""
    style: ContestStyle = ContestStyle.POINTS
    problems: tuple[ContestProblem, ...] = ()
    """Empty where only the standings are known; such a contest cannot score attempts."""
    notices: tuple[str, ...] = ()
    """What was left out when it was read, one sentence each."""

    def __post_init__(self) -> None:
        size = len(self.points)
        if size == 0:
            raise ValueError(f"contest {self.id} has no rated participant")
        for field in fields(self):
            column = getattr(self, field.name)
            if field.name in _COLUMNS and column is not None and len(column) != size:
                raise ValueError(f"contest {self.id} has {size} rows of points but {len(column)} of {field.name}")
        for row, values in enumerate(zip(self.points, self.penalties, self.old_ratings, strict=True), start=1):
            _check_row(values, f"contest {self.id}, row {row}")
        for row, delta in enumerate(self.deltas or (), start=1):
            check_whole(delta, f"contest {self.id}, row {row}: the rating change", -7000, 7000)
        for row, count in enumerate(self.rated_contests or (), start=1):
            check_whole(count, f"contest {self.id}, row {row}: the number of rated contests", 0, 10**6)
        _check_unique(self.handles or (), f"contest {self.id}: the handle")
        _check_unique([problem.index for problem in self.problems], f"contest {self.id}: the problem")
        if self.problems and self.style is ContestStyle.POINTS:
            worthless = [problem.index for problem in self.problems if problem.points is None]
            if worthless:
                raise ValueError(f"contest {self.id} counts points, but problems {', '.join(worthless)} have none")
        if self.problems and self.style is ContestStyle.SOLVED and max(self.points) > len(self.problems):
            raise ValueError(
                f"contest {self.id} counts solved problems, but somebody has {max(self.points):g} with "
                f"{len(self.problems)} problems: the problems lack their points"
            )


_COLUMNS = {"penalties", "old_ratings", "deltas", "handles", "rated_contests"}


def division_of(name: str) -> str:
    """The division that a contest's name tells: "Div. 2", "Div. 1 + Div. 2", "Educational", "Global", or "".

    >>> division_of("Codeforces Round 934 (Div. 2)")
    'Div. 2'
    """
    folded = name.casefold()
    if re.search(r"\bedu", folded):
        return "Educational"
    if re.search(r"\bglobal\b", folded):
        return "Global"
    found = re.findall(r"\bdiv(?:ision)?\.?\s?([1-4])(?:\s?\+\s?([1-4]))?", folded)
    numbers = sorted({number for pair in found for number in pair if number})
    return " + ".join(f"Div. {number}" for number in numbers)


def check_number(value: object, what: str) -> None:
    """Raise `ValueError`, naming `what`, unless this is a finite number of reasonable size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} must be a number, got {value!r:.80}")
    if not math.isfinite(value) or abs(value) > MAX_POINTS:
        raise ValueError(f"{what} must be finite and below {MAX_POINTS:.0e}, got {value!r:.80}")


def check_whole(value: object, what: str, low: int, high: int) -> None:
    """Raise `ValueError`, naming `what`, unless this is a whole number in low..high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{what} must be a whole number in {low}..{high}, got {value!r:.80}")


def _check_row(values: tuple[Any, Any, Any], where: str) -> None:
    points, penalty, old_rating = values
    check_number(points, f"{where}: the points")
    check_number(penalty, f"{where}: the penalty")
    if penalty < 0:
        raise ValueError(f"{where}: the penalty must not be negative, got {penalty!r}")
    check_rating(old_rating, f"{where}: the old rating")


def _check_unique(names: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r:.40} occurs twice")
        seen.add(name)
