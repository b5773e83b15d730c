"""Parameters sharded over two real processes (FSDP2, gloo) give the losses and weights of one process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import assay_trainers
from assay import BackendError, UsageError
from assay_trainers.common.checkpoints import list_checkpoints
from assay_trainers.common.world import World
from assay_trainers.sft.trainer import train
from tests.trainers import sft_one_of_two
from tests.trainers.small_run import config_of, run
from tests.trainers.test_processes import run as run_processes

FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
COMPARED = ("loss", "reward", "kl", "entropy", "grad_norm", "mismatch", "length", "completions")


def lines(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


ATOL = {"all weights": 1e-5, "adapter": 1e-4}
"""AdamW divides by a gradient's own size, and some of an adapter's are next to nothing: there the order of sums shows,
by a tenth of one update (1e-3) at most."""


def close(one: Path, two: Path, atol: float) -> None:
    assert close_to(one, two, atol)


def close_to(one: Path, two: Path, atol: float) -> bool:
    first, second = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    assert first.keys() == second.keys()
    return all(torch.allclose(value, second[name], atol=atol) for name, value in first.items())


def same_losses(alone: Path, both: Path) -> None:
    """Of a supervised run, and everything else that does not depend on micro-batches."""
    for one, two in zip(lines(alone), lines(both), strict=True):
        for metric in ("loss", "grad_norm", "validation_loss", "learned_tokens", "learning_rate"):
            assert two.get(metric) == pytest.approx(one.get(metric), abs=1e-5), metric


@pytest.fixture(scope="module")
def sums_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [{"prompt": f"{a}+{b}=", "completion": f"{a + b} " + "so " * (a % 3)} for a in range(5) for b in range(5)]
    path = tmp_path_factory.mktemp("sums") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


CHANGES: dict[str, dict[str, Any]] = {"all weights": {}, "adapter": {"lora.rank": 2}}


@pytest.fixture(scope="module")
def sharded(tiny_folder: str, sums_file: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs in one pair of processes: most of the time goes to starting them."""
    folder = tmp_path_factory.mktemp("sharded")
    arguments = (tiny_folder, sums_file, str(folder), json.dumps(CHANGES))
    run_processes(2, *arguments, module="tests.trainers.both_runs", settings=FSDP)
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_two_sharded_processes_are_one(name: str, sharded: Path, tiny_folder: str, tmp_path: Path) -> None:
    alone, both, mixed = tmp_path / "alone", sharded / "grpo" / name, tmp_path / "mixed"
    run(config_of(tiny_folder, str(alone), **CHANGES[name]))
    for one, two in zip(lines(alone), lines(both), strict=True):
        for metric in COMPARED:
            assert two[metric] == pytest.approx(one[metric], rel=1e-5, abs=1e-5), metric
    assert lines(both)[-1]["sync_mismatch"] < 1e-4, "completions come from a copy that follows the shards"
    close(alone / "final", both / "final", ATOL[name])
    # A checkpoint of sharded processes is any other checkpoint: one process goes on from it.
    shutil.copytree(both, mixed)
    last = list_checkpoints(mixed)[-1]
    assert last.name == "step-000002"
    shutil.rmtree(last)
    shutil.rmtree(mixed / "final")
    run(config_of(tiny_folder, str(mixed), **CHANGES[name]))
    close(alone / "final", mixed / "final", ATOL[name])


@pytest.mark.parametrize("name", CHANGES)
def test_supervised_processes_that_shard_are_one(
    name: str, sharded: Path, tiny_folder: str, sums_file: str, tmp_path: Path
) -> None:
    alone, both, mixed = tmp_path / "alone", sharded / "sft" / name, tmp_path / "mixed"
    train(sft_one_of_two.config_of(tiny_folder, sums_file, str(alone), **CHANGES[name]))
    same_losses(alone, both)
    close(alone / "final", both / "final", ATOL[name])
    assert not close_to(Path(tiny_folder), both / "final", 1e-4)
    # One process goes on from what the two wrote.
    shutil.copytree(both, mixed)
    shutil.rmtree(mixed / "checkpoints" / "step-000003")
    shutil.rmtree(mixed / "final")
    train(sft_one_of_two.config_of(tiny_folder, sums_file, str(mixed), **CHANGES[name]))
    close(alone / "final", mixed / "final", ATOL[name])


@pytest.mark.parametrize(("name", "sharded"), [("fsdp2", True), ("copies", False)])
def test_the_ready_configurations_say_what_world_reads(name: str, sharded: bool) -> None:
    environment = environment_of(name, "prepare_multi_gpu_env")
    assert (environment.get("ACCELERATE_USE_FSDP") == "true") == sharded
    if sharded:
        assert environment["FSDP_VERSION"] == "2"
        assert environment["FSDP_RESHARD_AFTER_FORWARD"] == "true"


def test_the_ready_configuration_of_deepspeed_says_what_world_reads() -> None:
    environment = environment_of("deepspeed", "prepare_deepspeed_cmd_env")
    assert environment["ACCELERATE_USE_DEEPSPEED"] == "true"
    assert environment["ACCELERATE_DEEPSPEED_ZERO_STAGE"] == "2"


def environment_of(name: str, prepare: str) -> dict[str, str]:
    """What `accelerate launch` gives to the processes of a ready configuration."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils import launch

    path = Path(assay_trainers.__path__[0]) / "configs" / f"{name}.yaml"
    arguments = launch_command_parser().parse_args(["--config_file", str(path), "-m", "assay", "train", "grpo", "c"])
    arguments = _validate_launch_command(arguments)[0]
    arguments.deepspeed_fields_from_accelerate_config = ""
    found = getattr(launch, prepare)(arguments)
    environment: dict[str, str] = found[1] if isinstance(found, tuple) else found
    return environment


def test_deepspeed_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setattr("accelerate.utils.is_deepspeed_available", lambda: False)
    with pytest.raises(BackendError, match=r"DeepSpeed, which is not installed here: pip install 'assay\[deepspeed\]'"):
        World(cpu=True, dtype="float32")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"zero_optimization": {"stage": 0}}, "ZeRO stage 0 partitions nothing"),
        ({"zero_optimization": {"stage": 2}, "bf16": {"enabled": True}}, "configuration enables bf16: `dtype`"),
        ({"zero_optimization": {"stage": 2}, "fp16": {"enabled": True}}, "configuration enables fp16: `dtype`"),
    ],
)
def test_a_deepspeed_configuration_that_contradicts_the_run_is_refused(
    config: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "deepspeed.json"
    path.write_text(json.dumps(config))
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_CONFIG_FILE", str(path))
    monkeypatch.setattr("accelerate.utils.is_deepspeed_available", lambda: True)
    with pytest.raises(UsageError, match=message):
        World(cpu=True, dtype="float32")
