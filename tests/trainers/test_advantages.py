"""Advantages against the golden table, and what must hold for any rewards."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Completion
from assay.rewards.shaping import Overlong
from assay_trainers.grpo.advantages import group_advantages, zero_spread
from assay_trainers.grpo.settings import AdvantageSettings
from tests.trainers.golden import golden


def test_golden_advantages() -> None:
    table, inputs = golden()["advantages"], golden()["inputs"]
    modes = {name: row for name, row in table.items() if "args" in row}
    assert len(modes) == 5
    for name, row in modes.items():
        got = group_advantages(inputs["rewards"], inputs["G"], AdvantageSettings(**row["args"]))
        assert got == pytest.approx(row["values"], abs=1e-9), name
    for name in ("zero_std_group", "nan_reward"):
        got = group_advantages(table[name]["rewards"], 4)
        assert got == pytest.approx(table[name]["values"], abs=1e-9), name


def test_golden_overlong() -> None:
    row = golden()["misc"]["overlong_penalty"]
    shape = Overlong(max_tokens=row["max_len"], buffer=row["cache"])
    lengths = [Completion(text="", num_tokens=length) for length in row["lengths"]]
    assert [shape.value(completion, None) for completion in lengths] == row["values"]


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_equal_rewards_have_no_advantage_at_all(scale: str) -> None:
    for reward in (0.1 + 0.2, 1e6 / 3, -7.7):
        settings = AdvantageSettings(scale=scale, eps=0.0)
        assert group_advantages([reward] * 7, 7, settings) == [0.0] * 7
    # Two ways to sum the same parts differ in the last bit only.
    assert group_advantages([0.1 + 0.2, 0.3, 0.3, 0.3], 4, AdvantageSettings(scale=scale, eps=0.0)) == [0.0] * 4


def test_a_group_of_one_has_no_advantage() -> None:
    assert group_advantages([1.0, 0.0], 1, AdvantageSettings(eps=0.0)) == [0.0, 0.0]
    assert group_advantages([1.0, None, None, None], 4) == [0.0] * 4


def test_unknown_rewards_leave_the_baseline() -> None:
    with_hole = group_advantages([1.0, None, 0.0, 0.5], 4)
    without = group_advantages([1.0, 0.0, 0.5], 3)
    assert with_hole == [without[0], 0.0, without[1], without[2]]
    assert group_advantages([1.0, math.nan, 0.0, 0.5], 4) == with_hole


def test_mistakes_are_said() -> None:
    with pytest.raises(ValueError, match="no whole number of groups"):
        group_advantages([1.0, 2.0, 3.0], 2)
    with pytest.raises(ValueError, match="infinite"):
        group_advantages([1.0, math.inf], 2)


REWARDS = st.lists(st.one_of(st.none(), st.floats(-100, 100, width=32)), min_size=1, max_size=6)


@given(REWARDS, st.sampled_from(["group", "batch", "none"]))
def test_order_in_a_group_changes_no_bit(rewards: list[float | None], scale: str) -> None:
    settings = AdvantageSettings(scale=scale)
    straight = group_advantages(rewards, len(rewards), settings)
    for order in itertools.islice(itertools.permutations(range(len(rewards))), 5):
        shuffled = group_advantages([rewards[i] for i in order], len(rewards), settings)
        assert shuffled == [straight[i] for i in order]


@given(REWARDS)
def test_they_sum_to_zero_and_follow_the_rewards(rewards: list[float | None]) -> None:
    advantages = group_advantages(rewards, len(rewards), AdvantageSettings(scale="none"))
    assert math.fsum(advantages) == pytest.approx(0, abs=1e-6)
    known = [(r, a) for r, a in zip(rewards, advantages, strict=True) if r is not None]
    if not zero_spread(rewards):
        assert max(known)[1] > 0 > min(known)[1]
