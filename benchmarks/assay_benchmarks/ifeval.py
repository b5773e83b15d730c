"""IFEval: instructions that a program can check ("no commas"), prompt-level strict (Zhou et al. 2023).

541 prompts with one to three instructions each. The checkers are lm-eval's copy of the authors' (extra `lm-eval`): a
kept library, not rewritten here. The score is 1 where every instruction is followed ("strict": the response as it is);
the reports print that accuracy. The other three of the paper, by instruction and "loose" (the response without
markdown stars, its first or last line), are computed beside it. Only what follows the reasoning is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import (
    BaseBenchmark,
    Benchmark,
    CheckedSample,
    DataError,
    DataSource,
    EvalProtocol,
    Message,
    Problem,
    Verifier,
    hookimpl,
)

if TYPE_CHECKING:
    from assay.data import Record

IFEVAL = DataSource(
    name="ifeval",
    files=("ifeval.jsonl", "input_data.jsonl"),
    licence="Apache-2.0 (Google Research)",
    hub_repo="google/IFEval",
    hub_revision="966cd89545d6b6acfd7638bc708b98261ca58e84",
    hub_split="train",
)


class IfEval(BaseBenchmark):
    """541 prompts."""

    name = "ifeval"
    source = IFEVAL
    protocol = EvalProtocol(samples=4, instruction="")
    no_gold = "following an instruction takes writing a text, and the data has none"

    def __init__(self) -> None:
        self._problems: tuple[Problem, ...] | None = None

    def problems(self) -> Sequence[Problem]:
        """All prompts in the data's order."""
        if self._problems is None:
            data = assay.find_data(self.source)
            self.provenance = data.provenance
            self._problems = tuple(_problem(record) for record in data.records())
        return self._problems

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """The paper's four accuracies. A response without an answer follows nothing."""
        sizes = {problem.id: len(problem.reference["instructions"]) for problem in self.problems()}
        followed: dict[str, list[list[bool]]] = {"strict": [], "loose": []}
        for sample in samples:
            nothing = [False] * sizes[sample.problem_id]
            for kind, found in followed.items():
                found.append(list(sample.verdict.details.get(kind, nothing)))
        figures: dict[str, float | None] = {}
        for kind, found in followed.items():
            flat = [one for prompt in found for one in prompt]
            if flat:
                figures[f"prompt-level {kind}"] = sum(map(all, found)) / len(found)
                figures[f"instruction-level {kind}"] = sum(flat) / len(flat)
        return figures


def _problem(record: Record) -> Problem:
    """A row: `key` (or `id`), `prompt`, `instruction_id_list` and `kwargs`, an object for each instruction."""
    prompt, names, arguments = (
        record.text("prompt"),
        record.values.get("instruction_id_list"),
        record.values.get("kwargs"),
    )
    good = isinstance(names, list) and isinstance(arguments, list) and len(names) == len(arguments) > 0
    if not good or not all(isinstance(given, Mapping) for given in arguments or ()):
        raise DataError(f"{record.where}: the fields 'instruction_id_list' and 'kwargs' must be lists of one length")
    instructions = [
        {"id": str(name), "arguments": {key: value for key, value in given.items() if value is not None}}
        for name, given in zip(names or (), arguments or (), strict=True)
    ]
    identity = record.values.get("key", record.values.get("id"))
    return Problem(
        id=f"ifeval-{identity}",
        prompt=(Message(role="user", content=prompt),),
        reference={"prompt": prompt, "instructions": instructions},
        verifier="ifeval",
    )


def _verifier() -> Verifier:
    from assay_benchmarks._ifeval_verifier import FollowsInstructions

    return FollowsInstructions()


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The one set."""
    return {"ifeval": IfEval}


@hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """Its checkers."""
    return {"ifeval": _verifier}
