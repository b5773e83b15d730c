"""The difference between two runs, with everything a person needs to believe it or not.

The runs are compared problem by problem (see `compare`). The interval is Student's: difference ± t SE, with one
difference per problem as the unit. The p-value is that of the exact sign-flip test wherever it can be counted, and of
Student's paired test otherwise; `p_method` says which. Many comparisons at once are corrected by Holm's method, which
holds whatever their dependence (Holm 1979).

More samples per problem shrink the sampling part of the noise only: `sampling_share` tells how large it is, and
`se_limit` what would be left of the standard error with endless samples of the same problems.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.metrics.compare import paired, sign_flip_exact
from assay.metrics.noise import variance
from assay.metrics.passes import Score, graded_only
from assay.metrics.student_t import t_quantile, t_two_sided


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Run a less run b; nan where a number is not defined."""

    diff: float
    se: float
    low: float
    """Ends of the interval, within [-1, 1]."""
    high: float
    p: float
    """Probability of a difference this large, either way, if the runs were equally good."""
    p_method: str
    """ "sign-flip", "t", or empty where there is no p."""
    num_problems: int
    """Problems with a graded sample in both."""
    won: int
    """Problems on which a's mean score is higher."""
    lost: int
    tied: int
    sampling_share: float
    """Share of the variance of `diff` that sampling makes: what more samples of the same problems take away."""
    se_limit: float
    """The standard error with endless samples of the same problems."""


def difference(a: Sequence[Iterable[Score]], b: Sequence[Iterable[Score]], level: float = 0.95) -> Difference:
    """Compare runs a and b; `a[q]` and `b[q]` are the scores of the same problem's samples.

    For a metric with one value per problem (cons@k), give lists of one number.

    Raises:
        ValueError: The runs have different numbers of problems.
    """
    first, second = [list(scores) for scores in a], [list(scores) for scores in b]
    compared = paired(first, second)
    both = [(x, y) for x, y in zip(first, second, strict=True) if graded_only([x]) and graded_only([y])]
    means = [(_mean(x), _mean(y)) for x, y in both]
    num = len(means)
    diff, se = compared["diff"], compared["se"]
    reach = t_quantile(level, num - 1) * se if num > 1 and se > 0 else math.nan
    p, method = _p_value(first, second, compared["z"], num)
    share = _sampling_share(both, num * se * se)
    return Difference(
        diff=diff,
        se=se,
        low=max(-1.0, diff - reach) if not math.isnan(reach) else math.nan,
        high=min(1.0, diff + reach) if not math.isnan(reach) else math.nan,
        p=p,
        p_method=method,
        num_problems=num,
        won=sum(x > y for x, y in means),
        lost=sum(x < y for x, y in means),
        tied=sum(x == y for x, y in means),
        sampling_share=share,
        se_limit=se * math.sqrt(max(0.0, 1 - share)),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the same order: each may be compared with the level for all of them together.

    nan stays nan, and counts as no comparison.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = largest
    return adjusted


def _p_value(
    a: Sequence[Sequence[Score]], b: Sequence[Sequence[Score]], t: float, num_problems: int
) -> tuple[float, str]:
    try:
        p = sign_flip_exact(a, b)
        if not math.isnan(p):
            return p, "sign-flip"
    except ValueError:  # too many problems that differ by odd amounts: the t test is good for that many
        if not math.isnan(t):
            return t_two_sided(t, num_problems - 1), "t"
    return math.nan, ""


def _sampling_share(both: Sequence[tuple[Sequence[Score], Sequence[Score]]], total: float) -> float:
    """Share of the variance of the problems' differences that the chance in sampling explains."""
    parts = [_sampling_variance(x) + _sampling_variance(y) for x, y in both]
    known = [part for part in parts if not math.isnan(part)]
    if not known or not total > 0:
        return math.nan
    return min(1.0, math.fsum(known) / len(known) / total)


def _sampling_variance(scores: Sequence[Score]) -> float:
    """Variance of a problem's mean score; nan for fewer than two samples."""
    graded = [float(score) for score in scores if score is not None]
    return variance(graded) / len(graded) if len(graded) > 1 else math.nan


def _mean(scores: Sequence[Score]) -> float:
    graded = [float(score) for score in scores if score is not None]
    return math.fsum(graded) / len(graded)
