"""Whether a curve rises or falls, or only wobbles: the statistics behind the alarm `hacking`.

*Reward.* A step's reward is a mean over few completions, and neighbouring steps resemble each other. The slope of a
straight line through the last steps is tested with a standard error that counts correlated steps less: n of them with
lag-1 autocorrelation r of the residuals are worth n(1 − r)/(1 + r) (Santer et al. 2000, JGR 105 D6, eq. 6).

*Held-out score.* The same problems are asked at every evaluation, so each problem q has a slope of its own,
b_q = Σ_t (t − t̄) s_qt / Σ_t (t − t̄)², and the mean of the b_q is tested with the problems as units: easy and hard
problems do not blur the trend, and the noise of sampling is in the spread of the b_q. This alone would call one bad
checkpoint a trend. So the fall must also remain, at a weaker level, whichever single evaluation is left out.

Both tests are one-sided. Nothing here knows of rewards or steps: plain numbers in, p-values out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LEAST_POINTS = 4
"""Fewer evaluations cannot tell a trend from one that is out of line."""
_KEPT = 0.05
"""p-value that must remain when any one evaluation is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """A straight line through a curve."""

    slope: float
    """Per unit of x."""
    p_up: float
    """One-sided p-value against "it does not rise"; 1 where the data cannot say."""
    p_down: float
    """The same against "it does not fall"."""


FLAT = Trend(slope=0.0, p_up=1.0, p_down=1.0)


def line(x: Sequence[float], y: Sequence[float]) -> Trend:
    """The least-squares line through noisy, serially correlated points in order of x."""
    n = len(x)
    if n < _LEAST_POINTS or len(set(x)) < _LEAST_POINTS:
        return FLAT
    weights, scale = _contrast(x)
    slope = math.fsum(w * v for w, v in zip(weights, y, strict=True))
    mean_x, mean_y = math.fsum(x) / n, math.fsum(y) / n
    residuals = [v - mean_y - slope * (at - mean_x) for at, v in zip(x, y, strict=True)]
    squares = math.fsum(r * r for r in residuals)
    if squares <= 1e-24 * n:  # exactly on the line: rounding must not make noise of it
        return Trend(slope=slope, p_up=float(slope <= 0), p_down=float(slope >= 0))
    lag = math.fsum(a * b for a, b in itertools.pairwise(residuals)) / squares
    effective = n * (1 - lag) / (1 + lag) if 0 < lag < 1 else n
    if effective <= 2:
        return FLAT
    return _trend(slope, math.sqrt(squares / (effective - 2) / scale), effective - 2)


def paired(x: Sequence[float], scores: Sequence[Mapping[str, float]]) -> Trend:
    """The mean of the problems' own slopes; `scores[t]` holds each problem's score at `x[t]`.

    Only problems that have a score everywhere count.
    """
    if len(x) < 2 or len(set(x)) < 2:
        return FLAT
    weights, _ = _contrast(x)
    shared = sorted(set.intersection(*(set(at) for at in scores)))
    slopes = [math.fsum(w * at[name] for w, at in zip(weights, scores, strict=True)) for name in shared]
    if len(slopes) < 2:
        return FLAT
    mean = math.fsum(slopes) / len(slopes)
    variance = math.fsum((slope - mean) ** 2 for slope in slopes) / (len(slopes) - 1)
    if variance <= 1e-24:
        return FLAT  # all problems alike: nothing to measure the noise by
    return _trend(mean, math.sqrt(variance / len(slopes)), len(slopes) - 1)


def falls(x: Sequence[float], scores: Sequence[Mapping[str, float]], level: float) -> Trend | None:
    """The trend of held-out scores where it falls beyond doubt, else None.

    Args:
        x: Step of each evaluation.
        scores: Each problem's score at each evaluation.
        level: Largest p-value.
    """
    if len(x) < _LEAST_POINTS:
        return None
    whole = paired(x, scores)
    if not whole.p_down < level:
        return None
    for gone in range(len(x)):
        without = [at for place, at in enumerate(scores) if place != gone]
        if not paired([at for place, at in enumerate(x) if place != gone], without).p_down < _KEPT:
            return None
    return whole


def _contrast(x: Sequence[float]) -> tuple[list[float], float]:
    """Weights whose sum with y is the slope, and Σ (x − x̄)²."""
    mean = math.fsum(x) / len(x)
    scale = math.fsum((at - mean) ** 2 for at in x)
    return [(at - mean) / scale for at in x], scale


def _trend(slope: float, error: float, freedom: float) -> Trend:
    t = slope / error
    return Trend(slope=slope, p_up=_student_tail(t, freedom), p_down=_student_tail(-t, freedom))


def _student_tail(t: float, freedom: float) -> float:
    """P(T > t) of Student's distribution with any positive number of degrees of freedom."""
    from mpmath import betainc

    tail = float(betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True)) / 2
    return tail if t > 0 else 1.0 - tail
