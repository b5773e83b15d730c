"""Filters for SFT data, after the rejection sampling of R1: verifiers that say 1 (keep) or 0 (drop).

| verifier                 | keeps a response whose …                                                        |
|--------------------------|---------------------------------------------------------------------------------|
| `no_mixed_language`      | reasoning is in one language, up to a share of words                            |
| `no_long_paragraphs`     | reasoning has no paragraph beyond a number of words                             |
| `no_code_in_reasoning`   | reasoning holds no block of code                                                |
| `no_repetition`          | text does not repeat its n-grams, nor end in a loop                             |
| `not_in_benchmarks`      | problem and response share no run of n words with a problem of a benchmark      |

`near_duplicates` is no verifier, since it looks at all texts together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import assay
from assay import Verifier


def _factory(module: str, name: str) -> Callable[..., Verifier]:
    def build(**options: Any) -> Verifier:
        import importlib

        made: Verifier = getattr(importlib.import_module(f"{__name__}.{module}"), name)(**options)
        return made

    return build


@assay.hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """The filters of this plugin."""
    return {
        "no_mixed_language": _factory("form", "NoMixedLanguage"),
        "no_long_paragraphs": _factory("form", "NoLongParagraphs"),
        "no_code_in_reasoning": _factory("form", "NoCodeInReasoning"),
        "no_repetition": _factory("form", "NoRepetition"),
        "not_in_benchmarks": _factory("overlap", "NotInBenchmarks"),
    }


def __getattr__(name: str) -> Any:
    """`near_duplicates` is imported when it is first asked for: it needs numpy and datasketch."""
    if name == "near_duplicates":
        return assay.metrics.near_duplicates
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
