"""How often a judge prefers a model to a baseline, and how often it would if their answers were of equal length.

Judges prefer long answers. AlpacaEval 2 (Dubois et al. 2024, arXiv:2404.04475) therefore fits a logistic regression to
the preferences y_x in [0, 1] and reads the win rate off it with the term for the length taken out:

    logit P(model preferred on x) = theta + phi * tanh(d_x / s) + psi * gamma_x
    length-controlled win rate    = mean over x of sigmoid(theta + psi * gamma_x)

d_x is the length of the model's answer less that of the baseline's, s the standard deviation of the d_x, and gamma_x
the difficulty of the instruction, which AlpacaEval publishes for its 805 (without it, its term is left out).

Where this departs from AlpacaEval's own code: that fits with an L1 penalty of cross-validated strength, and adds judged
answers of a baseline told to be brief or verbose, which other benchmarks do not have. Here phi and psi have an L2
penalty of fixed strength 1, as if every run brought one observation against an effect; theta has none, so that without
a length effect the result is the plain win rate, and swapping model and baseline turns w into 1 - w.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

_PENALTY = 1.0
_MOST_STEPS = 100
_PRECISION = 1e-12


class WinRate(TypedDict):
    """Preferences over a set of problems; every number is nan where there are none."""

    win_rate: float
    """Mean preference, in [0, 1]."""
    length_controlled: float
    """The same at equal lengths, in [0, 1]."""
    length_effect: float
    """phi, in logits: above 0, longer answers were preferred. 0 where all lengths differ alike: it can't be told."""
    problems: int
    """Problems with a preference."""


def length_controlled_win_rate(
    preferences: Sequence[float | None],
    lengths: Sequence[float],
    baseline_lengths: Sequence[float],
    difficulties: Sequence[float] | None = None,
) -> WinRate:
    """Win rate, and win rate at equal lengths.

    Args:
        preferences: One per problem: 1 where the model's answer was preferred, 0 where the baseline's was, 0.5 for a
            tie, or a probability; None where the judge failed, which is left out.
        lengths: Lengths of the model's answers, in characters as AlpacaEval counts, or in tokens.
        baseline_lengths: Lengths of the baseline's answers, counted in the same way.
        difficulties: gamma_x of each problem, where known.

    Raises:
        ValueError: The lists differ in length, a preference is not in [0, 1], or a number is not finite.
    """
    columns = [preferences, lengths, baseline_lengths, *([] if difficulties is None else [difficulties])]
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"as many numbers are needed of each kind, got {', '.join(str(len(c)) for c in columns)}")
    rows = [row for row in zip(*columns, strict=True) if row[0] is not None]
    if not all(math.isfinite(number) for row in rows for number in row) or any(not 0 <= row[0] <= 1 for row in rows):
        raise ValueError("preferences must lie in [0, 1], and lengths and difficulties be finite")
    if not rows:
        return {"win_rate": math.nan, "length_controlled": math.nan, "length_effect": math.nan, "problems": 0}
    wins = [float(row[0]) for row in rows]
    mean = math.fsum(wins) / len(wins)
    if mean in (0.0, 1.0):  # the estimate of theta is infinite, and lengths explain nothing
        return {"win_rate": mean, "length_controlled": mean, "length_effect": 0.0, "problems": len(rows)}
    gaps = _standardised([row[1] - row[2] for row in rows])
    others = [[float(gamma) for gamma in row[3:]] for row in rows]
    theta, phi, *psi = _fit([[1.0, gap, *rest] for gap, rest in zip(gaps, others, strict=True)], wins)
    controlled = [_sigmoid(theta + sum(map(_product, psi, rest))) for rest in others]
    return {
        "win_rate": mean,
        "length_controlled": math.fsum(controlled) / len(controlled),
        "length_effect": phi,
        "problems": len(rows),
    }


def _standardised(gaps: Sequence[float]) -> list[float]:
    """tanh(d / s), or zeros where all d are the same."""
    mean = math.fsum(gaps) / len(gaps)
    deviation = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / max(1, len(gaps) - 1))
    return [math.tanh(gap / deviation) if deviation > 0 else 0.0 for gap in gaps]


def _fit(features: Sequence[Sequence[float]], targets: Sequence[float]) -> list[float]:
    """Coefficients of the penalised logistic regression, by Newton's method; the first has no penalty.

    The loss is strictly convex and its minimum finite, because targets are neither all 0 nor all 1.
    """
    size = len(features[0])
    weights = [0.0] * size
    loss = _loss(features, targets, weights)
    for _ in range(_MOST_STEPS):
        gradient = [0.0] + [_PENALTY * weight for weight in weights[1:]]
        curvature = [[_PENALTY if i == j > 0 else 0.0 for j in range(size)] for i in range(size)]
        for row, target in zip(features, targets, strict=True):
            chance = _sigmoid(sum(map(_product, weights, row)))
            for i in range(size):
                gradient[i] += (chance - target) * row[i]
                for j in range(size):
                    curvature[i][j] += chance * (1 - chance) * row[i] * row[j]
        step = _solve(curvature, gradient)
        scale = 1.0
        while True:  # a full step may overshoot far from the minimum
            moved = [weight - scale * change for weight, change in zip(weights, step, strict=True)]
            new_loss = _loss(features, targets, moved)
            if new_loss <= loss + _PRECISION * (1 + loss) or scale < _PRECISION:  # rounding is no overshooting
                break
            scale /= 2
        weights, loss = moved, new_loss
        if max(map(abs, step)) < _PRECISION:
            break
    return weights


def _loss(features: Sequence[Sequence[float]], targets: Sequence[float], weights: Sequence[float]) -> float:
    total = _PENALTY / 2 * math.fsum(weight * weight for weight in weights[1:])
    for row, target in zip(features, targets, strict=True):
        logit = sum(map(_product, weights, row))
        # log(1 + e^logit) - target * logit, without overflow
        total += max(logit, 0.0) + math.log1p(math.exp(-abs(logit))) - target * logit
    return total


def _solve(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    """Solve a small positive definite system by elimination, which needs no pivoting."""
    size = len(vector)
    rows = [[*matrix[i], vector[i]] for i in range(size)]
    for i in range(size):
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [b - factor * a for a, b in zip(rows[i], rows[j], strict=True)]
    solution = [0.0] * size
    for i in reversed(range(size)):
        known = sum(rows[i][j] * solution[j] for j in range(i + 1, size))
        solution[i] = (rows[i][size] - known) / rows[i][i]
    return solution


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else 1 - 1 / (1 + math.exp(x))


def _product(a: float, b: float) -> float:
    return a * b
