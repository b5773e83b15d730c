"""What the policy wrote, as runs of the sample store: which samples, what they were paid, and no more than is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay import Completion, Outcome, Problem, RewardResult, Verdict, load_result
from assay.results import find_runs
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.rewarding import Rewarded
from assay_trainers.grpo.rollout_log import judgement
from assay_trainers.grpo.rollouts import Prompt, Rollout
from assay_trainers.grpo.trainer import train
from tests.trainers.conftest import DigitReward


def test_a_run_for_every_few_steps_and_the_last_ones_kept(
    make_config: Callable[..., TrainConfig], problems: list[Problem]
) -> None:
    config = make_config(steps=5, logging__samples_run=2, logging__samples_keep=2, log_samples=3)
    train(config, reward=DigitReward(), problems=problems)
    runs = find_runs([Path(config.output) / "rollouts"])
    assert [run.parent.name for run in runs] == ["step-000004", "step-000006"]
    assert [load_result(run).summary["num_samples"] for run in runs] == [6, 3]
    # The run goes on in the middle of a stretch: what is recorded of it stays.
    train(make_config(steps=6, logging__samples_run=2, log_samples=3), reward=DigitReward(), problems=problems)
    assert load_result(find_runs([runs[1]])[0]).summary["num_samples"] == 6


def test_none_are_logged_where_none_are_asked_for(
    make_config: Callable[..., TrainConfig], problems: list[Problem]
) -> None:
    config = make_config(steps=1, log_samples=0)
    train(config, reward=DigitReward(), problems=problems)
    assert not (Path(config.output) / "rollouts").exists()


def rewarded(total: float | None, **verdicts: Verdict) -> Rewarded:
    prompt = Prompt(problem=Problem(id="p", prompt=()), token_ids=(1,), prefill="")
    rollout = Rollout(prompt=prompt, sample_index=0, completion=Completion(text="x"))
    parts = {name: verdict.score for name, verdict in verdicts.items()}
    return Rewarded(rollout=rollout, result=RewardResult(total=total, parts=parts, verdicts=verdicts))


RIGHT = Verdict(outcome=Outcome.GRADED, score=1.0, extracted="4", reason="4 equals 4")
FORM = Verdict(outcome=Outcome.GRADED, score=0.0, reason="no tags")


def test_the_main_term_is_the_verdict_and_the_rest_is_told() -> None:
    verdict = judgement(rewarded(1.0, form=FORM, right=RIGHT), main="right")
    assert (verdict.outcome, verdict.score, verdict.extracted) == (Outcome.GRADED, 1.0, "4")
    assert verdict.reason == "paid 1 (form 0, right 1): 4 equals 4"
    assert verdict.details["terms"]["form"]["reason"] == "no tags"
    assert judgement(rewarded(1.0, form=FORM, right=RIGHT)).score == 0.0  # the first, where none is named


def test_a_cut_off_response_keeps_its_outcome() -> None:
    cut = Verdict(outcome=Outcome.TRUNCATED, reason="no answer before the cap")
    verdict = judgement(rewarded(-0.5, right=cut))
    assert (verdict.outcome, verdict.score) == (Outcome.TRUNCATED, None)
    assert verdict.reason.startswith("paid -0.5: no answer")


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.VERIFIER_TIMEOUT])
def test_our_failure_is_ours(outcome: Outcome) -> None:
    verdict = judgement(rewarded(None, right=RIGHT, judge=Verdict(outcome=outcome, reason="no server")), main="right")
    assert verdict.outcome is outcome
    assert verdict.reason == "not paid: our check failed: no server"


@pytest.mark.parametrize(("total", "score"), [(0.25, 0.25), (2.5, 1.0), (-1.0, 0.0)])
def test_a_reward_without_verdicts_is_its_number(total: float, score: float) -> None:
    verdict = judgement(rewarded(total))
    assert (verdict.score, verdict.details["reward"]) == (score, total)
    assert verdict.reason == f"paid {total:.4g}"
