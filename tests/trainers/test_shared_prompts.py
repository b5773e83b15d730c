"""Prompts that go through the model once give what plain rows give: values, gradients, whole updates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay_trainers.common.batching import Row, collate
from assay_trainers.common.logprobs import completion_logprobs
from assay_trainers.common.shared_prompts import Costs, can_share_prompts, collate_shared, fill, plan_shared
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import Totals
from assay_trainers.grpo.update import Learner
from tests.trainers.models import EOS, exact_model, tiny_model

PROMPTS = [[5, 6, 7], [5, 6, 7, 12, 13, 14, 20], [EOS], [9, 9]]


def make_rows(seed: int, lengths: list[int]) -> list[Row]:
    make = torch.Generator().manual_seed(seed)
    rows = []
    for place, length in enumerate(lengths):
        completion = torch.randint(2, 50, (length,), generator=make).tolist()
        completion[-1] = EOS
        advantage = float(torch.randn((), generator=make))
        sampling = (-3 + 0.3 * torch.randn(length, generator=make)).tolist()
        prompt = PROMPTS[place % len(PROMPTS)]
        rows.append(Row(prompt_ids=prompt, completion_ids=completion, advantage=advantage, sampling=sampling))
    return rows


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    return found


@pytest.mark.parametrize("lengths", [[5, 1, 9, 3, 1, 7, 2], [1, 1, 1], [12]], ids=str)
@pytest.mark.parametrize("span", [1, 14, 1000])
def test_values_and_gradients_are_those_of_plain_rows(lengths: list[int], span: int) -> None:
    model = exact_model(tied=span > 1)
    rows = make_rows(0, lengths)
    weights = torch.randn(len(rows), max(lengths), dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    batch = collate_shared(fill(rows, span))
    plain = completion_logprobs(model, collate(batch.rows), temperature=0.7)
    (plain[0] * weights).sum().backward()
    wanted = gradients(model)
    shared = completion_logprobs(model, batch, temperature=0.7)
    (shared[0] * weights).sum().backward()
    found = gradients(model)

    for one, other in zip(plain, shared, strict=True):
        assert torch.allclose(one, other, atol=1e-12, rtol=0)
    for name, value in wanted.items():
        assert torch.allclose(value, found[name], atol=1e-10, rtol=0), name
    assert sum(float(value.abs().sum()) for value in wanted.values()) > 1


def updated(config: TrainConfig, rows: list[Row], *, share: bool, budget: int) -> dict[str, torch.Tensor]:
    config = replace(config, optimizer=replace(config.optimizer, micro_batch_tokens=budget))
    model, reference = exact_model(1), exact_model(2)
    learner = Learner(model, reference if config.loss.beta else None, config, World(cpu=True, dtype="float32"))
    assert learner.shares_prompts
    learner.shares_prompts = share
    learner.prepare(rows, keep_old=True)
    totals = Totals(rows=len(rows), tokens=sum(len(row.completion_ids) for row in rows), max_tokens=40)
    learner.accumulate(rows, totals)
    return gradients(model)


@pytest.mark.parametrize("preset", ["r1", "grpo", "dapo", "gspo"])
def test_an_update_is_that_of_plain_rows(preset: str, make_config: Callable[..., TrainConfig]) -> None:
    config = make_config(preset=preset)
    lengths = [9, 3, 14, 1, 2, 30, 8, 8, 8, 20]
    plain = updated(config, make_rows(3, lengths), share=False, budget=10**6)
    for budget in (1, 60, 10**6):
        shared = updated(config, make_rows(3, lengths), share=True, budget=budget)
        for name, value in plain.items():
            assert torch.allclose(value, shared[name], atol=1e-10, rtol=0), (budget, name)


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=20), budget=st.integers(1, 400), seed=st.integers(0, 99)
)
def test_a_plan_loses_no_row_and_keeps_the_budget(lengths: list[int], budget: int, seed: int) -> None:
    rows = make_rows(seed, lengths)
    batches = plan_shared(rows, budget, Costs(micro_batch=10, attention=0))
    if batches is None:
        return
    flat = [row for sequences in batches for sequence in sequences for row in sequence]
    assert sorted(map(id, flat)) == sorted(map(id, rows))
    for sequences in batches:
        size = collate_shared(sequences).input_ids.shape[1]
        assert len(sequences) == 1 or len(sequences) * size <= budget
        for sequence in sequences:
            assert len({tuple(row.prompt_ids) for row in sequence}) == 1
            assert len(sequence) == 1 or sum(len(row.completion_ids) - 1 for row in sequence) <= budget


def test_sequences_are_as_long_as_they_pay() -> None:
    def longest(prompt: int, completion: int, attention: float) -> int | None:
        rows = [Row(prompt_ids=[1] * prompt, completion_ids=[2] * completion) for _ in range(16)]
        batches = plan_shared(rows, 10**6, Costs(micro_batch=10, attention=attention))
        return None if batches is None else max(len(sequence) for batch in batches for sequence in batch)

    assert longest(100, 20, 0.0) == 16
    assert longest(100, 20, 0.01) == 8  # 252 tokens a sequence
    assert longest(2, 400, 0.01) is None  # nothing is gained: plain rows


def test_models_whose_cache_is_not_plain_keep_plain_rows(make_config: Callable[..., TrainConfig]) -> None:
    assert can_share_prompts(tiny_model().model)
    eager = tiny_model()
    eager.set_attn_implementation("eager")
    assert not can_share_prompts(eager.model)

    class Careless(type(tiny_model().model)):  # type: ignore[misc]
        """Takes a mask and does not look at it."""

        def forward(self, attention_mask: Any = None, cache: Any = None, **inputs: Any) -> Any:
            return super().forward(**inputs)

    wrong = tiny_model().model
    wrong.__class__ = Careless
    assert not can_share_prompts(wrong)
    saving = Learner(tiny_model(), None, make_config(gradient_checkpointing=True), World(cpu=True, dtype="float32"))
    assert not saving.shares_prompts


def test_sliding_windows_keep_plain_rows() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=53, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, sliding_window=4,
    )  # fmt: skip
    assert not can_share_prompts(MistralForCausalLM(config).eval().model)
