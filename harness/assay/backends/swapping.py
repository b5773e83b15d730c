"""Putting another checkpoint's weights into an engine that is already there.

Checkpoints of one training run differ in their weights alone. Starting an engine anew for each costs imports, memory,
compilation and caches; copying the weights costs one read of the files. It is allowed only where nothing else
differs: every file beside the weights (configuration, tokenizer, chat template, generation settings) must say the
same. What a trainer writes into them without a meaning for completions (the version of transformers, where the model
was loaded from) is not compared.

    backend.swap("hf:run/checkpoint-1000")    True: it is that model now; False: open it anew

Nothing is loaded yet by `swap`: the weights are read when something is next generated, so that a checkpoint with
nothing left to do costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.backends.checkpoint import Checkpoint, find_checkpoint
from assay.errors import BackendError

_WITHOUT_MEANING = frozenset({"transformers_version", "_name_or_path", "name_or_path"})
_INDEX = ".safetensors.index.json"
_MAX_HEADER = 200 * 2**20
"""Bytes of a safetensors header at most; the format's own library refuses above 100 MB."""


def swap_target(current: Checkpoint, scheme: str, url: str, options: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint that `url` names, if an engine that holds `current` can take its weights; else None.

    Raises what finding it raises: it does not exist, or holds no model.
    """
    asked, _, source = url.partition(":")
    if asked != scheme or current.gguf_file or options.get("revision") or options.get("gguf_file"):
        return None
    target = find_checkpoint(source)
    return None if target.gguf_file or why_not_swap(current, target) else target


def why_not_swap(current: Checkpoint, target: Checkpoint) -> str:
    """Why an engine that holds one checkpoint cannot take the weights of the other; empty where it can."""
    for checkpoint in (current, target):
        if not safetensors_files(checkpoint.folder):
            return f"{checkpoint.source} has no weights in safetensors files"
        if "quantization_config" in checkpoint.config():
            return f"{checkpoint.source} is quantised"
    ours, theirs = _side_files(current.folder), _side_files(target.folder)
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    return f"{current.source} and {target.source} differ in {', '.join(different)}" if different else ""


def safetensors_files(folder: Path) -> list[Path]:
    """The weight files of a checkpoint, sorted; empty where there are others beside them, or none."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin") and path.is_file())
    files = [path for path in files if not path.name.startswith(("training_args", "optimizer", "scheduler"))]
    return files if all(path.suffix == ".safetensors" for path in files) else []


def tensors_in(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name to dtype and shape of every tensor in a safetensors file, from its header alone.

    Raises `BackendError` where the file is not whole: it is being written, or a copy was cut off.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, _MAX_HEADER):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
        tensors = {name: (str(entry["dtype"]), tuple(map(int, entry["shape"]))) for name, entry in header.items()}
    except (
        OSError,
        ValueError,
        struct.error,
        RecursionError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        raise BackendError(f"the weights {path} are not whole: {' '.join(str(error).split())[:200]}") from error
    if 8 + length + end != size:
        raise BackendError(f"the weights {path} are not whole: {size} bytes of {8 + length + end}")
    return tensors


def _side_files(folder: Path) -> dict[str, str]:
    """Hash of every file that is not weights, by name; see the module for what is left out."""
    from assay.backends.fingerprint import model_files

    found = {}
    for path in model_files(folder):
        if path.suffix in (".safetensors", ".bin", ".gguf", ".pt", ".pth") or path.name.endswith(_INDEX):
            continue
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BackendError(f"cannot read the model file {path}: {error.strerror or error}") from error
        found[path.name] = hashlib.sha256(_with_meaning(path.name, content)).hexdigest()
    return found


def _with_meaning(name: str, content: bytes) -> bytes:
    if name not in ("config.json", "generation_config.json", "tokenizer_config.json"):
        return content
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if not isinstance(value, dict):
        return content
    return json.dumps({key: value[key] for key in sorted(value.keys() - _WITHOUT_MEANING)}, sort_keys=True).encode()
