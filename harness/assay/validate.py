r"""Does a benchmark hold together? Every gold answer must score 1 with the benchmark's own verifier.

This finds damaged data (an empty answer, a doubled id), a verifier that cannot read its own references, and
the two drifting apart. For each problem a completion is built as a perfect model would end it:

- `benchmark.gold_response(problem)` where the benchmark has that method and does not return None;
- otherwise by the verifier's name: `\boxed{gold}` for maths, `Answer: X` for choices.

A benchmark whose data has no reference solutions, or not for all, says why in `no_gold` (a sentence); a problem
without one is then held to a usable reference alone, and to nothing where its verifier cannot even be built (no judge).

The problem is checked as sample 0 sees it (`benchmark.variant(problem, 0)`), shuffled choices included.
Findings never quote the problem: some benchmarks must not be reprinted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.contracts import Benchmark, Verifier
from assay.errors import AssayError, UsageError
from assay.plan import options_for
from assay.plugins import get_verifier
from assay.types import Completion, Outcome, Problem
from assay.verification import default_pool


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    """One thing that is wrong with a benchmark."""

    problem_id: str
    """Empty where the benchmark as a whole is meant."""
    reason: str


def validate_benchmark(benchmark: Benchmark) -> list[Flaw]:
    """Everything that is wrong with a benchmark; an empty list means that it is sound.

    Raises `DataError` where its data cannot be had at all.
    """
    problems = benchmark.problems()
    flaws: list[Flaw] = []
    if not problems:
        flaws.append(Flaw(problem_id="", reason="the benchmark has no problems"))
    verifiers: dict[str, Verifier] = {}
    seen: set[str] = set()
    for problem in problems:
        reasons = [] if problem.id not in seen else ["its id occurs more than once"]
        seen.add(problem.id)
        reasons += _flaws_of(benchmark, problem, verifiers)
        flaws += [Flaw(problem_id=problem.id, reason=reason) for reason in reasons]
    return flaws


def gold_completion(benchmark: Benchmark, problem: Problem) -> Completion | None:
    """What a perfect model would write; None where nobody knows how to build it."""
    own = getattr(benchmark, "gold_response", None)
    text = own(problem) if own is not None else None
    if text is None:
        text = _gold_by_verifier(problem.verifier, problem.reference)
    return None if text is None else Completion(text=text)


def _gold_by_verifier(verifier: str, reference: Any) -> str | None:
    if isinstance(reference, dict):
        reference = reference.get("answer")
    if isinstance(reference, list):
        reference = reference[0] if reference else None
    if not isinstance(reference, str) or not reference.strip():
        return None
    match verifier:
        case "boxed_math":
            return f"\\boxed{{{reference}}}"
        case "multiple_choice":
            return f"Answer: {reference}"
        case _:
            return None


def _unusable_reference(benchmark: Benchmark, problem: Problem, verifiers: dict[str, Verifier]) -> str | None:
    """What the problem's verifier has against its reference; a verifier without that check has nothing."""
    if problem.verifier not in verifiers:
        options = options_for(benchmark, [problem.verifier], {})
        verifiers[problem.verifier] = get_verifier(problem.verifier, **options.get(problem.verifier, {}))
    check = getattr(verifiers[problem.verifier], "check_reference", None)
    reason = check(problem.reference) if check is not None else None
    return None if reason is None else str(reason)


def _flaws_of(benchmark: Benchmark, problem: Problem, verifiers: dict[str, Verifier]) -> list[str]:
    reasons = []
    if not problem.id.strip():
        reasons.append("its id is empty")
    if not problem.prompt or any(not message.content.strip() for message in problem.prompt):
        reasons.append("its prompt is empty")
    try:
        shown = benchmark.variant(problem, 0)
        try:
            unusable = _unusable_reference(benchmark, shown, verifiers)
        except UsageError:  # a verifier that cannot be built here: a judge that nobody named
            if getattr(benchmark, "no_gold", ""):
                return reasons
            raise
        if unusable is not None:
            return [*reasons, f"its reference cannot be used: {unusable}"]
        completion = gold_completion(benchmark, shown)
        says_why: str = getattr(benchmark, "no_gold", "")
        if completion is None and says_why:
            return reasons
        if completion is None:
            reasons.append(
                f"no gold response can be built for the verifier {problem.verifier!r}: its reference holds no answer, "
                "or the benchmark must define gold_response(problem)"
            )
            return reasons
        verdict = default_pool().verify(verifiers[problem.verifier], shown, completion)
    except AssayError as error:
        return [*reasons, str(error)]
    except Exception as error:  # noqa: BLE001 - a broken plugin is a finding here, not a crash
        return [*reasons, f"checking its gold answer raised {type(error).__name__}: {error}"]
    if verdict.outcome is not Outcome.GRADED or verdict.score != 1.0:
        score = "" if verdict.score is None else f", score {verdict.score:g}"
        reasons.append(f"its gold answer does not score 1: {verdict.outcome}{score}: {verdict.reason}")
    return reasons
