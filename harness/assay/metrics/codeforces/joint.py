"""One rating from several contests: joint maximum likelihood, censoring, bootstrap interval.

Model: one rating R throughout, and in contest c a comparison with each participant j, won with Elo's probability.
The log-likelihood of the places is concave in R, with the slope (up to ln 10/400)

    Σ_c w_c (E_c(R) - l_c)          E_c(R) = Σ_j 1 / (1 + 10^((R - r_j)/400)),   l_c = place - 1

so its maximum is where the expected places add up to the places taken. For one contest that is the performance
rating. The mean of performance ratings is something else, and infinite as soon as one contest was won.

Censoring. A performance beyond what the field can tell (`performance`) says "at least the cap" and no more: its
contest pulls R up to the cap and falls silent above it, w_c (E_c(R) - l_c) [R < cap]. Likewise below a floor. The
slope still never rises, so there is one maximum, or one interval of them: [largest cap, ∞) where all contests are
censored from above.

Weights. With w_c = 1 every comparison counts the same, and a round of 15,000 weighs fifteen times one of 1,000
(`Weighting.PAIRS`). With w_c = 1/n_c every contest does (`Weighting.CONTESTS`); that is the better choice where a
model's strength differs from contest to contest by more than a field's noise, which is a few rating points.

Interval. The comparisons of one contest share the same attempts and are far from independent, so the curvature of
the likelihood is no measure of the noise. Contests are resampled with replacement and the rating is found anew for
each resample. The same seed gives the same interval. Nothing can be said with one contest, and little with three.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from assay.metrics.codeforces.elo import SCALE, expected_losses, field_histogram, performance_rating
from assay.metrics.codeforces.performance import MARGIN, Bound, censor, check_margin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_RESAMPLES = 100_000

_HALVINGS = 40
"""From a bracket of some thousand rating points down to 10^-8."""

_BLOCK = 2**21
"""Multiplicities (resamples × contests) that are held at once: 16 MiB."""


class Weighting(StrEnum):
    """What counts the same."""

    PAIRS = "pairs"
    """Every comparison with a participant."""
    CONTESTS = "contests"
    """Every contest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """A place in a field."""

    ratings: Sequence[int]
    """Ratings of the field before the contest."""
    rank: float
    """In 1..n + 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JointRating:
    """The rating from several contests."""

    rating: float
    bound: Bound
    low: float
    """Lower end of the bootstrap interval; nan for a single contest, -inf where the data bound nothing from below."""
    high: float
    """Upper end; +inf where the data bound nothing from above."""
    level: float
    num_contests: int
    num_at_least: int
    """Contests whose field was too weak to tell."""
    num_at_most: int
    resamples: int
    seed: int


def joint_rating(
    placements: Sequence[Placement],
    *,
    margin: int = MARGIN,
    weighting: Weighting = Weighting.PAIRS,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> JointRating:
    """The rating that explains the places taken in several contests best.

    Args:
        placements: One for each contest.
        margin: Rating points beyond a field's strongest and weakest member that the field can tell.
        weighting: What counts the same: every comparison, or every contest.
        resamples: Bootstrap samples, at most 100,000.
        seed: Of the bootstrap.
        level: Confidence level of the interval, in (0, 1).

    Raises:
        ValueError: No contest, an empty field, what is no rating, a place that the field does not have, or a number
            out of range.
    """
    if not placements:
        raise ValueError("a rating needs at least one contest")
    if not 1 <= resamples <= MAX_RESAMPLES:
        raise ValueError(f"the number of resamples must lie in 1..{MAX_RESAMPLES}, got {resamples!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
    check_margin(margin)
    import numpy as np

    terms = [_Term(placement, margin, weighting) for placement in placements]
    lower, upper = _solve(terms, np.ones((1, len(terms))), exact=True)
    rating, bound = _point(round(float(lower[0]), 6), round(float(upper[0]), 6))
    low, high = _interval(terms, resamples, seed, level) if len(terms) > 1 else (math.nan, math.nan)
    return JointRating(
        rating=rating,
        bound=bound,
        low=low,
        high=high,
        level=level,
        num_contests=len(terms),
        num_at_least=sum(term.bound is Bound.AT_LEAST for term in terms),
        num_at_most=sum(term.bound is Bound.AT_MOST for term in terms),
        resamples=resamples,
        seed=seed,
    )


class _Term:
    """One contest's part of the slope."""

    def __init__(self, placement: Placement, margin: int, weighting: Weighting) -> None:
        self.values, self.counts = field_histogram(placement.ratings)
        size = len(placement.ratings)
        self.cap, self.floor = int(self.values[-1]) + margin, int(self.values[0]) - margin
        _, self.bound = censor(performance_rating(placement.ratings, placement.rank), cap=self.cap, floor=self.floor)
        self.losses = placement.rank - 1.0
        self.weight = 1.0 if weighting is Weighting.PAIRS else 1.0 / size
        self._first = 0
        self._table: NDArray[np.float64] | None = None

    def tabulate(self, low: int, high: int) -> None:
        """Prepare `slope` for ratings in low..high: expected losses at whole ratings, linear between them.

        The error is below 0.001 rating points, a curve's deviation from its chord over one point in 400.
        """
        import numpy as np

        self._first = low
        lowest, highest = int(self.values[0]), int(self.values[-1])
        histogram = np.zeros(highest - lowest + 1)
        histogram[self.values - lowest] = self.counts
        loses = 1.0 / (1.0 + 10.0 ** (np.arange(low - highest, high + 2 - lowest) / SCALE))
        self._table = np.convolve(histogram, loses, mode="valid")

    def slope(self, ratings: NDArray[np.float64], exact: bool) -> NDArray[np.float64]:
        """The contest's part of the slope at each rating, 0 where the contest is silent."""
        import numpy as np

        if exact:
            expected = np.asarray([expected_losses(self.values, self.counts, float(rating)) for rating in ratings])
        else:
            assert self._table is not None
            whole = np.floor(ratings).astype(np.int64)
            share = ratings - whole
            at = whole - self._first
            expected = self._table[at] * (1 - share) + self._table[at + 1] * share
        slope = self.weight * (expected - self.losses)
        if self.bound is Bound.AT_LEAST:
            slope = np.where(ratings < self.cap, np.maximum(slope, 0.0), 0.0)
        elif self.bound is Bound.AT_MOST:
            slope = np.where(ratings > self.floor, np.minimum(slope, 0.0), 0.0)
        return slope


