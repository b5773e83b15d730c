"""Elo's formula for many players: the place that a rating is expected to take, and the rating that expects a place.

    P(j beats R) = 1 / (1 + 10^((R - r_j)/400))          expected place(R) = 1 + Σ_j P(j beats R)

The expected place falls strictly from n + 1 to 1 as R grows, so every place between has exactly one rating. The two
ends have none: who beats everybody is rated +inf, who loses to everybody -inf. They are limits of what this field can
tell, not results; `performance` and `joint` treat them as bounds.

The player itself is not in the field: neither a model nor, in `update`, the participant whose seed is computed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCALE = 400.0
"""Rating points in which the odds change tenfold."""

MIN_RATING, MAX_RATING = -1000, 6000
"""What a rating may be. Real ones lie in -100..4100; anything far outside is another quantity in the wrong column."""

_HALVINGS = 64
"""Bisection steps: from any bracket that occurs down to the resolution of a float."""


def win_probability(rating: float, other: float) -> float:
    """Probability that a player rated `rating` gets a better place than one rated `other`."""
    exponent = (other - rating) / SCALE
    # 10**309 overflows; beyond 300 the probability is 0 to any precision.
    return 1.0 / (1.0 + 10.0**exponent) if exponent < 300 else 0.0


def expected_rank(ratings: Sequence[int], rating: float) -> float:
    """The place, from 1 to n + 1, that a newcomer of this rating is expected to take in a field of n.

    Raises:
        ValueError: The field is empty or holds what is no rating, or `rating` is NaN.
    """
    values, counts = field_histogram(ratings)
    if math.isnan(rating):
        raise ValueError("the rating is NaN")
    return 1.0 + expected_losses(values, counts, rating)


def performance_rating(ratings: Sequence[int], rank: float) -> float:
    """The rating whose expected place among `ratings` is `rank`.

    Args:
        ratings: Ratings of the field before the contest, the player not among them.
        rank: Place taken, 1 being the best; halves are fine (the middle of a tie).

    Returns:
        +inf for place 1, -inf for place n + 1, otherwise finite.

    Raises:
        ValueError: The field is empty, a rating is not a whole number in -1000..6000, or the place is not in 1..n + 1.

    >>> pool = [2400, 2100, 1900, 1700, 1600, 1500, 1400, 1300, 1200, 1000]
    >>> round(performance_rating(pool, 5.5), 1)
    1639.7
    """
    values, counts = field_histogram(ratings)
    size = int(counts.sum())
    check_rank(rank, size)
    losses = rank - 1.0
    if losses == 0:
        return math.inf
    if losses == size:
        return -math.inf
    # If all of the field were as strong as its best, or as weak as its worst, the answer would be one of these.
    low = float(values[0]) - SCALE * math.log10(size / (size - losses)) - 1
    high = float(values[-1]) + SCALE * math.log10(size / losses) + 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if expected_losses(values, counts, middle) > losses:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def expected_losses(values: NDArray[np.int64], counts: NDArray[np.int64], rating: float) -> float:
    """How many of a field (`counts[i]` people rated `values[i]`) are expected to beat a player of this rating."""
    import numpy as np

    exponent = (rating - values) * (math.log(10) / SCALE)
    return float(counts @ np.exp(-np.logaddexp(0.0, exponent)))  # 1/(1+e^x) without overflow


def field_histogram(ratings: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct ratings of a field, ascending, with how often each occurs. Raises `ValueError`."""
    import numpy as np

    if len(ratings) == 0:
        raise ValueError("the field is empty: a place among nobody has no rating")
    for number, rating in enumerate(ratings, start=1):
        check_rating(rating, f"rating {number} of the field")
    values, counts = np.unique(np.asarray(ratings, dtype=np.int64), return_counts=True)
    return values, counts


def check_rating(rating: object, what: str) -> None:
    """Raise `ValueError`, naming `what`, unless this is a whole number that a rating can be."""
    try:
        value = operator.index(rating)  # type: ignore[arg-type]
    except TypeError:
        value = None
    if value is None or isinstance(rating, bool):
        raise ValueError(f"{what} must be a whole number, got {rating!r:.80}")
    if not MIN_RATING <= value <= MAX_RATING:
        shown = str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
        raise ValueError(f"{what} is {shown}, outside {MIN_RATING}..{MAX_RATING}: this is no Codeforces rating")


def check_rank(rank: float, size: int) -> None:
    """Raise `ValueError` unless this is a place that one can take in a field of this size."""
    if isinstance(rank, bool) or not 1 <= rank <= size + 1:  # NaN fails as well
        raise ValueError(f"the place must lie in 1..{size + 1} in a field of {size}, got {rank!r:.80}")
