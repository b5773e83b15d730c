"""What patterns name, which step a name tells, and which folders are complete."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.steps import step_of
from assay.sweeps.checkpoints import find_checkpoints, incomplete


def weights(path: Path, numbers: int = 4) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4 * numbers)


def checkpoint(folder: Path, *, last: str | None = "trainer_state.json") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    weights(folder / "model.safetensors")
    if last:
        (folder / last).parent.mkdir(exist_ok=True)
        (folder / last).write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("hf:out/checkpoint-500", 500),
        ("hf:out/checkpoints/step-000050/", 50),
        ("vllm:org/model@step143000", 143000),
        ("hf:global_step_200", 200),
        ("hf:iter_0001000", 1000),
        ("hf:Qwen/Qwen2.5-Math-7B", None),
        ("hf:runs/step-50/final", None),
        ("openai:http://host:8000/v1#ckpt-12", 12),
        ("hf:out/checkpoint-" + "9" * 40, None),
    ],
)
def test_steps(name: str, step: int | None) -> None:
    assert step_of(name)[1] == step


def test_a_run_folder_stands_for_its_checkpoints_by_step(tmp_path: Path) -> None:
    for step in (1000, 500, 50):
        checkpoint(tmp_path / "trl" / f"checkpoint-{step}")
        checkpoint(tmp_path / "ours" / "checkpoints" / f"step-{step:06d}", last="trainer/state.json")
    checkpoint(tmp_path / "trl" / "tmp-checkpoint-2000")
    checkpoint(tmp_path / "ours" / "checkpoints" / ".part-step-002000")
    checkpoint(tmp_path / "base")
    (tmp_path / "trl" / "runs").mkdir()
    (tmp_path / "trl" / "config.json").write_text("{}")  # the final model, which is the last checkpoint once more
    assert [ref.step for ref in find_checkpoints([f"hf:{tmp_path}/trl"])] == [50, 500, 1000]
    assert [ref.step for ref in find_checkpoints([f"vllm:{tmp_path}/ours"])] == [50, 500, 1000]
    both = find_checkpoints([f"hf:{tmp_path}/base", f"hf:{tmp_path}/*", f"hf:{tmp_path}/trl/checkpoint-*00"])
    assert [(ref.step, Path(ref.url).parent.name) for ref in both] == [
        (None, tmp_path.name), (50, "checkpoints"), (500, "checkpoints"), (1000, "checkpoints"),
        (50, "trl"), (500, "trl"), (1000, "trl"),
    ]  # fmt: skip


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no model matches hf:.*none-\*"):
        find_checkpoints([f"hf:{tmp_path}/none-*"])
    with pytest.raises(UsageError, match="has no scheme: write hf:runs"):
        find_checkpoints(["runs"])


def test_hub_ids_and_revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    refs = tmp_path / "models--org--model" / "refs"
    refs.mkdir(parents=True)
    for name in ("step10", "step9", "main"):
        (refs / name).write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    urls = [ref.url for ref in find_checkpoints(["hf:org/model"], revisions=["step*"])]
    assert urls == ["hf:org/model@step9", "hf:org/model@step10"]
    assert [ref.url for ref in find_checkpoints(["hf:org/model@step9"])] == ["hf:org/model@step9"]
    assert [ref.url for ref in find_checkpoints(["hf:org/model", "openai:http://h/v1#m"])] == [
        "hf:org/model", "openai:http://h/v1#m"
    ]  # fmt: skip


def test_complete_means_whole_and_finished(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "checkpoint-5")
    assert incomplete(folder) == ""
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-1])
    assert "not whole" in incomplete(folder)
    (folder / "model.safetensors").write_bytes(whole)
    (folder / "trainer_state.json").unlink()
    assert "changed" in incomplete(folder)
    assert incomplete(folder, now=time.time() + 60) == ""
    (folder / "trainer_state.json").write_text("{}")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert incomplete(folder) == "it lacks model-00002-of-00002.safetensors"
    weights(folder / "model-00002-of-00002.safetensors")
    assert incomplete(folder) == ""
    os.remove(folder / "config.json")
    assert "config.json" in incomplete(folder)
    assert "cannot be read" in incomplete(tmp_path / "none") or "config.json" in incomplete(tmp_path / "none")
