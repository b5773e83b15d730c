"""DeepSpeed's ZeRO over two real processes (gloo, its CPU accelerator) gives the losses and weights of one process.

`make deepspeed` installs it and runs these. Stage 3 partitions tensors of any size here; by default it would leave
those of this tiny model whole.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import assay_trainers
from assay_trainers.common.checkpoints import list_checkpoints
from assay_trainers.sft.trainer import train as train_sft
from tests.conftest import ROOT
from tests.trainers import sft_one_of_two
from tests.trainers.models import tiny_model, tokenizer
from tests.trainers.small_run import config_of, run
from tests.trainers.test_processes import run as run_processes
from tests.trainers.test_sharding import ATOL, CHANGES, COMPARED, close, close_to, lines, same_losses, sums_file

pytest.importorskip("deepspeed", reason="DeepSpeed is not installed: make deepspeed")
pytestmark = pytest.mark.deepspeed

__all__ = ["sums_file"]


def settings(stage: int, folder: Path) -> dict[str, str]:
    """What `accelerate launch` would put into the environment."""
    path = folder / "deepspeed.json"
    zero = {"stage": stage, "stage3_param_persistence_threshold": 0, "reduce_bucket_size": 2000}
    path.write_text(json.dumps({"zero_optimization": zero}))
    return {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(path)}


def cut(output: Path, step: int) -> None:
    """Make a run one that was killed after a step."""
    for folder in list_checkpoints(output):
        if folder.name > f"step-{step:06d}":
            shutil.rmtree(folder)
    shutil.rmtree(output / "final")


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_policies_partitioned_over_two_processes_are_one(stage: int, tiny_folder: str, tmp_path: Path) -> None:
    alone, both, taken = tmp_path / "alone", tmp_path / "both", tmp_path / "taken"
    for name, changes in CHANGES.items():
        run(config_of(tiny_folder, str(alone / name), **changes))
        shutil.copytree(alone / name, taken / name)
        cut(taken / name, 1)
    arguments = [
        part
        for folder in (both, taken)
        for name, changes in CHANGES.items()
        for part in (str(folder / name), json.dumps(changes))
    ]
    run_processes(2, tiny_folder, *arguments, module="tests.trainers.small_run", settings=settings(stage, tmp_path))
    for name, changes in CHANGES.items():
        for one, two in zip(lines(alone / name), lines(both / name), strict=True):
            for metric in COMPARED:
                assert two[metric] == pytest.approx(one[metric], rel=1e-5, abs=1e-5), metric
        assert ("sync_mismatch" in lines(both / name)[-1]) == (stage == 3), "whole parameters sample by themselves"
        close(alone / name / "final", both / name / "final", ATOL[name])
        # Two processes go on from what one wrote, and one from what two wrote.
        close(alone / name / "final", taken / name / "final", ATOL[name])
        cut(both / name, 1)
        run(config_of(tiny_folder, str(both / name), **changes))
        close(alone / name / "final", both / name / "final", ATOL[name])
        assert not close_to(Path(tiny_folder), both / name / "final", 1e-4)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_supervised_processes_that_partition_are_one(
    stage: int, tiny_folder: str, sums_file: str, tmp_path: Path
) -> None:
    alone, both, taken = tmp_path / "alone", tmp_path / "both", tmp_path / "taken"
    train_sft(sft_one_of_two.config_of(tiny_folder, sums_file, str(alone)))
    shutil.copytree(alone, taken)
    cut(taken, 2)
    run_processes(
        2, tiny_folder, sums_file, str(both), "{}", str(taken), "{}",
        module="tests.trainers.sft_one_of_two", settings=settings(stage, tmp_path),
    )  # fmt: skip
    same_losses(alone, both)
    for folder in (both, taken):
        close(alone / "final", folder / "final", 1e-5)


@pytest.mark.parametrize("stage", [2, 3])
def test_a_gradient_that_is_not_finite_leaves_partitioned_weights_alone(
    stage: int, sums_file: str, tmp_path: Path
) -> None:
    model = tiny_model(tied=False)
    with torch.no_grad():
        model.model.embed_tokens.weight[9] = float("nan")  # the digit 7; the check of the head reads lower tokens
    model.save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    changes = json.dumps({"data.validation": 0.0, "rows": 20})
    with pytest.raises(AssertionError, match="the gradient of update 1 is not finite"):
        run_processes(
            2, str(tmp_path / "model"), sums_file, str(tmp_path / "run"), changes,
            module="tests.trainers.sft_one_of_two", settings=settings(stage, tmp_path),
        )  # fmt: skip
    (saved,) = list_checkpoints(tmp_path / "run")
    kept = torch.load(saved / "trainer" / "tensors.pt", weights_only=True)
    assert kept["optimizer"]["state"] == {}
    assert close_to_with_nan(tmp_path / "model", saved)


def close_to_with_nan(one: Path, two: Path) -> bool:
    from safetensors.torch import load_file

    first, second = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    return all(torch.equal(value.nan_to_num(), second[name].nan_to_num()) for name, value in first.items())


def test_accelerate_launches_the_ready_configuration(tiny_folder: str, sums_file: str, tmp_path: Path) -> None:
    ready = Path(assay_trainers.__path__[0]) / "configs" / "deepspeed.yaml"
    config = sft_one_of_two.config_of(tiny_folder, sums_file, str(tmp_path / "both"))
    (tmp_path / "sft.yaml").write_text(yaml.safe_dump(config.as_dict()))
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ready), "--num_processes", "2",
        "--main_process_port", "0", "-m", "assay", "train", "sft", str(tmp_path / "sft.yaml"),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "done after step 3" in done.stderr
    alone = tmp_path / "alone"
    train_sft(sft_one_of_two.config_of(tiny_folder, sums_file, str(alone)))
    same_losses(alone, tmp_path / "both")
    close(alone / "final", tmp_path / "both" / "final", 1e-5)
