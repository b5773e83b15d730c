"""Two benchmarks of two-digit addition for the character model of ../learning: with a carry and without.

The problems are the 500 pairs that neither stage of its training saw, split by whether the units carry.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "learning"))

import tasks  # the files of ../learning

import assay

SEED = 0


class _Sums(assay.BaseBenchmark):
    protocol = assay.EvalProtocol(
        samples=8, template="raw", prefill="none", sampling=assay.Sampling(temperature=1.0, top_p=1.0, max_tokens=5)
    )
    metrics = ("pass@1", "pass@8", "cons@8")
    carry: bool

    def problems(self) -> list[assay.Problem]:
        pairs = [(a, b) for a in range(100) for b in range(100)]
        random.Random(SEED).shuffle(pairs)  # as ../learning/addition.py splits them
        return [
            tasks.problem_of(pair, "exact_text")
            for pair in pairs[:500]
            if (sum(n % 10 for n in pair) > 9) is self.carry
        ]


class WithCarry(_Sums):
    name, carry = "sums_carry", True


class WithoutCarry(_Sums):
    name, carry = "sums_plain", False


@assay.hookimpl
def register_benchmarks() -> dict[str, Any]:
    return {"sums_carry": WithCarry, "sums_plain": WithoutCarry}


@assay.hookimpl
def register_verifiers() -> dict[str, Any]:
    return {"exact_text": tasks.ExactText}
