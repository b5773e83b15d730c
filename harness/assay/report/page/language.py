"""An estimate of the language mix of a run: the share of words that are not in the language of the reasoning's problem.

Reading every text of a large run would take longer than everything else in a report, so some responses, spread
evenly over the run, are looked at: with 200 of them the estimate's standard error is at most 0.035. The installed
verifier `language_consistency` measures; where it is not installed there is no estimate. Which language is the right
one is told by most words of the run's first prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.plugins import get_verifier
from assay.runs.store import SampleStore
from assay.types import Completion, Message, Problem

LOOKED_AT = 200
_VERIFIER = "language_consistency"


def language_mix(folder: Path, manifest: Mapping[str, Any]) -> float | None:
    """The estimate, in [0, 1]; None where it cannot be told."""
    try:
        verifier = get_verifier(_VERIFIER, part="response")
    except AssayError:
        return None
    problem = Problem(id="first", prompt=(Message(role="user", content=str(manifest["first_prompt"])),))
    shares = []
    for completion in _some(folder):
        verdict = verifier.verify(problem, completion)
        if verdict.score is not None:
            # Telling the prompt's language once is enough.
            problem = replace(problem, metadata={"language": verdict.details["target"]})
            shares.append(1.0 - verdict.score)
    return sum(shares) / len(shares) if shares else None


def _some(folder: Path) -> list[Completion]:
    with SampleStore.open(folder) as store:
        keys = sorted(store.rows)
        stride = max(1, len(keys) // LOOKED_AT)
        return [record.completion for record in store.records(keys[::stride][:LOOKED_AT])]
