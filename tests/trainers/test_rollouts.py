"""Rollouts: what is drawn depends on the seeds alone, and its log-probs are the trainer's."""

from __future__ import annotations

from typing import Any

import pytest

from assay import FinishReason, Message, Problem, Sampling, UsageError
from assay_trainers.common.batching import Row
from assay_trainers.common.logprobs import row_logprobs
from assay_trainers.grpo.rollouts import Prompt, PromptEncoder, Rollout, TransformersEngine
from tests.trainers.models import EOS, tiny_model, tokenizer

SAMPLING = Sampling(temperature=0.8, top_p=1.0, max_tokens=12, seed=3)


def prompts() -> list[Prompt]:
    encoder = PromptEncoder(tokenizer())
    texts = ["1+1=", "12+34=", "a"]
    return [
        encoder.encode(Problem(id=text, prompt=()), text, key=f"1/{place}") for place, text in enumerate(texts)
    ]  # fmt: skip


def drawn(model: Any, chosen: list[Prompt], samples: int, **options: Any) -> dict[tuple[str, int], Rollout]:
    engine = TransformersEngine(model, tokenizer(), **options)
    found = list(engine.generate(chosen, samples=samples, sampling=SAMPLING))
    by_place = {(rollout.prompt.problem.id, rollout.sample_index): rollout for rollout in found}
    assert len(by_place) == len(found) == len(chosen) * samples
    return by_place


def test_neighbours_and_batch_size_change_nothing() -> None:
    model = tiny_model()
    together = drawn(model, prompts(), 5)
    alone = {}
    for prompt in reversed(prompts()):
        alone |= drawn(model, [prompt], 5, batch_size=2)
    texts = {place: rollout.completion.token_ids for place, rollout in together.items()}
    assert texts == {place: rollout.completion.token_ids for place, rollout in alone.items()}
    assert len(set(texts.values())) > 8


def test_another_step_draws_something_else() -> None:
    first = drawn(tiny_model(), prompts()[:1], 4)
    again = Prompt(problem=prompts()[0].problem, token_ids=prompts()[0].token_ids, prefill="", key="2/0")
    second = drawn(tiny_model(), [again], 4)
    assert [r.completion.token_ids for r in first.values()] != [r.completion.token_ids for r in second.values()]


def test_the_samplers_log_probs_are_the_trainers() -> None:
    model = tiny_model()
    rollouts = list(drawn(model, prompts(), 6).values())
    rows = [Row(prompt_ids=r.prompt.token_ids, completion_ids=r.completion.token_ids or ()) for r in rollouts]
    ended = 0
    for rollout, values in zip(rollouts, row_logprobs(model, rows, temperature=0.8), strict=True):
        completion = rollout.completion
        assert values.tolist() == pytest.approx(completion.logprobs, abs=1e-4)
        assert completion.num_tokens == len(completion.token_ids or ()) <= 12
        if completion.finish_reason is FinishReason.STOP:
            ended += 1
            assert completion.token_ids is not None
            assert completion.token_ids[-1] == EOS  # the pad token, and yet part of the completion
        else:
            assert completion.num_tokens == 12
    assert ended


def test_the_model_is_left_in_the_mode_it_was_in() -> None:
    model = tiny_model().train()
    drawn(model, prompts()[:1], 2)
    assert model.training


def test_prompts_that_cannot_be_completed_are_named() -> None:
    encoder = PromptEncoder(tokenizer(), limit=5)
    messages = (Message(role="user", content="1+1=2+2=3"),)
    with pytest.raises(UsageError, match="problem 'long' has 9 tokens"):
        encoder.encode(Problem(id="long", prompt=messages), messages)
    with pytest.raises(UsageError, match="problem 'none' is empty"):
        encoder.encode(Problem(id="none", prompt=()), "")
