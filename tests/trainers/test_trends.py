"""Trends against numpy's and scipy's own answers, and the alarm that rests on them: it sees hacking and no wobble."""

from __future__ import annotations

import math
import random

import pytest

from assay_trainers.grpo.config import AlarmConfig
from assay_trainers.grpo.hacking import HackingWatch
from assay_trainers.grpo.trends import FLAT, falls, line, paired

scipy_stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle of these tests")


def test_a_line_through_independent_noise_is_scipys() -> None:
    x = [float(n) for n in range(30)]
    # Alternating residuals: negative autocorrelation, which does not count as extra knowledge.
    y = [0.02 * at + (0.3 if n % 2 else -0.3) + 0.01 * math.sin(n) for n, at in enumerate(x)]
    ours, theirs = line(x, y), scipy_stats.linregress(x, y, alternative="greater")
    assert ours.slope == pytest.approx(theirs.slope)
    assert ours.p_up == pytest.approx(theirs.pvalue, rel=1e-6)
    assert ours.p_down == pytest.approx(1 - theirs.pvalue)


def test_correlated_steps_count_less() -> None:
    rng = random.Random(1)
    x = [float(n) for n in range(60)]
    noise, y = 0.0, []
    for _ in x:
        noise = 0.9 * noise + rng.gauss(0, 0.1)
        y.append(noise)
    naive = scipy_stats.linregress(x, y).pvalue / 2
    ours = line(x, y)
    assert min(ours.p_up, ours.p_down) > 1.5 * naive


def test_false_alarms_of_the_line_are_rare_on_wandering_curves() -> None:
    rng = random.Random(2)
    alarms = 0
    for _ in range(400):
        noise, y = 0.0, []
        for _ in range(80):
            noise = 0.5 * noise + rng.gauss(0, 1)
            y.append(noise)
        alarms += line([float(n) for n in range(80)], y).p_up < 0.01
    assert alarms <= 12  # 1 % of 400, and what chance and the estimate of r add


@pytest.mark.parametrize("y", [[1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
def test_no_trend_where_there_is_none(y: list[float]) -> None:
    found = line([float(n) for n in range(len(y))], y)
    assert found.slope == 0
    assert found.p_up == found.p_down == 1.0


def test_an_exact_line_is_certain() -> None:
    rising = line([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0])
    assert (rising.slope, rising.p_up, rising.p_down) == (pytest.approx(1.0), 0.0, 1.0)


def held_out(curve: list[float], problems: int, seed: int, samples: int = 4) -> list[dict[str, float]]:
    """Scores of problems of very different difficulty whose chance follows the curve."""
    rng = random.Random(seed)
    shift = [rng.uniform(-0.3, 0.3) for _ in range(problems)]
    return [
        {
            f"p{n}": sum(rng.random() < min(1.0, max(0.0, level + each)) for _ in range(samples)) / samples
            for n, each in enumerate(shift)
        }
        for level in curve
    ]


def test_paired_slopes_are_a_t_test_over_problems() -> None:
    x = [0.0, 10.0, 20.0, 40.0]
    scores = held_out([0.6, 0.55, 0.5, 0.4], 40, 3)
    slopes = [scipy_stats.linregress(x, [at[name] for at in scores]).slope for name in scores[0]]
    theirs = scipy_stats.ttest_1samp(slopes, 0, alternative="less")
    ours = paired(x, scores)
    assert ours.slope == pytest.approx(sum(slopes) / len(slopes))
    assert ours.p_down == pytest.approx(theirs.pvalue, rel=1e-6)


def test_a_fall_is_seen_and_a_wobble_is_not() -> None:
    x = [float(n) for n in range(6)]
    assert falls(x, held_out([0.6, 0.55, 0.5, 0.45, 0.4, 0.35], 100, 1), 0.01) is not None
    # One bad checkpoint at the end is significant by itself, and no trend.
    wobble = held_out([0.6, 0.6, 0.6, 0.6, 0.6, 0.4], 200, 1)
    assert paired(x, wobble).p_down < 0.01
    assert falls(x, wobble, 0.01) is None
    assert falls(x[:3], held_out([0.9, 0.5, 0.1], 100, 1), 0.01) is None  # three points are no trend
    assert paired(x, [{"a": 1.0}] * 6) == FLAT
    assert paired([1.0], [{"a": 1.0}]) == FLAT


def test_falls_that_are_none_are_rarely_seen() -> None:
    x = [float(n) for n in range(6)]
    found = sum(falls(x, held_out([0.5] * 6, 50, seed), 0.01) is not None for seed in range(300))
    assert found <= 9


def watch(rewards: list[float], curve: list[float]) -> list[str]:
    watched = HackingWatch(AlarmConfig())
    every = len(rewards) // (len(curve) - 1)
    rng = random.Random(4)
    for step, reward in enumerate(rewards, start=1):
        watched.reward(step, reward + rng.gauss(0, 0.05))
    watched.reward(7, None)
    for place, scores in enumerate(held_out(curve, 100, 5)):
        watched.score(place * every, "gsm8k", scores)
    return [alarm.message for alarm in watched.alarms()]


UP = [n / 60 for n in range(60)]


def test_the_alarm_names_both_slopes() -> None:
    (message,) = watch(UP, [0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3])
    assert "from step 0 to 60 the reward rises by" in message
    assert "the score on gsm8k falls by 0.3" in message


@pytest.mark.parametrize(
    ("rewards", "curve"),
    [
        (UP, [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]),  # learning
        (UP, [0.5] * 7),  # stalled
        (UP, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.3]),  # one bad checkpoint
        ([0.5] * 60, [0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3]),  # collapse, without a reward for it
    ],
)
def test_no_alarm_without_both(rewards: list[float], curve: list[float]) -> None:
    assert watch(rewards, curve) == []
