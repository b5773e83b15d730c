"""Weights exchanged in an engine that is there: the same completions as an engine started anew, bit for bit."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest
from tests.backends.conftest import ask, build_tiny_model

from assay.backends.checkpoint import find_checkpoint, split_revision
from assay.backends.swapping import tensors_in, why_not_swap
from assay.errors import BackendError, UsageError
from assay.types import Sampling

pytest.importorskip("transformers")
pytestmark = pytest.mark.model

from assay.backends.hf import open_hf  # noqa: E402  # needs transformers


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("run")
    return [build_tiny_model(root / f"checkpoint-{step}", seed=step) for step in (1, 2)]


def completions(backend, number: int = 6):
    requests = [ask("hi there", seed=seed, index=seed) for seed in range(number)]
    out = {}
    for generated in backend.generate(requests, Sampling(temperature=0.9, max_tokens=20)):
        out[generated.request.sample_index] = (generated.completion.token_ids, generated.completion.logprobs)
    return out


def test_swapped_equals_fresh_bit_for_bit(checkpoints: list[Path]) -> None:
    first, second = checkpoints
    backend = open_hf(str(first), {"device": "cpu"})
    before = completions(backend)
    module = backend._load().model
    old = backend.fingerprint
    assert backend.swap(f"hf:{second}")
    assert (backend.url, backend.swaps) == (f"hf:{second}", 0)
    after = completions(backend)
    fresh = open_hf(str(second), {"device": "cpu"})
    assert after == completions(fresh)
    assert after != before
    assert backend.fingerprint == fresh.fingerprint != old
    assert backend.swaps == 1
    assert backend._load().model is module, "the same module, not another"
    assert backend.swap(f"hf:{first}")
    assert completions(backend) == before


def test_tied_and_cast_weights_are_exchanged_too(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    folders = []
    for seed in (3, 4):
        folder = build_tiny_model(tmp_path / f"step-{seed}", seed=seed)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        model.config.tie_word_embeddings = True
        model.tie_weights()
        model.save_pretrained(folder)
        folders.append(folder)
    assert "lm_head.weight" not in tensors_in(folders[0] / "model.safetensors")
    backend = open_hf(str(folders[0]), {"device": "cpu"})
    completions(backend)
    assert backend.swap(f"hf:{folders[1]}")
    assert completions(backend) == completions(open_hf(str(folders[1]), {"device": "cpu"}))
    assert backend.swaps == 1


def test_files_of_other_names_are_loaded_in_the_ordinary_way(checkpoints: list[Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    other = shutil.copytree(checkpoints[1], tmp_path / "checkpoint-9")
    tensors = load_file(other / "model.safetensors")
    # transformers reads the decoder's tensors without the prefix as well; a plain copy by name cannot.
    renamed = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    save_file(renamed, other / "model.safetensors", metadata={"format": "pt"})
    backend = open_hf(str(checkpoints[0]), {"device": "cpu"})
    completions(backend)
    assert backend.swap(f"hf:{other}")
    assert completions(backend) == completions(open_hf(str(other), {"device": "cpu"}))
    assert backend.swaps == 0


@pytest.mark.parametrize(
    ("file", "key", "value", "same"),
    [
        ("config.json", "rope_theta", 5.0, False),
        ("config.json", "transformers_version", "9.9", True),
        ("generation_config.json", "eos_token_id", [2], False),
        ("tokenizer_config.json", "name_or_path", "/elsewhere", True),
        ("tokenizer_config.json", "eos_token", "<u>", False),
        ("tokenizer.json", "version", "2.0", False),
    ],
)
def test_only_weights_may_differ(checkpoints, tmp_path: Path, file: str, key: str, value: object, same: bool) -> None:
    other = shutil.copytree(checkpoints[1], tmp_path / "other")
    content = json.loads((other / file).read_text())
    (other / file).write_text(json.dumps({**content, key: value}, indent=2))
    backend = open_hf(str(checkpoints[0]), {"device": "cpu"})
    why = why_not_swap(find_checkpoint(str(checkpoints[0])), find_checkpoint(str(other)))
    assert (not why) is same
    assert same or file in why
    assert backend.swap(f"hf:{other}") is same
    assert backend.url == (f"hf:{other}" if same else f"hf:{checkpoints[0]}")


def test_other_schemes_and_formats_are_opened_anew(checkpoints, tmp_path: Path) -> None:
    backend = open_hf(str(checkpoints[0]), {"device": "cpu"})
    assert not backend.swap(f"vllm:{checkpoints[1]}")
    pickled = shutil.copytree(checkpoints[1], tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    assert not backend.swap(f"hf:{pickled}")
    with pytest.raises(UsageError, match="no such file"):
        backend.swap(f"hf:{tmp_path}/none")


def test_weights_cut_off_are_an_error_and_the_engine_recovers(checkpoints, tmp_path: Path) -> None:
    broken = shutil.copytree(checkpoints[1], tmp_path / "checkpoint-7")
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    backend = open_hf(str(checkpoints[0]), {"device": "cpu"})
    before = completions(backend)
    assert backend.swap(f"hf:{broken}")
    with pytest.raises(BackendError, match="not whole"):
        completions(backend)
    assert backend.swap(f"hf:{checkpoints[0]}")
    assert completions(backend) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 7,
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 13) + b'{"a":{"b":1}}',
        struct.pack("<Q", 8) + b'{"a": 1}',
    ],
)
def test_hostile_headers_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(BackendError, match="not whole"):
        tensors_in(path)


def test_a_revision_stands_in_the_url() -> None:
    assert split_revision("org/model@step1000") == ("org/model", "step1000")
    assert split_revision("./runs/a") == ("./runs/a", None)
