"""How far a score may be off: standard errors, variance components, intervals.

Two kinds of noise are in a mean over Q problems with n samples each:

    Var(mean) = between / Q + within / (Q n)

`within` is the chance in sampling one problem again (more samples shrink it); `between` is how much problems differ
(only more problems shrink it). A standard error that treats the Q n samples as independent is too small, because
samples of one problem resemble each other; the clustered one holds both kinds (Miller 2024, arXiv:2411.00640).

Where everything is right, or everything wrong, the standard error is 0 and says nothing: give `wilson` as well.

`score_interval` is the interval that tables show. Mean ± 2 SE is too short for few problems, and where most problems
are solved always or never it misses on one side only. Wilson's interval has neither fault but counts independent
trials; here it is given the number of trials that would have the clustered standard error, mean (1 - mean) / SE^2, and
Student's quantile for Q - 1 degrees of freedom (after Korn and Graubard 1998, who did the same to the Clopper-Pearson
interval). docs/metrics.md has its coverage in simulations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple, TypedDict

from assay.metrics.passes import Score, graded_only, problem_means
from assay.metrics.student_t import t_quantile


class Interval(NamedTuple):
    """A confidence interval; nan at both ends where there is none."""

    low: float
    high: float


class VarianceComponents(TypedDict):
    """The two variances of which a score's noise is made; nan where they cannot be told apart."""

    between: float
    """Variance of the problems' true means; an estimate below 0 is given as 0."""
    within: float
    """Mean variance of the samples of one problem."""


def se_clustered(scores: Iterable[Iterable[Score]], correction: bool = True) -> float:
    """Standard error of the mean over all samples, where samples of one problem may resemble each other.

    SE^2 = Q/(Q-1) / N^2 * sum_q (sum_i (s_qi - mean))^2; with the same n everywhere that is the standard deviation
    of the problems' means over sqrt(Q).

    Args:
        scores: The scores of each problem's samples; None is dropped.
        correction: The factor Q/(Q-1); without it, the formula of Miller 2024.

    Returns:
        nan for fewer than two problems with a graded sample.
    """
    problems = graded_only(scores)
    if len(problems) < 2:
        return math.nan
    num_samples = sum(len(problem) for problem in problems)
    mean = math.fsum(score for problem in problems for score in problem) / num_samples
    spread = math.fsum(math.fsum(score - mean for score in problem) ** 2 for problem in problems)
    factor = len(problems) / (len(problems) - 1) if correction else 1.0
    return math.sqrt(factor * spread) / num_samples


def se_naive(scores: Iterable[Iterable[Score]]) -> float:
    """Standard error that treats all samples as independent: too small; for comparison with other harnesses."""
    samples = [score for problem in graded_only(scores) for score in problem]
    return math.sqrt(variance(samples) / len(samples)) if len(samples) > 1 else math.nan


def variance_components(scores: Iterable[Iterable[Score]]) -> VarianceComponents:
    """Split the variance into the part between problems and the part within them.

    `within` is the mean over problems of the variance of their samples (problems with one sample say nothing about
    it), `between` the variance of the problems' means less the part that sampling explains. Both are nan where no
    problem has two samples, `between` also for a single problem.
    """
    problems = graded_only(scores)
    variances = [variance(problem) for problem in problems if len(problem) > 1]
    if not variances:
        return {"between": math.nan, "within": math.nan}
    within = math.fsum(variances) / len(variances)
    if len(problems) < 2:
        return {"between": math.nan, "within": within}
    from_sampling = within * math.fsum(1 / len(problem) for problem in problems) / len(problems)
    return {"between": max(0.0, variance(problem_means(problems)) - from_sampling), "within": within}


def sampling_share(scores: Iterable[Iterable[Score]]) -> float:
    """The share of the variance of pass@1 that sampling makes, in [0, 1]: what more samples would take away.

    The rest is the choice of problems, which only more problems reduce. nan where no problem has two graded samples, or
    nothing varies.
    """
    problems = graded_only(scores)
    components = variance_components(problems)
    if math.isnan(components["within"]) or len(problems) < 2:
        return math.nan
    total = variance(problem_means(problems))
    from_sampling = components["within"] * math.fsum(1 / len(problem) for problem in problems) / len(problems)
    return min(1.0, from_sampling / total) if total > 0 else math.nan


def variance(values: list[float]) -> float:
    """Unbiased variance (divided by the number of values less one); nan for fewer than two values."""
    if len(values) < 2:
        return math.nan
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def wilson(c: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval for c successes in n independent trials (Wilson 1927).

    Stays inside [0, 1] and says something where every trial failed: 0 of 30 gives 0..0.114. (0, 1) for n = 0.

    Raises:
        ValueError: c is outside 0..n, or the level outside (0, 1).
    """
    if n < 0 or not 0 <= c <= n:
        raise ValueError(f"c successes in n trials must satisfy 0 <= c <= n, got c={c!r}, n={n!r}")
    z = normal_quantile(level)
    if n == 0:
        return Interval(0.0, 1.0)
    low, high = _score_bounds(c / n, n, z)
    # Exact at the ends, where the two terms cancel but for rounding.
    return Interval(0.0 if c == 0 else low, 1.0 if c == n else high)


def score_interval(mean: float, se: float, num_problems: int, level: float = 0.95) -> tuple[Interval, str]:
    """The interval of a mean of one value in [0, 1] per problem, and its name.

    "wilson": where all problems are right or all wrong, Wilson's interval with the problems as trials. "clustered":
    otherwise, with the effective number of trials (see the module); where all problems have the same value, which says
    nothing of the noise, that number is again the problems'. "": none, for a single problem that is neither.
    """
    if math.isnan(mean) or (math.isnan(se) and 0 < mean < 1):
        return Interval(math.nan, math.nan), ""
    if mean in (0.0, 1.0) or se == 0:
        return wilson(mean * num_problems, num_problems, level), "wilson" if mean in (0.0, 1.0) else "clustered"
    low, high = _score_bounds(mean, mean * (1 - mean) / se**2, t_quantile(level, num_problems - 1))
    return Interval(low, high), "clustered"


def _score_bounds(share: float, n: float, z: float) -> Interval:
    """The two shares that lie z standard errors (their own) from the one seen, n being the number of trials."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def bootstrap_ci(
    scores: Iterable[Iterable[Score]],
    B: int = 10_000,  # noqa: N803  (the usual name; part of the interface)
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of pass@1 from B resamples of the problems (whole problems, since these are the clusters).

    The same seed gives the same interval on every machine (numpy's `default_rng`). nan for no problem.

    Raises:
        ValueError: B < 1, or the level outside (0, 1).
    """
    if B < 1:
        raise ValueError(f"B must be at least 1, got {B!r}")
    _check_level(level)
    means = problem_means(scores)
    if not means:
        return Interval(math.nan, math.nan)
    import numpy as np

    rng = np.random.default_rng(seed)
    values = np.asarray(means)
    resampled = np.empty(B)
    # Blocks of at most 2^20 draws bound the memory; the stream of random numbers is the same as in one go.
    step = max(1, 2**20 // len(values))
    for start in range(0, B, step):
        rows = min(step, B - start)
        resampled[start : start + rows] = values[rng.integers(0, len(values), (rows, len(values)))].mean(axis=1)
    low, high = np.percentile(resampled, [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(low), float(high))


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided interval of this level reaches to either side (0.95: 1.96)."""
    _check_level(level)
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + level) / 2)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
