"""What runs inside vLLM's workers to exchange the weights of a live engine.

vLLM adds the class named by the engine argument `worker_extension_cls` to its workers; its methods are then called
through `collective_rpc("assay_read_weights", args=(folder,))`, in every worker, whatever the parallelism.

On a CPU a language head that is tied to the embeddings keeps a packed copy of them, which vLLM's own
`reload_weights` leaves as it was; every packed head is packed again after each exchange. The caller must reset the
engine's prefix cache: it holds keys and values of the old weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

WEIGHT_SWAPPER = "assay.backends.vllm_worker.WeightSwapper"
"""Value of vLLM's engine argument `worker_extension_cls`."""


class WeightSwapper:
    """Methods that vLLM mixes into its workers."""

    def assay_read_weights(self, folder: str) -> None:
        """Read the weights of a checkpoint folder into this worker's part of the model."""
        self.reload_weights(weights_path=folder)  # type: ignore[attr-defined]  # the worker's own
        repack_heads(self.model_runner.get_model())  # type: ignore[attr-defined]

    def assay_take_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Take tensors named as in a checkpoint, (name, tensor) each, all of the model's."""
        self.reload_weights(weights_iterator=iter(weights))  # type: ignore[attr-defined]
        repack_heads(self.model_runner.get_model())  # type: ignore[attr-defined]


def repack_heads(model: Any) -> int:
    """Pack the weights of embeddings and heads anew that keep a packed copy (CPUs only); returns how many."""
    from vllm.model_executor.layers.utils import dispatch_cpu_unquantized_gemm
    from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding

    packed = [
        module
        for module in model.modules()
        if isinstance(module, VocabParallelEmbedding) and hasattr(module, "cpu_linear") and module.weight.numel()
    ]
    for module in packed:
        dispatch_cpu_unquantized_gemm(module, remove_weight=False)
    return len(packed)
