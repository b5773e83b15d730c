"""How many problems and samples it takes to see a difference between two runs.

Two runs are compared problem by problem. With Q problems and n samples of each, the standard error of the difference
is

    SE^2 = (between + within_a / n + within_b / n) / Q

`between` is the variance over problems of the true difference, which no number of samples reduces. Where only one run
is known, the other is taken to have the same variances, and its true pass rates to be correlated with the first's over
problems: between = 2 (1 - correlation) between_1. A difference is seen with the given power if it is
t(alpha/2) + t(power) standard errors away from 0 (Miller 2024, arXiv:2411.00640, with Student's quantiles).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from assay.metrics.noise import variance, variance_components
from assay.metrics.passes import Score, graded_only
from assay.metrics.student_t import t_quantile

MAX_PROBLEMS = 10_000_000
"""More than any benchmark has; beyond it a difference counts as out of reach."""
MAX_SAMPLES = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PairVariance:
    """The noise of a paired difference."""

    between: float
    """Variance over problems of the true difference."""
    within: float
    """Sum of the two runs' variances of one sample within a problem."""

    def se(self, problems: int, samples: float) -> float:
        """Standard error of the difference; `samples` may be math.inf."""
        return math.sqrt((self.between + self.within / samples) / problems)


def pair_from_one(between: float, within: float, correlation: float) -> PairVariance:
    """What is assumed of a pair of which one run is known, by its variance components.

    Raises:
        ValueError: The correlation is outside [-1, 1], or a variance is negative or nan.
    """
    if not -1 <= correlation <= 1:
        raise ValueError(f"a correlation lies in [-1, 1], got {correlation!r}")
    if not (between >= 0 and within >= 0):
        raise ValueError(f"variances are at least 0, got between={between!r}, within={within!r}")
    return PairVariance(between=2 * (1 - correlation) * between, within=2 * within)


def pair_from_two(a: Sequence[Iterable[Score]], b: Sequence[Iterable[Score]]) -> PairVariance:
    """The noise of the difference between two runs, measured; nan where a problem's samples cannot tell it."""
    both = [(x, y) for x, y in zip(map(list, a), map(list, b), strict=True) if graded_only([x]) and graded_only([y])]
    first, second = [graded_only([x])[0] for x, _ in both], [graded_only([y])[0] for _, y in both]
    within_a, within_b = variance_components(first)["within"], variance_components(second)["within"]
    differences = [math.fsum(x) / len(x) - math.fsum(y) / len(y) for x, y in zip(first, second, strict=True)]
    sampling = math.fsum(within_a / len(x) + within_b / len(y) for x, y in zip(first, second, strict=True)) / max(
        1, len(both)
    )
    between = variance(differences) - sampling
    return PairVariance(between=max(0.0, between) if not math.isnan(between) else between, within=within_a + within_b)


def detectable(pair: PairVariance, problems: int, samples: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference that is seen with this power; nan for fewer than two problems."""
    if problems < 2:
        return math.nan
    reach = t_quantile(1 - alpha, problems - 1) + _one_sided(power, problems - 1)
    return reach * pair.se(problems, samples)


def problems_needed(
    pair: PairVariance, diff: float, samples: float, *, power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """The fewest problems with which a difference of `diff` is seen; None beyond `MAX_PROBLEMS`."""
    return _fewest(lambda q: detectable(pair, q, samples, power=power, alpha=alpha) <= diff, 2, MAX_PROBLEMS)


def samples_needed(
    pair: PairVariance, diff: float, problems: int, *, power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """The fewest samples of each problem with which `diff` is seen; None where no number of samples is enough."""
    return _fewest(lambda n: detectable(pair, problems, n, power=power, alpha=alpha) <= diff, 1, MAX_SAMPLES)


def _one_sided(power: float, df: int) -> float:
    if power >= 0.5:
        return t_quantile(2 * power - 1, df) if power > 0.5 else 0.0
    return NormalDist().inv_cdf(power)


def _fewest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