def _bracket(terms: Sequence[_Term]) -> tuple[int, int]:
    """Ratings between which every maximum lies: no contest speaks beyond its own cap and floor."""
    return min(term.floor for term in terms) - 1, max(term.cap for term in terms) + 1


def _solve(
    terms: Sequence[_Term], multiplicity: NDArray[np.float64], *, exact: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two ends of the maxima of each resample: where the slope stops being positive, and where it turns negative.

    Args:
        terms: The contests.
        multiplicity: How often each resample holds each contest (resample, contest).
        exact: Whether to evaluate Elo's formula, or the tables.

    Returns:
        -inf and +inf stand for an end that the data do not bound.
    """
    import numpy as np

    bottom, top = _bracket(terms)

    def slope(ratings: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = [multiplicity[:, number] * term.slope(ratings, exact) for number, term in enumerate(terms)]
        total: NDArray[np.float64] = np.sum(parts, axis=0)
        return total

    ends = []
    for positive in (True, False):
        low = np.full(len(multiplicity), float(bottom))
        high = np.full(len(multiplicity), float(top))
        # At the bracket's ends nothing is left to the side: a slope of 0 there says that this side is unbounded.
        none_below = slope(low) <= 0
        none_above = slope(high) >= 0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            value = slope(middle)
            right = value > 0 if positive else value >= 0
            low = np.where(right, middle, low)
            high = np.where(right, high, middle)
        end = (low + high) / 2
        ends.append(np.where(none_below, -np.inf, end) if positive else np.where(none_above, np.inf, end))
    return ends[0], ends[1]


def _point(lower: float, upper: float) -> tuple[float, Bound]:
    """One rating for an interval of maxima, and what it says."""
    if upper == math.inf and lower == -math.inf:
        # Only possible with nothing but silent contests, which cannot be: each speaks on one side.
        raise AssertionError("no contest bounds the rating")
    if upper == math.inf:
        return lower, Bound.AT_LEAST
    if lower == -math.inf:
        return upper, Bound.AT_MOST
    return (lower + upper) / 2, Bound.EXACT


def _interval(terms: Sequence[_Term], resamples: int, seed: int, level: float) -> tuple[float, float]:
    """Percentile interval over resampled contests."""
    import numpy as np

    low, high = _bracket(terms)
    for term in terms:
        term.tabulate(low, high)
    lowers, uppers = np.empty(resamples), np.empty(resamples)
    done = 0
    for drawn in draw_contests(len(terms), resamples, seed):
        rows = slice(done, done + len(drawn))
        lowers[rows], uppers[rows] = _solve(terms, drawn, exact=False)
        done = rows.stop
    return percentile_ends(lowers, uppers, level)


def draw_contests(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Blocks of resamples of `count` contests with replacement: how often each holds each (resample, contest)."""
    import numpy as np

    rng = np.random.default_rng(seed)
    step = max(1, _BLOCK // count)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        yield rng.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)


def percentile_ends(lowers: NDArray[np.float64], uppers: NDArray[np.float64], level: float) -> tuple[float, float]:
    """The ends of a percentile interval from the resamples' lower and upper ends, which may be infinite."""
    import numpy as np

    # Order statistics, not interpolated ones: between a number and infinity there is no middle.
    below = max(0, math.ceil(len(lowers) * (1 - level) / 2) - 1)
    above = math.ceil(len(uppers) * (1 + level) / 2) - 1
    return round(float(np.sort(lowers)[below]), 3), round(float(np.sort(uppers)[above]), 3)
