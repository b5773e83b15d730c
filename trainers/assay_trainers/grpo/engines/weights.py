"""Where an engine gets the policy's weights from, and how they are written for one on another machine.

The names and values are those of a plain Hugging Face checkpoint, whatever the policy looks like in training: an
adapter is merged into a copy of the layers it changes, sharded parameters are gathered. Gathering is done by all
processes together, so every process goes through all of a `WeightSource`, also the ones that need no weights.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

WeightSource = Callable[[], Iterator[tuple[str, Tensor]]]
"""() → (name, tensor). A tensor may be the parameter itself: copy it before you keep it."""

_SHARD_BYTES = 4 * 2**30


def write_weights(folder: Path, weights: Iterator[tuple[str, Tensor]], *, dtype: torch.dtype) -> int:
    """Write tensors as safetensors files of at most some gigabytes; returns how many tensors there were.

    The folder appears when it is complete, in the place of one of the same name. Floating-point tensors are written
    as `dtype`. Raises `OSError` where it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part = folder.with_name(f".part-{folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    count, held, files = 0, 0, 0
    shard: dict[str, Tensor] = {}

    def flush() -> None:
        nonlocal held, files
        try:
            save_file(shard, part / f"weights-{files:05d}.safetensors")
        except SafetensorError as error:
            raise OSError(str(error)) from error
        shard.clear()
        held, files = 0, files + 1

    for name, tensor in weights:
        kept = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype, copy=True).contiguous()
        if shard and held + kept.nbytes > _SHARD_BYTES:
            flush()
        shard[name] = kept
        held, count = held + kept.nbytes, count + 1
    flush()
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return count
