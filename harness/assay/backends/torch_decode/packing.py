"""Copies of the weights that decoding goes faster with.

A decode step multiplies a few rows with every weight matrix, so it costs what reading the weights costs. On a CPU,
oneDNN reads them about twice as fast when they lie in blocks of its own choice; bfloat16 is half as many bytes
everywhere. `lighter` makes such copies for the time of a rollout. The model keeps its weights, and nothing of the
copies is left afterwards.

    float32    CPU: the same arithmetic, sums in another order. GPU: nothing to do
    bfloat16   CPU: products of bfloat16 with float32 sums; all else (norms, attention, residuals, the head) float32.
               GPU: the whole model. Log-probs of what is drawn are this sampler's, some 1e-2 from the model's own
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

Precision = Literal["float32", "bfloat16"]

_ROWS = 16
"""Rows that the layout is chosen for; others work as well."""
_SMALL = 2**15
"""Weights of a matrix below which the default product is quicker in float32: it then costs what calling it costs."""


def can_pack(model: Any) -> bool:
    """Whether weights can be laid out for oneDNN: float32 ones, on an x86 CPU."""
    return (
        model.device.type == "cpu"
        and model.dtype == torch.float32
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; others take longer than with float32."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in probes)


@contextmanager
def lighter(model: Any, precision: Precision) -> Iterator[None]:
    """Let a model decode with lighter copies of its current weights, where there are any. For inference alone."""
    if can_pack(model):
        with _packed(model, precision):
            yield
    elif precision == "bfloat16" and model.dtype == torch.float32:
        with _halved(model):
            yield
    else:
        yield


@contextmanager
def _packed(model: Any, precision: Precision) -> Iterator[None]:
    # The head stays float32: its rounding would be that of the log-probs.
    head = model.get_output_embeddings()
    least = _SMALL if precision == "float32" else 0
    layers = [each for each in model.modules() if type(each) is torch.nn.Linear and each.weight.numel() >= least]
    try:
        for module in layers:
            dtype = torch.bfloat16 if precision == "bfloat16" and module is not head else torch.float32
            module.__dict__["forward"] = _Packed(module, dtype)  # found before the class's method
        yield
    finally:
        for module in layers:
            module.__dict__.pop("forward", None)


@contextmanager
def _halved(model: Any) -> Iterator[None]:
    # The parameters stay the same objects, which an optimizer knows them by; what they hold is put back.
    kept = [(parameter, parameter.data) for parameter in model.parameters() if parameter.dtype == torch.float32]
    try:
        for parameter, data in kept:
            parameter.data = data.to(torch.bfloat16)
        yield
    finally:
        for parameter, data in kept:
            parameter.data = data


class _Packed:
    """The forward pass of one linear layer: (rows, ..., in) → (rows, ..., out)."""

    def __init__(self, module: torch.nn.Linear, dtype: torch.dtype) -> None:
        with torch.no_grad():
            weight = module.weight.detach().to(dtype)
            self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
            self.bias = None if module.bias is None else module.bias.detach().to(dtype)
        self.dtype = dtype
        self.multiply = torch.ops.mkldnn._linear_pointwise.default

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.dtype == x.dtype:
            return self.multiply(x, self.weight, self.bias, "none", [], "")  # type: ignore[no-any-return]
        return self.multiply(x.to(self.dtype), self.weight, self.bias, "none", [], "").to(x.dtype)  # type: ignore[no-any-return]
