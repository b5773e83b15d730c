"""The verifier `ifeval`: the authors' checkers (lm-eval's copy of them) on a response.

Three things make others' figures differ, even from one run to the next. The checkers draw what a prompt leaves open, so
arguments that are null in the hub's rows are left out here and zeros are kept (lm-eval drops both). Where the "letter"
to be counted is "#" or "!" (prompts 1122 and 1129), the authors' checker puts a random letter in its place; here the
sign itself is counted. And `langdetect` guesses at random unless it is seeded; here it is. Sentences and words are
counted with NLTK's `punkt_tab`, which must be there (`_nltk_data`).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import random
from collections.abc import Sequence
from typing import Any

from assay import (
    BaseVerifier,
    Completion,
    DataError,
    Outcome,
    PluginError,
    Problem,
    Verdict,
    missing_answer,
    split_completion,
)
from assay_benchmarks._nltk_data import REMEDY, find_punkt

_LETTERS = "keywords:letter_frequency"
_REGISTRY = "lm_eval.tasks.ifeval.instructions_registry"


class FollowsInstructions(BaseVerifier):
    """Whether a response follows every instruction.

    The reference is `{"prompt", "instructions": [{"id", "arguments": {}}]}`. Runs in a worker: some checkers parse JSON
    or guess the language of the whole text.
    """

    name = "ifeval"

    def __init__(self) -> None:
        try:
            version = importlib.metadata.version("lm_eval")
        except importlib.metadata.PackageNotFoundError:
            raise PluginError("ifeval takes its checkers from lm-eval: pip install 'assay[lm-eval]'") from None
        if not find_punkt():
            raise DataError(f"ifeval needs NLTK's punkt_tab, which is not here. {REMEDY}")
        self.version = f"1+lm_eval.{version}"
        importlib.import_module(_REGISTRY)  # now, so that it counts against no deadline

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """Check strictly, and loosely for the paper's other figures."""
        answer = split_completion(completion).answer
        if answer is None:
            return missing_answer(completion, "the response ends inside its reasoning")
        strict = self._followed(problem, [answer])
        loose = self._followed(problem, _looser(answer))
        names = [entry["id"] for entry in problem.reference["instructions"]]
        broken = [name for name, good in zip(names, strict, strict=True) if not good]
        return Verdict(
            outcome=Outcome.GRADED,
            score=float(not broken),
            reason=f"not followed: {', '.join(broken)}" if broken else "every instruction is followed",
            details={"strict": strict, "loose": loose},
        )

    def check_reference(self, reference: Any) -> str | None:
        """Why an instruction cannot be checked."""
        known = importlib.import_module(_REGISTRY).INSTRUCTION_DICT
        unknown = [entry["id"] for entry in reference["instructions"] if entry["id"] not in known]
        return f"it names the unknown instructions {', '.join(unknown)}" if unknown else None

    def _followed(self, problem: Problem, versions: Sequence[str]) -> list[bool]:
        """For each instruction, whether some version of the response follows it; an empty one follows none."""
        random.seed(0)
        importlib.import_module("langdetect").DetectorFactory.seed = 0
        known = importlib.import_module(_REGISTRY).INSTRUCTION_DICT
        followed = []
        for entry in problem.reference["instructions"]:
            checker = known[entry["id"]](entry["id"])
            checker.build_description(**entry["arguments"])
            if entry["id"] == _LETTERS and len(letter := str(entry["arguments"].get("letter", ""))) == 1:
                checker._letter = letter.lower()
            arguments = checker.get_instruction_args()
            if arguments and "prompt" in arguments:
                checker.build_description(prompt=problem.reference["prompt"])
            followed.append(any(text.strip() and checker.check_following(text) for text in versions))
        return [bool(good) for good in followed]


def _looser(response: str) -> list[str]:
    """The response, without its first and last lines, and each of these without asterisks."""
    lines = response.split("\n")
    cut = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return [*cut, *(text.replace("*", "") for text in cut)]
