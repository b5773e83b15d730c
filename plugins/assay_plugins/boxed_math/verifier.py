r"""The verifier: extraction, decision, verdict.

Outcomes: `graded` with 1 or 0; `no_answer` or `truncated` where nothing can be read; `refused` where the answer is
over a cap, with `details["refused"]` naming which. Where the reference itself is over a cap, or nothing that can be
read, the outcome is `error` with `details["unusable_reference"]`: that is our data's fault and never the model's, and
`check_reference` finds such references before any model runs. An answer that is the very text of the reference is
right in each of these cases: nothing has to be read to see that. Without the extra `algebra` an answer that only
algebra can decide is an `error`, and in votes an answer of its own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from assay import BaseVerifier, Completion, Outcome, Problem, UsageError, Verdict, missing_answer, split_completion
from assay_plugins.boxed_math.cleaning import clean
from assay_plugins.boxed_math.compare import Rules
from assay_plugins.boxed_math.decide import Decision, answer_key, decide
from assay_plugins.boxed_math.extraction import Found, Missing, find_answer
from assay_plugins.boxed_math.limits import MAX_CHARS, RefusedError
from assay_plugins.boxed_math.numerals import long_numeral
from assay_plugins.boxed_math.prose import said
from assay_plugins.boxed_math.references import accepted_answers, why_unusable

_REFUSED = "refused: "
_NO_ALGEBRA = "no algebra"
_ALGEBRA = ("sympy", "latex2sympy2_extended")
MAX_SHOWN = 500
"""Characters of an answer that go into `Verdict.extracted`; longer ones are cut with an ellipsis."""


class BoxedMath(BaseVerifier):
    """Is the final answer mathematically equal to the reference?

    Args:
        boxes: Of several boxes the last is the answer ("last", default), or those that commas or a word for
            "and" join to it are one list ("joined").
        extraction: "strict" (default, and what a reward must be) reads only boxes; "marker" also explicit markers
            such as `Answer: X`; "lenient", for untuned models, also the last line.
        percent: `10%` is 10 and 0.1 ("either", default), only 0.1 ("fraction"), or only 10 ("number").
        ordered: Whether the order of a list without brackets matters (default: no).

    Raises:
        UsageError: An option has a value that it cannot have.
    """

    name = "boxed_math"
    version = "4"
    preload = _ALGEBRA if all(map(importlib.util.find_spec, _ALGEBRA)) else ()

    def __init__(
        self,
        *,
        extraction: Literal["strict", "marker", "lenient"] = "strict",
        percent: Literal["either", "fraction", "number"] = "either",
        ordered: bool = False,
        boxes: Literal["last", "joined"] = "last",
    ) -> None:
        _check("boxes", boxes, ("last", "joined"))
        _check("extraction", extraction, ("strict", "marker", "lenient"))
        _check("percent", percent, ("either", "fraction", "number"))
        self.extraction = extraction
        self.boxes = boxes
        self.rules = Rules(percent=percent, ordered=bool(ordered))

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict | None:
        """Decide without sympy; None where only algebra can tell."""
        return self._verdict(problem, completion, algebra=False)

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """Decide, with sympy where nothing else can tell."""
        verdict = self._verdict(problem, completion, algebra=True)
        assert verdict is not None  # algebra always decides
        return verdict

    def same_answer(self, a: str, b: str) -> bool:
        """Whether two extracted answers are equal; symmetric."""
        fast = self.same_answer_fast(a, b)
        return _algebra(a, b).equal is True if fast is None else fast

    def same_answer_fast(self, a: str, b: str) -> bool | None:
        """`same_answer` without sympy; None where only algebra can tell."""
        return decide(a, b, self.rules).equal

    def answer_key(self, answer: str) -> tuple[str, str]:
        """The bucket and the key of an answer: equal numbers and equal texts share both."""
        return answer_key(answer)

    def check_reference(self, reference: Any) -> str | None:
        """Why a reference is unusable: of no kind that can be compared, empty, over a cap, or broken LaTeX."""
        try:
            references = accepted_answers(reference)
        except UsageError as error:
            return str(error)
        return next((why for text in references if (why := why_unusable(text)) is not None), None)

    def _verdict(self, problem: Problem, completion: Completion, *, algebra: bool) -> Verdict | None:
        split = split_completion(completion)
        if split.answer is None:
            return missing_answer(completion, "the response ends inside its reasoning")
        offset = len(completion.text) - len(split.answer)
        found = find_answer(split.answer, self.extraction, self.boxes)
        if isinstance(found, Missing):
            return missing_answer(completion, found.reason)
        if not found.text.strip():
            return missing_answer(completion, "the final answer is empty")
        try:
            references = accepted_answers(problem.reference)
        except UsageError as error:
            return _unusable(found, str(error), _details(found, offset))
        decision = self._best(references, found.text, algebra)
        if decision is not None and not decision.equal:
            sentence = said(found.text, sole=self.extraction == "lenient" or found.how == "marker")
            if sentence is not None:
                found = replace(found, text=sentence)
                decision = self._best(references, sentence, algebra)
        if decision is None:
            return None
        return _verdict(found, references, decision, _details(found, offset, decision))

    def _best(self, references: Sequence[str], answer: str, algebra: bool) -> Decision | None:
        """The decision that helps the answer most over all accepted references; None: algebra is needed."""
        different: list[Decision] = []
        undecided: list[str] = []
        for reference in references:
            decision = decide(reference, answer, self.rules)
            if decision.equal:
                return decision
            if decision.equal is None:
                undecided.append(reference)
            else:
                different.append(decision)
        if undecided and not algebra:
            return None
        for reference in undecided:
            decision = _algebra(reference, answer)
            if decision.equal:
                return decision
            different.append(decision)
        # Where one of the comparisons could not be made, nobody knows whether that one would have been equal.
        unknown = (_REFUSED, _NO_ALGEBRA)
        return next((decision for decision in different if decision.how.startswith(unknown)), different[-1])


def _algebra(reference: str, answer: str) -> Decision:
    from assay_plugins.boxed_math.algebra import NoAlgebraError, same_by_sympy

    try:
        equal = same_by_sympy(clean(reference), clean(answer))
    except RefusedError as error:
        return Decision(False, _REFUSED + error.cap)
    except NoAlgebraError:
        return Decision(False, _NO_ALGEBRA)
    return Decision(bool(equal), "text" if equal is None else "algebra")


def _verdict(found: Found, references: Sequence[str], decision: Decision, details: dict[str, Any]) -> Verdict:
    shown, expected = _shown(found.text), _shown(" or ".join(references))
    if decision.equal:
        reason = f"the answer {shown} equals the reference {expected}"
        return Verdict(outcome=Outcome.GRADED, score=1.0, extracted=shown, reason=reason, details=details)
    unusable = [why_unusable(reference) for reference in references]
    if None not in unusable:
        return _unusable(found, f"{unusable[0]}; and the answer is not the same text", details)
    if decision.how == _NO_ALGEBRA:
        reason = f"whether {shown} equals {expected} takes an algebra system: pip install 'assay[algebra]'"
        return Verdict(outcome=Outcome.ERROR, extracted=shown, reason=reason, details=details)
    cap = decision.how.removeprefix(_REFUSED) if decision.how.startswith(_REFUSED) else ""
    if cap == "characters" and _is_long(references) and (len(found.text) <= MAX_CHARS or _is_long([found.text])):
        cap = ""  # the reference is an integer of many digits, and the answer is another number
    if cap:
        details["refused"] = cap
        reason = f"the answer {shown} is over the cap on {cap}, and not the same text as the reference"
        return Verdict(outcome=Outcome.REFUSED, extracted=shown, reason=reason, details=details)
    reason = f"the answer {shown} does not equal the reference {expected}"
    return Verdict(outcome=Outcome.GRADED, score=0.0, extracted=shown, reason=reason, details=details)


def _unusable(found: Found, why: str, details: dict[str, Any]) -> Verdict:
    details["unusable_reference"] = True
    reason = f"the reference cannot be used: {why}"
    return Verdict(outcome=Outcome.ERROR, extracted=_shown(found.text), reason=reason, details=details)


def _is_long(texts: Sequence[str]) -> bool:
    return any(long_numeral(text.strip()) is not None for text in texts)


def _details(found: Found, offset: int, decision: Decision | None = None) -> dict[str, Any]:
    details: dict[str, Any] = {} if decision is None else {"method": decision.how.partition(":")[0]}
    details["found"] = found.how
    if offset + found.start >= 0:
        details["span"] = [offset + found.start, offset + found.end]
    return details


def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _check(option: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"boxed_math: {option} must be one of {', '.join(allowed)}, got {value!r}")
