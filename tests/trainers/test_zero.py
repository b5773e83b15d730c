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
        whole = int((alone / name / "held").read_text())
        assert int((both / name / "held").read_text()) == (0 if stage == 3 else whole)
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


DIGITS = """
import assay

class Digits(assay.BaseVerifier):
    name, version, needs_reference = "digits", "1", False

    def verify(self, problem, completion):
        share = sum(character.isdigit() for character in completion.text) / max(1, len(completion.text))
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=share)

@assay.hookimpl
def register_verifiers():
    return {"digits": Digits}
"""


def assay(folder: Path, launcher: list[str], *arguments: str) -> str:
    """Run the command line, by a launcher; returns what it said."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "ASSAY_PLUGINS": "backends"}
    command = [sys.executable, *launcher, "-m", "assay", "train", *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.fixture
def launcher() -> list[str]:
    """`accelerate launch` with the ready configuration, in two processes."""
    ready = Path(assay_trainers.__path__[0]) / "configs" / "deepspeed.yaml"
    module = ["-m", "accelerate.commands.launch"]
    return [*module, "--config_file", str(ready), "--num_processes", "2", "--main_process_port", "0"]


def test_accelerate_launches_grpo_with_the_ready_configuration(
    launcher: list[str], tiny_folder: str, tmp_path: Path
) -> None:
    rows = [{"prompt": f"{n}+{n}=", "reference": str(2 * n), "verifier": "digits"} for n in range(6)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "digits.py").write_text(DIGITS)
    config = config_of(tiny_folder, "run", **{"data.path": "sums.jsonl", "reward": {"terms": [{"name": "digits"}]}})
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config.as_dict()))
    for name, how in (("alone", []), ("both", launcher)):
        said = assay(tmp_path, how, "grpo", "run.yaml", "--plugin", "digits.py", "--set", f"output={name}")
        assert "step 2/2" in said
    for one, two in zip(lines(tmp_path / "alone"), lines(tmp_path / "both"), strict=True):
        for metric in COMPARED:
            assert two[metric] == pytest.approx(one[metric], rel=1e-5, abs=1e-5), metric
    close(tmp_path / "alone" / "final", tmp_path / "both" / "final", 1e-5)
    assert not close_to(Path(tiny_folder), tmp_path / "both" / "final", 1e-4)


def test_accelerate_launches_sft_with_the_ready_configuration(
    launcher: list[str], tiny_folder: str, sums_file: str, tmp_path: Path
) -> None:
    config = sft_one_of_two.config_of(tiny_folder, sums_file, str(tmp_path / "both"))
    (tmp_path / "sft.yaml").write_text(yaml.safe_dump(config.as_dict()))
    assert "done after step 3" in assay(tmp_path, launcher, "sft", "sft.yaml")
    train_sft(sft_one_of_two.config_of(tiny_folder, sums_file, str(tmp_path / "alone")))
    same_losses(tmp_path / "alone", tmp_path / "both")
    close(tmp_path / "alone" / "final", tmp_path / "both" / "final", 1e-5)
