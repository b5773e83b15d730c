"""Student's t distribution for whole degrees of freedom: what few problems need in place of the normal.

The two-sided probability A(t | df) = P(|T| < t) is a finite sum in theta = atan(t / sqrt(df)) (Abramowitz and Stegun
1964, 26.7.3 and 26.7.4), all of whose terms are positive: exact to rounding, without special functions.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL_FROM = 20_000
"""Degrees of freedom from which the normal distribution is taken: its quantiles differ by less than 2 in 10,000."""


def t_within(t: float, df: int) -> float:
    """P(|T| < t) for t >= 0.

    Raises:
        ValueError: df < 1.
    """
    if df < 1:
        raise ValueError(f"degrees of freedom must be at least 1, got {df!r}")
    if math.isinf(t):
        return 1.0
    if df >= _NORMAL_FROM:
        return math.erf(t / math.sqrt(2))
    theta = math.atan(t / math.sqrt(df))
    cos2 = math.cos(theta) ** 2
    odd = df % 2
    term = math.cos(theta) if odd else 1.0
    total = term if df > 1 else 0.0
    for k in range(2 + odd, df - 1, 2):
        term *= (k - 1) / k * cos2
        total += term
        if term < total * 1e-17:
            break
    total *= math.sin(theta)
    return (theta + total) * 2 / math.pi if odd else total


def t_two_sided(t: float, df: int) -> float:
    """P(|T| >= |t|): the p-value of a two-sided t test."""
    return max(0.0, 1.0 - t_within(abs(t), df))


@lru_cache(maxsize=1024)
def t_quantile(level: float, df: int) -> float:
    """How many standard errors a two-sided interval of this level reaches to either side.

    >>> round(t_quantile(0.95, 29), 4)
    2.0452

    Raises:
        ValueError: The level is outside (0, 1), or df < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
    low = NormalDist().inv_cdf((1 + level) / 2)
    high = 2 * low + 1
    while t_within(high, df) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_within(middle, df) < level else (low, middle)
    return high
