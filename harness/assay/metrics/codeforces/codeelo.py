"""CodeElo's rule (QwenLM/CodeElo, calc_rating.py at 0bffc84; arXiv:2501.01257), to compare with published numbers.

Per contest: the place is the index, from 0, of the first person in the standings who did strictly worse; the rating
is found by whole-number bisection in [0, strongest old rating + 100]; the final rating is the mean over contests.

Reproduced, with its faults: who ties with others is placed behind them, but one place too high, since indices start
at 0 and places at 1; winning gives strongest + 99 and the mean treats that as a measurement; a new account's shown
rating of 0 is taken as its strength, which makes recent fields look weaker than they are; a rating below 0 cannot
come out. Not reproduced: contests of 200 participants or fewer are left out there, and those whose standings and
rating changes differ in length (teams, disqualified people), because handles are not in fact intersected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.metrics.codeforces.elo import check_rating, expected_losses, field_histogram
from assay.metrics.codeforces.joint import draw_contests, percentile_ends
from assay.metrics.codeforces.scoring import Place

LEAST_PARTICIPANTS = 201
"""CodeElo leaves out smaller contests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeEloRating:
    """A contest by CodeElo's rule."""

    rank: int
    """From 0."""
    rating: int


def codeelo_rating(ratings: Sequence[int], place: Place) -> CodeEloRating:
    """Rate a place by CodeElo's rule; `ratings` are those shown before the contest. Raises `ValueError`."""
    values, counts = field_histogram(ratings)
    check_rating(int(values[-1]), "the strongest rating of the field")
    rank = place.better + place.tied
    low, high = 0, max(0, int(values[-1])) + 100
    while high - low > 1:
        middle = (low + high) // 2
        if 1.0 + expected_losses(values, counts, middle) < rank:
            high = middle
        else:
            low = middle
    return CodeEloRating(rank=rank, rating=low)


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeEloMean:
    """CodeElo's rating over several contests."""

    rating: float
    low: float
    """Lower end of the bootstrap interval over contests, which CodeElo itself does not give; nan for one contest."""
    high: float


def codeelo_mean(ratings: Sequence[CodeEloRating], *, resamples: int, seed: int, level: float) -> CodeEloMean:
    """The mean over contests, with the same bootstrap as `joint_rating`. Raises `ValueError` for no contest."""
    if not ratings:
        raise ValueError("a rating needs at least one contest")
    import numpy as np

    values = np.asarray([each.rating for each in ratings], dtype=np.float64)
    low = high = math.nan
    if len(values) > 1:
        means = np.concatenate([drawn @ values / len(values) for drawn in draw_contests(len(values), resamples, seed)])
        low, high = percentile_ends(means, means, level)
    return CodeEloMean(rating=float(values.mean()), low=low, high=high)
