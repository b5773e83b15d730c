"""The estimate of memory against a run that is measured, and against arithmetic by hand where launches shard."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assay_trainers.common.memory import Split, describe, fixed_parts, most, split_of_launch, trained_parameters
from assay_trainers.common.models import Shape, parameters_of
from assay_trainers.grpo.command import memory_parts
from tests.conftest import ROOT
from tests.trainers.memory_run import config_of
from tests.trainers.models import tokenizer

TOLERANCE = 0.3

SHAPE = Shape(
    parameters=1000, layers=2, hidden=8, queries=8, keys=4, inner=16, vocabulary=20, window=None
)  # fmt: skip


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Twelve million random parameters: their tensors, not the interpreter, make the memory."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("large")
    config = LlamaConfig(
        vocab_size=8192, hidden_size=384, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=128, eos_token_id=0, pad_token_id=0, bos_token_id=None,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


def test_the_estimate_is_what_a_run_takes(large_folder: str, tiny_folder: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.trainers.memory_run", large_folder, tiny_folder, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    taken = int(done.stdout.splitlines()[-1])
    shape = parameters_of(large_folder)
    assert shape is not None
    estimate = most(memory_parts(config_of(large_folder, str(tmp_path)), shape, len("0+0="), Split()))
    assert estimate == pytest.approx(taken, rel=TOLERANCE)


def sizes(split: Split, rank: int = 0, dtype: str = "float32") -> dict[str, float]:
    parts = fixed_parts(SHAPE, split, rank=rank, dtype=dtype, reference=not rank)
    return {part.name: part.size for part in parts}


def test_sharding_divides_what_it_shards() -> None:
    whole = {"weights": 4000, "AdamW's moments": 8000, "gradients": 4000, "reference policy": 4000}
    assert sizes(Split()) == sizes(Split(processes=4)) == whole
    fsdp = Split(processes=4, weights=4, gradients=4, moments=4)
    assert sizes(fsdp) == {name: size / 4 for name, size in whole.items()}
    zero = replace(fsdp, weights=1, second_weights=True)
    assert sizes(zero) == {
        "weights": 4000,
        "AdamW's moments": 2000,
        "gradients": 1000,
        "weights, ZeRO's copy": 1000,
        "reference policy": 4000,
    }


def test_adapters_train_what_peft_makes_of_them(large_folder: str) -> None:
    from transformers import AutoModelForCausalLM

    from assay_trainers.common.adapters import add_adapter
    from assay_trainers.common.configs import AdapterConfig
    from assay_trainers.common.models import parameter_count

    adapted = add_adapter(AutoModelForCausalLM.from_pretrained(large_folder), AdapterConfig(rank=4))
    shape = parameters_of(large_folder)
    assert shape is not None
    assert trained_parameters(shape, 4) == parameter_count(adapted)
    trained = trained_parameters(SHAPE, 2)
    assert sizes(Split(), rank=2, dtype="bfloat16") == {
        "weights": 2000 + 4 * trained,
        "AdamW's moments": 8 * trained,
        "gradients": 4 * trained,
    }


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Split()),
        ({"WORLD_SIZE": "2"}, Split(processes=2)),
        (
            {"WORLD_SIZE": "2", "ACCELERATE_USE_FSDP": "true"},
            Split(processes=2, weights=2, gradients=2, moments=2),
        ),
        ({"ACCELERATE_USE_FSDP": "true"}, Split()),
    ],
)
def test_the_launch_says_how_it_is_split(
    environment: dict[str, str], expected: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert split_of_launch() == expected


@pytest.mark.parametrize(("stage", "weights", "gradients"), [(1, 1, 1), (2, 1, 4), (3, 4, 4)])
def test_zero_divides_by_its_stage(stage: int, weights: int, gradients: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", str(stage))
    monkeypatch.setattr("accelerate.utils.is_deepspeed_available", lambda: True)
    expected = Split(processes=4, weights=weights, gradients=gradients, moments=4, second_weights=True)
    assert split_of_launch() == expected


def test_the_table_says_the_larger_of_drawing_and_learning(tiny_folder: str, tmp_path: Path) -> None:
    shape = parameters_of(tiny_folder)
    assert shape is not None
    parts = memory_parts(config_of(tiny_folder, str(tmp_path)), shape, 4, Split(processes=2))
    sums = {when: sum(part.size for part in parts if part.when == when) for when in ("always", "drawing", "learning")}
    assert sums["learning"] > sums["drawing"] > 0
    assert most(parts) == sums["always"] + sums["learning"]
    table = describe(parts, Split(processes=2))
    assert "at most in each of 2 processes" in table[0]
    assert len(table) == 1 + len(parts)
    assert any(line.split()[:3] == ["keys", "and", "values"] and "8 rows × 44 tokens" in line for line in table)
