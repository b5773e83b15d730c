"""The rating changes after a contest, as Codeforces computes them (codeforces.com/blog/entry/20762).

With P(j beats i) by Elo's formula, for each participant i of n:

    seed_i  = 1 + Σ_{j≠i} P(j beats i)             the expected place
    rank_i  = the actual place; people who tie all take the worst place of the tie
    m_i     = sqrt(seed_i · rank_i)                geometric mean: an upset counts for half of what it looks like
    R_i     = the largest whole R in 1..7999 with 1 + Σ_{j≠i} P(j beats one rated R) >= m_i (1 where there is none)
    d_i     = (R_i - r_i) / 2                      truncated towards 0, as integers divide in Java and C

Two corrections, equal for all, keep ratings from inflating:

    d_i += -Σ d / n - 1                            the sum ends a little below 0
    d_i += min(0, max(-10, -Σ_top d / s))          s = min(n, 4 · round(sqrt n)), summed over the s highest rated

Both divisions truncate towards 0 as well. A participant is not in its own field, neither in seed_i nor in R_i (the
code in the blog leaves it out of the first only; the official changes show that it is left out of both).

Ratings are whole numbers, so the expected place at every whole R is one convolution of the histogram of ratings with
Elo's curve: n log n steps become a table look-up, and a round of 15,000 takes some ten milliseconds. The convolution
is a plain sum, not an FFT, whose rounding (10^-9 of a place) would flip a truncation now and then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.metrics.codeforces.contest import Contest
from assay.metrics.codeforces.elo import MAX_RATING, MIN_RATING, SCALE
from assay.metrics.codeforces.newcomers import NewAccounts, internal_ratings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOP = 8000
"""Upper end of the search for R; it is never reached."""

_WIDTH = _TOP - MIN_RATING
"""Largest difference of ratings that is looked up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingUpdate:
    """Everybody's rating change, in the order of the contest's rows."""

    contest: Contest
    deltas: tuple[int, ...]
    """Changes of the shown rating: for a new account, what it is shown on top is in it."""
    ranks: tuple[int, ...]
    """Places; people who tie take the worst place of the tie."""
    seeds: tuple[float, ...]
    corrections: tuple[int, int]
    """What was added to everybody: against the sum, and against the sum over the highest rated."""

    @property
    def differing(self) -> tuple[int, ...]:
        """Rows whose official change is another, from 0; empty where no official changes are known."""
        official = self.contest.deltas or self.deltas
        return tuple(
            row for row, (ours, theirs) in enumerate(zip(self.deltas, official, strict=True)) if ours != theirs
        )

    @property
    def agreement(self) -> float:
        """Share of the participants whose official change is the same; nan where none are known."""
        return math.nan if self.contest.deltas is None else 1 - len(self.differing) / len(self.deltas)


def update_ratings(contest: Contest, new_accounts: NewAccounts = NewAccounts.AUTO) -> RatingUpdate:
    """Compute the rating changes of all participants of a contest."""
    import numpy as np

    internal = internal_ratings(contest, new_accounts)
    ratings = internal.ratings
    field = _Field(ratings)
    ranks = worst_ranks(contest.points, contest.penalties)
    seeds = field.seed(ratings, ratings)
    needed = field.rating_for(np.sqrt(ranks * seeds), ratings)
    deltas = _halved(needed - ratings)
    first = _divided(-int(deltas.sum()), len(ratings)) - 1
    deltas += first
    strongest = _strongest(ratings, contest)
    second = min(max(_divided(-int(deltas[strongest].sum()), len(strongest)), -10), 0)
    deltas += second
    return RatingUpdate(
        contest=contest,
        deltas=tuple((deltas + internal.additions).tolist()),
        ranks=tuple(ranks.tolist()),
        seeds=tuple(seeds.tolist()),
        corrections=(first, second),
    )


def worst_ranks(points: tuple[float, ...], penalties: tuple[float, ...]) -> NDArray[np.int64]:
    """The place of each row, from 1; those who tie all take the last place of the tie."""
    import numpy as np

    order = np.lexsort((np.asarray(penalties), -np.asarray(points)))
    sorted_points, sorted_penalties = np.asarray(points)[order], np.asarray(penalties)[order]
    last_of_tie = np.ones(len(order), dtype=bool)
    last_of_tie[:-1] = (sorted_points[1:] != sorted_points[:-1]) | (sorted_penalties[1:] != sorted_penalties[:-1])
    ends = np.flatnonzero(last_of_tie) + 1
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.repeat(ends, np.diff(ends, prepend=0))
    return ranks


class _Field:
    """Expected places in a field, tabulated for every whole rating."""

    def __init__(self, ratings: NDArray[np.int64]) -> None:
        import numpy as np

        self._lowest = int(ratings.min())
        difference = np.arange(-_WIDTH, _WIDTH + 1)
        self._loses = 1.0 / (1.0 + 10.0 ** (difference / SCALE))  # to somebody rated `difference` lower
        histogram = np.bincount(ratings - self._lowest)
        self._expected = 1.0 + np.convolve(histogram, self._loses)

    def seed(self, rating: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.float64]:
        """Expected place of somebody rated `rating` among all but one participant, who is rated `own`."""
        result: NDArray[np.float64] = (
            self._expected[rating - self._lowest + _WIDTH] - self._loses[rating - own + _WIDTH]
        )
        return result

    def rating_for(self, rank: NDArray[np.float64], own: NDArray[np.int64]) -> NDArray[np.int64]:
        """The largest whole rating whose expected place is still `rank` or worse, found by bisection."""
        import numpy as np

        low, high = np.ones_like(own), np.full_like(own, _TOP)
        while (high - low > 1).any():
            middle = (low + high) // 2
            better = self.seed(middle, own) < rank
            # Those that are done have middle == low, and low is never too good.
            high = np.where(better & (high - low > 1), middle, high)
            low = np.where(better, low, middle)
        return low


def _strongest(ratings: NDArray[np.int64], contest: Contest) -> NDArray[np.int64]:
    """Rows of the highest rated, whose ratings must not inflate; of equal ratings, those with the better place."""
    import numpy as np

    order = np.lexsort((np.asarray(contest.penalties), -np.asarray(contest.points), -ratings))
    return order[: min(len(ratings), 4 * round(math.sqrt(len(ratings))))]


def _halved(difference: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    halved: NDArray[np.int64] = np.sign(difference) * (np.abs(difference) // 2)
    return halved


def _divided(total: int, count: int) -> int:
    """Integer division that truncates towards 0."""
    return total // count if total >= 0 else -(-total // count)


assert MAX_RATING < _TOP
