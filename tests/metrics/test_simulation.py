"""Do the numbers mean what they say? Simulated runs: coverage of the intervals, p-values under the null, power.

2,000 runs of 30 and of 500 problems. The share of 95% intervals that hold the truth has itself a standard error of
0.5 points, so 93–97% is four of them. Problems are drawn anew for each run: the truth is that of the population.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.metrics import (
    PairVariance,
    detectable,
    difference,
    holm,
    pair_from_one,
    pair_from_two,
    problems_needed,
    samples_needed,
    score_interval,
    t_quantile,
    variance_components,
)

RUNS = 2_000
BETA = {"AIME-like": (0.5, 0.5), "even": (2.0, 2.0), "easy": (4.0, 1.0)}
"""Distributions of the problems' difficulty."""


def simulate(rng, shape, problems: int, samples: int, runs: int = RUNS):
    """Mean scores of runs × problems, and the true mean."""
    rates = rng.beta(*shape, (runs, problems))
    return rng.binomial(samples, rates) / samples, shape[0] / (shape[0] + shape[1])


def covered(means, truth: float) -> float:
    count = 0
    for run in means:
        (low, high), _ = score_interval(float(run.mean()), float(run.std(ddof=1)) / math.sqrt(len(run)), len(run))
        count += low <= truth <= high
    return count / len(means)


@pytest.mark.parametrize("samples", [1, 4, 64])
@pytest.mark.parametrize("problems", [30, 500])
@pytest.mark.parametrize("name", BETA)
def test_intervals_cover_the_truth(name: str, problems: int, samples: int) -> None:
    rng = np.random.default_rng(1)
    means, truth = simulate(rng, BETA[name], problems, samples)
    assert 0.93 <= covered(means, truth) <= 0.97


@pytest.mark.parametrize(
    ("shape", "problems", "samples", "least", "plain_most"),
    [
        ((0.3, 3.0), 30, 16, 0.93, 0.925),  # pass@1 0.09: two thirds of the problems are hardly ever solved
        ((0.3, 3.0), 500, 16, 0.93, 0.96),
        ((0.1, 5.0), 500, 16, 0.93, 0.95),  # pass@1 0.02
        ((0.1, 5.0), 30, 16, 0.87, 0.85),  # beyond what 30 problems can tell: the page says so
    ],
)
def test_skewed_scores_are_covered_better_than_by_plain_standard_errors(
    shape, problems: int, samples: int, least: float, plain_most: float
) -> None:
    rng = np.random.default_rng(2)
    means, truth = simulate(rng, shape, problems, samples)
    reach = t_quantile(0.95, problems - 1) * means.std(axis=1, ddof=1) / math.sqrt(problems)
    plain = np.mean(np.abs(means.mean(axis=1) - truth) <= reach)
    assert least <= covered(means, truth) <= 0.97
    assert plain <= plain_most


@pytest.mark.parametrize("problems", [30, 500])
def test_intervals_of_differences_cover_the_truth(problems: int) -> None:
    rng = np.random.default_rng(3)
    rates = rng.beta(0.5, 0.5, (RUNS, problems))
    better = np.clip(rates + rng.normal(0.05, 0.1, rates.shape), 0, 1)
    # The true difference over the population, by brute force: clipping leaves no closed form.
    many = rng.beta(0.5, 0.5, 2_000_000)
    truth = float((np.clip(many + rng.normal(0.05, 0.1, many.shape), 0, 1) - many).mean())
    a, b = rng.binomial(8, better) / 8, rng.binomial(8, rates) / 8
    d = a - b
    reach = t_quantile(0.95, problems - 1) * d.std(axis=1, ddof=1) / math.sqrt(problems)
    assert 0.93 <= np.mean(np.abs(d.mean(axis=1) - truth) <= reach) <= 0.97
    one = difference(a[0][:, None].tolist(), b[0][:, None].tolist())
    assert (one.low, one.high) == pytest.approx((d[0].mean() - reach[0], d[0].mean() + reach[0]))


def p_values(rng, problems: int, samples: int, runs: int):
    rates = rng.beta(0.5, 0.5, (runs, problems))
    a, b = (rng.binomial(samples, rates) / samples for _ in range(2))
    found = [difference(x[:, None].tolist(), y[:, None].tolist()) for x, y in zip(a, b, strict=True)]
    assert {each.p_method for each in found} == {"sign-flip"}
    return np.array([each.p for each in found])


