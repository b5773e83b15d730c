"""Adapters: merged folders equal the adapted model, the base below is the reference, runs resume bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from assay import Problem, UsageError
from assay_trainers.common.adapters import add_adapter, checkpoint_weights, module_weights
from assay_trainers.common.batching import Row
from assay_trainers.common.configs import AdapterConfig
from assay_trainers.common.models import load_weights, save_policy
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.trainer import Trainer, train
from assay_trainers.grpo.update import Learner
from tests.trainers.conftest import DigitReward
from tests.trainers.models import tiny_model, tokenizer

Make = Callable[..., TrainConfig]
IDS = torch.tensor([[3, 4, 5, 6, 7, 8]])


def adapted(seed: int = 1) -> Any:
    """A model with an adapter that does something."""
    model = add_adapter(tiny_model(), AdapterConfig(rank=4))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
    return model


def test_the_merged_folder_is_the_adapted_model(tmp_path: Path) -> None:
    model = adapted()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_policy(model, tokenizer(), tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert not any("lora" in name for name, _ in plain.named_parameters())
    with torch.no_grad():
        expected, base = model(IDS).logits, tiny_model()(IDS).logits
        assert torch.allclose(plain(IDS).logits, expected, atol=1e-5)
        assert not torch.allclose(base, expected, atol=1e-2)
    # To save is not to touch.
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # transformers to peft
def test_peft_reads_the_adapter(tmp_path: Path) -> None:
    from peft import PeftModel

    model = adapted()
    save_policy(model, tokenizer(), tmp_path)
    other = PeftModel.from_pretrained(tiny_model(), tmp_path / "adapter").eval()
    with torch.no_grad():
        assert torch.equal(other(IDS).logits, model(IDS).logits)
    # And so do we, bit for bit.
    fresh = adapted(seed=2)
    load_weights(fresh, tmp_path)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in fresh.state_dict().items())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("with_adapter", [True, False])
def test_weights_for_a_sampler_are_those_of_the_checkpoint(tied: bool, with_adapter: bool, tmp_path: Path) -> None:
    model = tiny_model(tied=tied)
    if with_adapter:
        model = add_adapter(model, AdapterConfig(rank=2))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.01)
    save_policy(model, tokenizer(), tmp_path)
    written = load_file(tmp_path / "model.safetensors")
    given = dict(checkpoint_weights(model))
    assert set(given) == set(written)
    assert all(torch.equal(value, written[name]) for name, value in given.items())


def test_experts_that_are_one_tensor_in_memory_leave_by_their_checkpoint_names(tmp_path: Path) -> None:
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    config = Qwen3MoeConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, moe_intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, num_experts=4, num_experts_per_tok=2,
    )  # fmt: skip
    model = Qwen3MoeForCausalLM(config).eval()
    model.save_pretrained(tmp_path)
    written = load_file(tmp_path / "model.safetensors")
    given = dict(checkpoint_weights(model))
    assert set(given) == set(written) != {name for name, _ in module_weights(model)}
    assert all(torch.equal(value, written[name]) for name, value in given.items())


def test_the_base_is_the_reference_until_it_is_refreshed(make_config: Make) -> None:
    model = adapted()
    learner = Learner(model, None, make_config(preset="grpo", lora__rank=4), World(cpu=True, dtype="float32"))
    rows = [Row(prompt_ids=[3, 4], completion_ids=[5, 6, 7])]
    now = learner.log_probs(rows)[0]
    learner.prepare(rows, keep_old=False)
    base = Learner(tiny_model(), None, make_config(preset="dapo"), learner.world).log_probs(rows)[0]
    assert rows[0].ref is not None
    assert torch.allclose(rows[0].ref, base, atol=1e-6)
    assert not torch.allclose(now, base, atol=1e-3)

    learner.refresh_reference()
    kept = learner.reference.state() if learner.reference is not None else {}
    before = {name: value.clone() for name, value in kept.items()}
    with torch.no_grad():
        for parameter in learner.parameters:
            parameter.mul_(2.0)
    moved = learner.log_probs(rows)[0]
    learner.prepare(rows, keep_old=False)
    assert torch.equal(rows[0].ref, now), "the reference is the policy of the refresh"
    assert torch.equal(learner.log_probs(rows)[0], moved), "and the policy is what it was"
    assert learner.reference is not None
    assert all(torch.equal(value, before[name]) for name, value in learner.reference.state().items())


def test_only_the_adapter_is_trained_and_a_run_resumes(
    make_config: Make, problems: list[Problem], tmp_path: Path
) -> None:
    changes = {"preset": "grpo", "lora__rank": 4, "refresh_reference_every": 2, "optimizer__learning_rate": 1e-2}
    whole = train(make_config(output=str(tmp_path / "whole"), **changes), reward=DigitReward(), problems=problems)
    parts = make_config(output=str(tmp_path / "parts"), steps=3, **changes)
    train(parts, reward=DigitReward(), problems=problems)
    resumed = train(make_config(output=str(tmp_path / "parts"), **changes), reward=DigitReward(), problems=problems)
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        one, two = load_file(whole.model / name), load_file(resumed.model / name)
        assert all(torch.equal(value, two[key]) for key, value in one.items()), name
    merged, start = load_file(whole.model / "model.safetensors"), dict(module_weights(tiny_model()))
    assert torch.equal(merged["model.embed_tokens.weight"], start["model.embed_tokens.weight"])
    assert not torch.equal(
        merged["model.layers.0.self_attn.q_proj.weight"], start["model.layers.0.self_attn.q_proj.weight"]
    )


def test_it_learns_with_an_adapter(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(preset="dr_grpo", steps=25, optimizer__learning_rate=2e-2, rollout__group=8, lora__rank=8)
    train(config, reward=DigitReward(), problems=problems)
    rows = [json.loads(line) for line in (Path(config.output) / "metrics.jsonl").read_text().splitlines()]
    rewards = [row["reward"] for row in rows]
    assert sum(rewards[-5:]) > sum(rewards[:5]) + 1.0
    assert max(row["mismatch"] for row in rows) < 1e-4


def test_layers_that_are_not_there_are_named(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(lora__rank=2, lora__targets=["nonexistent"])
    with pytest.raises(UsageError, match=r"lora\.targets: .*nonexistent"):
        Trainer(config, problems, DigitReward(), World(cpu=True, dtype="float32"))
