"""The verifier `reasoning_gym`: comparison in the caller, the task's own scorer in a worker where it is needed.

`Problem.reference` is a JSON object (or simply the answer, or a list of answers):

    mode        "exact", "task" or "arithmetic"
    answers     the right answers that are known
    number, multiline, ignore_case      how to read and compare them (`_gym_answers`)
    task, config, metadata              for mode "task": what reasoning_gym's scorer needs
    numbers, target                     for mode "arithmetic"

A score is 1 or 0. reasoning_gym's part marks are in `details["task_score"]`, and become the score with
`partial=True`; they are off by default because they can be had without solving the task.
"""

from __future__ import annotations

import copy
import functools
import importlib.metadata
import json
import re
from collections.abc import Mapping
from typing import Any

from assay import (
    BaseVerifier,
    Completion,
    FinishReason,
    Outcome,
    Problem,
    Verdict,
    VerifierError,
    missing_answer,
    split_completion,
)
from assay_benchmarks import _gym_answers as answers
from assay_benchmarks._gym_arithmetic import solves
from assay_benchmarks._gym_tasks import PARSES_NUMBERS, TASK_SCORED

_EXTRACTED_CHARS = 10_000
"""Longer answers are refused unless the gold one is long too: no task asks for more, and it bounds the scorers."""
_HUGE_EXPONENT = re.compile(r"[eE][+-]?\d{4,}")
_NO_NUMBER = re.compile(r"nan|inf", re.IGNORECASE)
_REPEATED_MOVE = re.compile(r"\d{2,}")


class ReasoningGymVerifier(BaseVerifier):
    """Grades answers to reasoning_gym tasks."""

    name = "reasoning_gym"
    preload = ("reasoning_gym",)

    def __init__(self, *, partial: bool = False) -> None:
        """Choose how part marks count.

        Args:
            partial: Give the task's own score in [0, 1] instead of 1 for full marks and 0 for less.
        """
        self.partial = partial
        # Ours and reasoning_gym's: its scorers decide some verdicts.
        self.version = f"2+reasoning_gym.{_installed_version()}"

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict | None:
        """Everything except the tasks that reasoning_gym itself must score."""
        reference = _reference(problem)
        answer = split_completion(completion).answer
        if answer is None:
            return missing_answer(completion, "the reasoning was never closed, so there is no answer")
        found = answers.extract(
            answer,
            number=bool(reference.get("number")),
            multiline=bool(reference.get("multiline")),
            complete=completion.finish_reason is not FinishReason.LENGTH,
        )
        if found is None:
            return missing_answer(completion, "no answer between <answer> tags, in a box or on the last line")
        golds = [str(gold) for gold in reference.get("answers", [])]
        if len(found) > max([_EXTRACTED_CHARS, *(2 * len(gold) for gold in golds)]):
            return _refused(found[:200], f"{_EXTRACTED_CHARS:,} characters")
        mode = reference.get("mode", "exact")
        if mode == "arithmetic":
            right, reason = solves(found, reference["numbers"], reference["target"])
            return _graded(float(right), found, reason)
        if any(answers.same(found, gold, ignore_case=bool(reference.get("ignore_case"))) for gold in golds):
            return _graded(1.0, found, "equal to the expected answer")
        if mode == "task":
            return None
        expected = golds[0] if golds else ""
        return _graded(0.0, found, f"expected {expected[:100]!r}")

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """The whole check, reasoning_gym's scorer included."""
        verdict = self.verify_fast(problem, completion)
        if verdict is not None:
            return verdict
        reference = _reference(problem)
        answer = split_completion(completion).answer or ""
        found = answers.extract(answer, number=False, multiline=bool(reference.get("multiline")), complete=True) or ""
        if _HUGE_EXPONENT.search(found) or (reference["task"] == "rubiks_cube" and _REPEATED_MOVE.search(found)):
            return _refused(found, "the size of a number: the scorer would take for ever")
        if reference["task"] in PARSES_NUMBERS and _NO_NUMBER.search(found):
            return _graded(0.0, found, "the answer is not a finite number")
        score, note = _task_score(reference, found)
        full = score >= 1.0 - 1e-9
        points = score if self.partial else float(full)
        reason = note or f"reasoning_gym's scorer for {reference['task']} gives {score:.3g}"
        return _graded(points, found, reason, task_score=score)

    def check_reference(self, reference: Any) -> str | None:
        """Why a reference is neither an answer nor the object that its benchmark makes."""
        return _flaw(reference)

    def same_answer(self, a: str, b: str) -> bool:
        """The same text, number or JSON value."""
        return answers.same(a, b)

    def same_answer_fast(self, a: str, b: str) -> bool | None:
        """Comparison is cheap enough for the caller."""
        return answers.same(a, b)


def _refused(found: str, cap: str) -> Verdict:
    reason = f"the answer is over the cap on {cap}"
    return Verdict(outcome=Outcome.REFUSED, extracted=found, reason=reason, details={"refused": cap})


def _graded(score: float, found: str, reason: str, **details: float) -> Verdict:
    return Verdict(outcome=Outcome.GRADED, score=score, extracted=found, reason=reason, details=details)


def _reference(problem: Problem) -> Mapping[str, Any]:
    reference = problem.reference
    flaw = _flaw(reference)
    if flaw is not None:
        raise VerifierError(f"problem {problem.id!r}: {flaw}")
    if isinstance(reference, Mapping):
        return reference
    golds = [reference] if isinstance(reference, str) else reference
    numbers = [answers.as_number(str(gold)) for gold in golds]
    return {"answers": golds, "number": bool(numbers) and None not in numbers}


def _flaw(reference: Any) -> str | None:
    """Why nothing can be graded against a reference; None where it is sound."""
    if isinstance(reference, str | list):
        return None
    if not isinstance(reference, Mapping) or reference.get("mode") not in ("exact", "task", "arithmetic"):
        return (
            "the reference of a reasoning_gym problem must be an answer, a list of answers or an object whose mode is "
            "exact, task or arithmetic"
        )
    if reference["mode"] == "task" and reference.get("task") not in TASK_SCORED:
        return f"{reference.get('task')!r} is not a task whose scorer may be run on a model's text"
    return None


def _task_score(reference: Mapping[str, Any], found: str) -> tuple[float, str]:
    dataset = _dataset(reference["task"], json.dumps(reference.get("config", {}), sort_keys=True))
    golds = reference.get("answers", [])
    # A copy, because some scorers write into the entry.
    entry = {
        "question": "",
        "answer": golds[0] if golds else None,
        "metadata": copy.deepcopy(dict(reference["metadata"])),
    }
    try:
        score = float(dataset.score_answer(found, entry))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the gold answer passes, so it is this answer that it cannot read
        return 0.0, f"reasoning_gym's scorer could not read the answer ({type(error).__name__})"
    if not 0.0 <= score <= 1.0:
        return 0.0, f"reasoning_gym's scorer gave {score}, which is not a score"
    return score, ""


@functools.lru_cache(maxsize=16)
def _dataset(task: str, config: str) -> Any:
    try:
        import reasoning_gym
    except ImportError as error:
        raise VerifierError("reasoning_gym is not installed: pip install 'assay[gym]'") from error
    return reasoning_gym.create_dataset(task, seed=0, size=1, **json.loads(config))


@functools.cache
def _installed_version() -> str:
    try:
        return importlib.metadata.version("reasoning_gym")
    except importlib.metadata.PackageNotFoundError:
        return "none"
