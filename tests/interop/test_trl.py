r"""The door into TRL, in a real GRPOTrainer that takes real steps."""

from __future__ import annotations

import asyncio
import warnings
from pathlib import Path
from typing import Any

import pytest

from assay import UsageError
from assay.interop.trl import async_reward_function, reward_function
from tests.interop.tiny import ANSWERS, half_trained_model, tokenizer

pytest.importorskip("trl")


def train(tmp_path: Path, rewards: list[Any], rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TRL's and torch's own, on a CPU
        trainer = make_trainer(tmp_path, rewards, rows)
        trainer.train()
    return [log for log in trainer.state.log_history if "reward" in log]


def make_trainer(tmp_path: Path, rewards: list[Any], rows: list[dict[str, Any]]) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    settings = GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=16,
        num_generations=8,
        max_completion_length=12,
        max_steps=2,
        logging_steps=1,
        learning_rate=1e-4,
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        seed=0,
    )
    return GRPOTrainer(
        half_trained_model(),
        reward_funcs=rewards,
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer(),
    )


def boxed(reference: str) -> str:
    return reference.removeprefix("\\boxed{").removesuffix("}")


@pytest.mark.model
def test_grpo_trainer_learns_from_boxed_math(tmp_path: Path) -> None:
    calls = []
    inner = reward_function("boxed_math", name="accuracy", max_tokens=12)

    def watched(**columns: Any) -> list[float | None]:
        calls.append((columns["completions"], inner(**columns)))
        return calls[-1][1]

    watched.__name__ = "accuracy"
    rows = [{"prompt": ask, "answer": boxed(answer)} for ask, answer in ANSWERS.items()]
    logs = train(tmp_path, [watched, async_reward_function("boxed_math", name="again")], rows)
    assert len(logs) == 2
    for (completions, rewards), log in zip(calls, logs, strict=True):
        assert len(completions) == len(rewards) == 16
        assert set(rewards) <= {0.0, 1.0}
        mean = sum(r for r in rewards if r is not None) / 16
        assert log["rewards/accuracy/mean"] == pytest.approx(mean, abs=1e-5)
        assert log["rewards/again/mean"] == pytest.approx(mean, abs=1e-5)
        assert log["assay/accuracy"] == pytest.approx(mean, abs=1e-5)
        assert log["assay/failed_checks"] == 0.0
    assert 0 < sum(sum(filter(None, rewards)) for _, rewards in calls) < 32, "the steps saw no difference in rewards"


@pytest.mark.model
def test_conversations_and_rows_of_others_in_one_training(tmp_path: Path) -> None:
    rows = [
        {"prompt": [{"role": "user", "content": ask}], "reference": boxed(answer), "verifier": name}
        for name in ("boxed_math", "")
        for ask, answer in list(ANSWERS.items())[:2]
    ]

    def everyone(completions: list[Any], **_: Any) -> list[float]:
        return [0.5] * len(completions)

    seen = []
    routed = {"terms": [{"name": "accuracy"}]}
    inner = reward_function(routed, name="ours")

    def ours(**columns: Any) -> list[float | None]:
        seen.extend(zip(columns["verifier"], inner(**columns), strict=True))
        return [reward for _, reward in seen[-len(columns["verifier"]) :]]

    train(tmp_path, [ours, everyone], rows)
    assert {verifier for verifier, _ in seen} == {"boxed_math", ""}
    assert all((reward is None) == (verifier == "") for verifier, reward in seen)


def test_a_failed_check_is_none_and_is_logged() -> None:
    logged: dict[str, float] = {}
    reward = reward_function("boxed_math")
    out = reward(
        prompts=["a", "b"],
        completions=["\\boxed{4}", "\\boxed{4}"],
        completion_ids=[[1], [1]],
        answer=["4", {"no": "answer"}],
        log_metric=logged.__setitem__,
    )
    assert out == [1.0, None]
    assert logged == {"assay/accuracy": 1.0, "assay/failed_checks": 0.5}


def test_a_prompt_that_ends_in_think_means_that_the_response_begins_there() -> None:
    reward = reward_function("boxed_math")
    ends = ["x <think>\n", "x"]
    # Cut off inside the thought: the box in it is no answer, though there is no tag in the completion.
    assert reward(prompts=ends, completions=["\\boxed{4}"] * 2, answer=["4"] * 2) == [0.0, 1.0]


def test_async_gives_the_same() -> None:
    columns = {"prompts": ["a"], "completions": [[{"role": "assistant", "content": "\\boxed{4}"}]], "solution": ["4"]}
    assert (
        asyncio.run(async_reward_function("boxed_math")(**columns)) == reward_function("boxed_math")(**columns) == [1.0]
    )


def test_mistakes_are_named() -> None:
    with pytest.raises(UsageError, match="boxed_math"):
        reward_function("boxed_meth")
    with pytest.raises(UsageError, match="no column 'gold'"):
        reward_function("boxed_math", reference="gold")(prompts=["a"], completions=["b"], answer=["c"])
    with pytest.raises(UsageError, match="tolerance"):
        async_reward_function("boxed_math", tolerance=1)
