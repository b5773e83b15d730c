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
from assay import UsageError
from assay_trainers.common.checkpoints import list_checkpoints
from assay_trainers.common.world import World
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
    first, second = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.allclose(value, second[name], atol=atol), name


CHANGES: dict[str, dict[str, Any]] = {"all weights": {}, "adapter": {"lora.rank": 2}}


@pytest.fixture(scope="module")
def sharded(tiny_folder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both runs in one pair of processes: most of the time goes to starting them."""
    folder = tmp_path_factory.mktemp("sharded")
    arguments = [part for name, changes in CHANGES.items() for part in (str(folder / name), json.dumps(changes))]
    run_processes(2, tiny_folder, *arguments, module="tests.trainers.small_run", settings=FSDP)
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_two_sharded_processes_are_one(name: str, sharded: Path, tiny_folder: str, tmp_path: Path) -> None:
    alone, both, mixed = tmp_path / "alone", sharded / name, tmp_path / "mixed"
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


@pytest.mark.parametrize(("name", "sharded"), [("fsdp2", True), ("copies", False)])
def test_the_ready_configurations_say_what_world_reads(name: str, sharded: bool) -> None:
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    path = Path(assay_trainers.__path__[0]) / "configs" / f"{name}.yaml"
    arguments = launch_command_parser().parse_args(["--config_file", str(path), "-m", "assay", "train", "grpo", "c"])
    environment = prepare_multi_gpu_env(_validate_launch_command(arguments)[0])
    assert (environment.get("ACCELERATE_USE_FSDP") == "true") == sharded
    if sharded:
        assert environment["FSDP_VERSION"] == "2"
        assert environment["FSDP_RESHARD_AFTER_FORWARD"] == "true"


def test_deepspeed_is_refused_with_what_to_use_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(UsageError, match=r"DeepSpeed is not supported: .*fsdp2\.yaml"):
        World(cpu=True, dtype="float32")
