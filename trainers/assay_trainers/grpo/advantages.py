"""From rewards to advantages: how much better a completion is than the others of its group.

    A_i = (r_i − mean(r)) / (std(r) + eps)          over the completions of one prompt

A reward of None (a check of ours that failed) says nothing about its completion: it leaves the mean and the std, and
its advantage is 0. In a group whose rewards are all the same nobody is better than anybody: every advantage is
exactly 0. Dividing the rounding residue of such a group by its "std" gives advantages in the thousands
(NVIDIA-NeMo/RL#4161), so rewards that differ by rounding only count as the same.

Sums are `math.fsum`, correctly rounded: the order of a group's completions changes no bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay_trainers.grpo.settings import AdvantageSettings

_ROUNDING = 1e-9
"""Relative spread up to which rewards are the same. Sums of a few parts differ by some 1e-16 in float64; scores are
steps of at least 1e-4 in practice."""


def group_advantages(
    rewards: Sequence[float | None], group: int, settings: AdvantageSettings | None = None
) -> list[float]:
    """The advantage of each completion.

    Args:
        rewards: Completions of one prompt stand side by side; None or NaN: not known.
        group: Completions a prompt (G).
        settings: Scale, ddof and eps; the R1 report's if not given.

    Raises:
        ValueError: The rewards are no whole number of groups, or one is infinite.

    >>> [round(a, 3) for a in group_advantages([1, 0, 1, None], 4)]
    [0.577, -1.155, 0.577, 0.0]
    """
    settings = settings or AdvantageSettings()
    if group < 1 or len(rewards) % group:
        raise ValueError(f"{len(rewards)} rewards are no whole number of groups of {group}")
    known = [None if reward is None or math.isnan(reward) else float(reward) for reward in rewards]
    if any(reward is not None and math.isinf(reward) for reward in known):
        raise ValueError("a reward is infinite: advantages need finite rewards, or None for what is not known")
    divisor = 1.0
    if settings.scale == "batch":
        everything = _valid(known)
        if _all_equal(everything):
            return [0.0] * len(known)
        divisor = _std(everything, settings.ddof) + settings.eps
    advantages: list[float] = []
    for start in range(0, len(known), group):
        members = known[start : start + group]
        valid = _valid(members)
        if _all_equal(valid):
            advantages += [0.0] * group
            continue
        mean = math.fsum(valid) / len(valid)
        if settings.scale == "group":
            divisor = _std(valid, settings.ddof) + settings.eps
        advantages += [0.0 if reward is None else (reward - mean) / divisor for reward in members]
    return advantages


def zero_spread(rewards: Sequence[float | None]) -> bool:
    """Whether a group teaches nothing: fewer than two known rewards, or all of them the same."""
    return _all_equal(_valid(rewards))


def _valid(rewards: Sequence[float | None]) -> list[float]:
    return [reward for reward in rewards if reward is not None and not math.isnan(reward)]


def _all_equal(values: Sequence[float]) -> bool:
    if not values:
        return True
    low, high = min(values), max(values)
    return high - low <= _ROUNDING * max(1.0, abs(low), abs(high))


def _std(values: Sequence[float], ddof: int) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / max(len(values) - ddof, 1))
