"""Faster float32 products on CPUs that torch's default library does not use to the full.

Torch multiplies float32 matrices with MKL, which runs AVX2 code on AMD's processors even where they have AVX-512;
oneDNN, which torch carries as well, runs AVX-512 there and takes half the time. Torch's public switch to it is the
precision "bf16" of its oneDNN products: leave to *use* bfloat16 inside, which only kernels with AMX tiles make use of.
So it is set where there is AVX-512 from AMD and no AMX, and only after a product has been found as exact as before.

Small matrices are quicker with MKL: with a hidden size of 128 a forward and backward pass takes 1.24 times as long with
oneDNN, with 192, 256, 384 and 576 it takes 0.83, 0.76, 0.60 and 0.55.
"""

from __future__ import annotations

import functools
import logging
import platform
from pathlib import Path
from typing import Any

import torch

_log = logging.getLogger("assay.trainers")
_SMALL = 160
"""Hidden size below which MKL is quicker."""
_FLOAT32 = 1e-6
"""Relative error that a float32 product of 256 terms stays under; with bfloat16 inside it is near 1e-3."""


def use_fast_float32(hidden_size: int) -> bool:
    """Switch this process to the faster kernels where they are faster and as exact; returns whether it did.

    Args:
        hidden_size: Of the model that is about to be trained.
    """
    return hidden_size >= _SMALL and _switch()


@functools.cache
def _switch() -> bool:
    settings: Any = getattr(torch.backends.mkldnn, "matmul", None)
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (available and hasattr(settings, "fp32_precision") and _amd_with_avx512()):
        return False
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    if _is_exact():
        return True
    settings.fp32_precision = before
    _log.warning("oneDNN's float32 products are not exact on this processor: keeping the default ones")
    return False


def _amd_with_avx512() -> bool:
    if platform.machine() not in ("x86_64", "AMD64") or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "AuthenticAMD" in text and "amx_tile" not in text


def _is_exact() -> bool:
    """Products as layers make them, forwards and backwards, against float64."""
    make = torch.Generator().manual_seed(0)
    a, b = (torch.randn(shape, generator=make) for shape in ((192, 256), (320, 256)))
    wide = a.double() @ b.double().T
    scale = a.double().norm(dim=1)[:, None] * b.double().norm(dim=1)
    products = (torch.nn.functional.linear(a, b), a @ b.T.contiguous(), (b @ a.T).T)
    return all(float(((product.double() - wide).abs() / scale).max()) < _FLOAT32 for product in products)
