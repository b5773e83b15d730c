"""Copying a checkpoint's tensors into a module that has the same architecture.

`from_pretrained` renames and merges tensors for some models. Here nothing is renamed: every tensor of the files must
have its namesake of the same shape in the module, and every tensor of the module one in the files (tied ones share).
Where that does not hold, nothing is touched and the caller loads the model in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from assay.backends.swapping import tensors_in
from assay.errors import BackendError


def load_into(model: Any, files: Sequence[Path]) -> bool:
    """Put the tensors of safetensors files into a module, cast to its dtypes; False where they do not fit it.

    Raises `BackendError` where a file is damaged. The module may then hold weights of both checkpoints: drop it.
    """
    state: dict[str, torch.Tensor] = model.state_dict()
    found = {name: shape for path in files for name, (_, shape) in tensors_in(path).items()}
    if not fits(state, found):
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with torch.no_grad():
            for path in files:
                with safe_open(path, framework="pt") as opened:
                    for name in opened.keys():  # noqa: SIM118  # no mapping: it has keys() only
                        state[name].copy_(opened.get_tensor(name))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise BackendError(f"cannot read the weights {path}: {' '.join(str(error).split())[:300]}") from error
    return True


def fits(state: dict[str, torch.Tensor], found: dict[str, tuple[int, ...]]) -> bool:
    """Whether files with tensors of these shapes hold each of a module's tensors exactly once."""
    if any(name not in state or tuple(state[name].shape) != shape for name, shape in found.items()):
        return False
    owners: dict[tuple[int, int], int] = {}
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tensor.numel())
        owners[place] = owners.get(place, 0) + (name in found)
    return all(count == 1 for count in owners.values())
