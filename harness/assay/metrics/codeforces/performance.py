"""One contest: the model's place and rating in it, and whether the field is strong enough to tell.

Elo's formula gives a rating for every place but the last ones at either end, however far that rating lies outside
the field. In a Div. 2 round, whose rated participants are all below 2100, it would tell 2600 from 2800 by a handful
of upsets. So a field says no more than `MARGIN` points beyond its strongest member: a performance at or above that
cap is reported as ">= cap", as is place 1, which has no finite rating; in the same way "<= floor" below the weakest.
CodeElo searches up to the same cap. The uncensored solution is kept in `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from assay.metrics.codeforces.contest import Contest
from assay.metrics.codeforces.elo import performance_rating
from assay.metrics.codeforces.newcomers import NewAccounts, internal_ratings
from assay.metrics.codeforces.scoring import ModelScore, Place, TieRule, place_among

MARGIN = 100
"""Rating points beyond its strongest and weakest member that a field can tell (CodeElo's margin)."""


class Bound(StrEnum):
    """What a rating says."""

    EXACT = "="
    AT_LEAST = ">="
    """The field saturates: the truth may be anything from here up."""
    AT_MOST = "<="


@dataclass(frozen=True, kw_only=True, slots=True)
class ContestRating:
    """A model in one contest."""

    contest: Contest
    score: ModelScore
    place: Place
    rating: float
    """The performance rating, or the cap or floor where `bound` is not `EXACT`: always finite."""
    bound: Bound
    exact: float
    """The solution of the equation, infinite at place 1 and n + 1."""
    cap: int
    floor: int
    field: tuple[int, ...]
    """Ratings of the rated participants that were computed with."""


def rate_contest(
    contest: Contest,
    score: ModelScore,
    *,
    ties: TieRule = TieRule.MIDPOINT,
    new_accounts: NewAccounts = NewAccounts.AUTO,
    margin: int = MARGIN,
) -> ContestRating:
    """Place a score among the rated participants and rate the place.

    Raises:
        ValueError: The score is not finite, or the margin is negative.
    """
    check_margin(margin)
    place = place_among(contest, score, ties)
    field = tuple(internal_ratings(contest, new_accounts).ratings.tolist())
    exact = performance_rating(field, place.rank)
    rating, bound = censor(exact, cap=max(field) + margin, floor=min(field) - margin)
    return ContestRating(
        contest=contest,
        score=score,
        place=place,
        rating=rating,
        bound=bound,
        exact=exact,
        cap=max(field) + margin,
        floor=min(field) - margin,
        field=field,
    )


def check_margin(margin: int) -> None:
    """Raise `ValueError` unless this many points may lie between a field's strongest member and its cap."""
    if not 0 <= margin <= 10_000:
        raise ValueError(f"the margin must lie in 0..10000, got {margin!r}")


def censor(exact: float, *, cap: float, floor: float) -> tuple[float, Bound]:
    """A rating held within what a field can tell, and which end it was held at."""
    if exact >= cap:
        return float(cap), Bound.AT_LEAST
    if exact <= floor:
        return float(floor), Bound.AT_MOST
    return exact, Bound.EXACT
