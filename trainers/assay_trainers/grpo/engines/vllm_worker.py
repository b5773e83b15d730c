"""What a vLLM worker does to take over new weights: `--worker-extension-cls` of `vllm serve`, or of the engine here.

    VLLM_SERVER_DEV_MODE=1 vllm serve MODEL \
        --worker-extension-cls assay_trainers.grpo.engines.vllm_worker.WeightReload

vLLM's own `reload_weights` does the work. On a CPU it leaves one thing behind: linear layers there multiply with a
packed copy of their weight, and the copy of an `lm_head` that shares its weight with the embeddings is not made anew
(seen in vLLM 0.32; the log-probs were off by half a nat). `assay.repack_heads` makes it: a server's environment needs
Assay's core, without any extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assay import repack_heads


class WeightReload:
    """Mixed into vLLM's worker class, whose attributes it uses."""

    model_runner: Any
    vllm_config: Any

    def assay_load_folder(self, folder: str) -> int:
        """Take over the safetensors files of a folder; returns how many tensors they hold."""
        return self.assay_load_tensors(_tensors(Path(folder)))

    def assay_load_tensors(self, weights: Iterable[tuple[str, Any]]) -> int:
        """Take over tensors by their names in a Hugging Face checkpoint; returns how many there were."""
        from vllm.config import set_current_vllm_config

        count = 0

        def counted() -> Iterator[tuple[str, Any]]:
            nonlocal count
            for name, tensor in weights:
                count += 1
                yield name, tensor

        with set_current_vllm_config(self.vllm_config):
            self.model_runner.reload_weights(weights_iterator=counted())
        repack_heads(self.model_runner.get_model())
        return count


def _tensors(folder: Path) -> Iterator[tuple[str, Any]]:
    from safetensors import safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no safetensors file: is it visible from this machine?")
    for path in files:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # not a mapping
                yield name, file.get_tensor(name)
