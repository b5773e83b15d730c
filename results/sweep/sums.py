"""Two benchmarks of two-digit addition for the character model of ../learning: with a carry and without.

The problems are the 500 pairs that neither stage of its training saw, split by whether the units carry.
"""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import assay

_spec = importlib.util.spec_from_file_location("addition", Path(__file__).parents[1] / "learning" / "addition.py")
assert _spec is not None
assert _spec.loader is not None
addition = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(addition)

SEED = 0


def pairs() -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The pairs held out and those trained on, as addition.py splits them."""
    random.seed(SEED)
    everything = [(a, b) for a in range(100) for b in range(100)]
    random.shuffle(everything)
    return everything[:500], everything[500:]


class _Sums(assay.BaseBenchmark):
    protocol = assay.EvalProtocol(
        samples=8, template="raw", prefill="none", sampling=assay.Sampling(temperature=1.0, top_p=1.0, max_tokens=5)
    )
    metrics = ("pass@1", "pass@8", "cons@8")
    carry: bool

    def problems(self) -> list[assay.Problem]:
        return [addition.problem_of(a, b) for a, b in pairs()[0] if (a % 10 + b % 10 > 9) is self.carry]


class WithCarry(_Sums):
    name, carry = "sums_carry", True


class WithoutCarry(_Sums):
    name, carry = "sums_plain", False


@assay.hookimpl
def register_benchmarks() -> dict[str, Any]:
    return {"sums_carry": WithCarry, "sums_plain": WithoutCarry}


@assay.hookimpl
def register_verifiers() -> dict[str, Any]:
    return {"exact_text": addition.ExactText}