@pytest.mark.parametrize(("problems", "samples", "runs"), [(30, 1024, RUNS), (500, 8, 200)])
def test_p_values_are_uniform_where_nothing_differs(problems: int, samples: int, runs: int) -> None:
    """With so many samples that hardly two runs tie: the exact test of few problems with few samples has steps."""
    p = np.sort(p_values(np.random.default_rng(4), problems, samples, runs))
    # Kolmogorov and Smirnov's distance from the uniform distribution; 1.63 is its 1% point.
    steps = np.arange(runs + 1) / runs
    assert max(np.max(steps[1:] - p), np.max(p - steps[:-1])) * math.sqrt(runs) < 1.63
    for level in (0.01, 0.05, 0.5):
        assert abs(np.mean(p < level) - level) < 3 * math.sqrt(level * (1 - level) / runs)


def test_few_problems_with_few_samples_never_alarm_more_often_than_promised() -> None:
    # Sums of 30 differences of eighths take few values: the exact p is then a step function, on the safe side.
    p = p_values(np.random.default_rng(8), 30, 8, RUNS)
    for level in (0.01, 0.05, 0.2):
        assert 0.6 * level < np.mean(p < level) < level + 3 * math.sqrt(level * (1 - level) / RUNS)


def test_holm_keeps_the_chance_of_any_false_alarm() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(size=(4_000, 10))
    alarms = np.mean([min(holm(row)) < 0.05 for row in p.tolist()])
    assert alarms == pytest.approx(0.05, abs=0.012)
    assert np.mean(p.min(axis=1) < 0.05) > 0.35, "without the correction"


@pytest.mark.parametrize(("problems", "samples"), [(30, 4), (30, 64), (500, 4)])
def test_differences_are_seen_as_often_as_promised(problems: int, samples: int) -> None:
    rng = np.random.default_rng(6)
    spread = 0.06
    rates = rng.beta(3, 3, (RUNS, problems))
    within = float(np.mean(rates * (1 - rates)))
    pair = PairVariance(between=spread**2, within=2 * within)
    effect = detectable(pair, problems, samples, power=0.8)
    other = rates + rng.normal(effect, spread, rates.shape)
    a, b = (rng.binomial(samples, np.clip(x, 0, 1)) / samples for x in (other, rates))
    d = a - b
    t = d.mean(axis=1) / (d.std(axis=1, ddof=1) / math.sqrt(problems))
    assert np.mean(t > t_quantile(0.95, problems - 1)) == pytest.approx(0.8, abs=0.05)


def test_the_split_of_the_noise_is_found_again() -> None:
    rng = np.random.default_rng(7)
    rates = rng.beta(0.5, 0.5, 4_000)
    other = np.clip(rates + rng.normal(0, 0.1, rates.shape), 0, 1)
    a, b = (rng.binomial(1, np.repeat(x[:, None], 6, axis=1)).tolist() for x in (rates, other))
    parts = variance_components(a)
    assert parts["between"] == pytest.approx(0.125, abs=0.006)
    assert parts["within"] == pytest.approx(0.125, abs=0.006)
    pair = pair_from_two(a, b)
    assert pair.between == pytest.approx(float(np.var(other - rates)), abs=0.003)
    found = difference(a, b)
    assert found.se == pytest.approx(pair.se(4_000, 6), rel=0.02)
    assert found.sampling_share == pytest.approx(pair.within / 6 / (pair.between + pair.within / 6), abs=0.03)
    assert found.se_limit == pytest.approx(pair.se(4_000, math.inf), rel=0.1)


def test_needed_numbers_are_the_fewest_that_are_enough() -> None:
    pair = pair_from_one(0.1, 0.1, 0.8)
    assert (pair.between, pair.within) == (pytest.approx(0.04), 0.2)
    for samples in (1, 16):
        needed = problems_needed(pair, 0.05, samples)
        assert detectable(pair, needed, samples) <= 0.05 < detectable(pair, needed - 1, samples)
    needed = samples_needed(pair, 0.05, 300)
    assert detectable(pair, 300, needed) <= 0.05 < detectable(pair, 300, needed - 1)
    assert samples_needed(pair, 0.05, 30) is None, "30 problems never show it, however often they are asked"
    # By hand, with normal quantiles (so many problems): (1.95996 + 0.84162)^2 * (0.04 + 0.2) / 0.01^2.
    assert problems_needed(pair, 0.01, 1) == pytest.approx(18_837, abs=5)
