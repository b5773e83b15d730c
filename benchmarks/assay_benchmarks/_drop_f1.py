"""The verifier `drop_f1`: DROP's own measure of an answer in words.

Texts are lowered, articles and punctuation taken out, numbers normalised, and the words of prediction and accepted
answer compared as sets; a prediction without any of the numbers of an accepted answer scores 0 with it. The best
accepted answer counts. As in simple-evals, prediction and accepted answer are one span each: several spans of an answer
are joined by commas. For one span it equals the authors' script, with which the tests compare it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

from assay import BaseVerifier, Completion, Outcome, Problem, Verdict, missing_answer, split_completion

_ANSWER = re.compile(r"answer\s{0,4}:[ \t*_]*([^\n]{1,2000})", re.IGNORECASE)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


class DropF1(BaseVerifier):
    """DROP's F1 of what follows "Answer:"; the reference is `{"answers": [accepted texts]}`."""

    name = "drop_f1"
    version = "1"

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict:
        """Always decides."""
        fault = self.check_reference(problem.reference)
        if fault is not None:
            return Verdict(outcome=Outcome.ERROR, reason=fault, details={"unusable_reference": True})
        answer = split_completion(completion).answer
        if answer is None:
            return missing_answer(completion, "the response ends inside its reasoning")
        found = _ANSWER.findall(answer)
        said = (found[-1] if found else answer.strip()[-2000:]).strip()
        if not said:
            return missing_answer(completion, "nothing follows the reasoning")
        scored = [score(said, accepted) for accepted in problem.reference["answers"]]
        f1, exact = max(pair[0] for pair in scored), max(pair[1] for pair in scored)
        return Verdict(
            outcome=Outcome.GRADED,
            score=f1,
            extracted=said,
            reason=f"F1 {f1:g} with the closest of {len(scored)} accepted answers",
            details={"exact_match": exact},
        )

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """The same as `verify_fast`."""
        return self.verify_fast(problem, completion)

    def same_answer_fast(self, a: str, b: str) -> bool:
        """Whether two answers are the same once normalised."""
        return normal(a) == normal(b)

    def check_reference(self, reference: Any) -> str | None:
        """Why a reference holds no accepted answer."""
        answers = reference.get("answers") if isinstance(reference, Mapping) else None
        good = isinstance(answers, list) and answers and all(isinstance(a, str) and a.strip() for a in answers)
        return None if good else 'its reference must be {"answers": [texts that are not empty]}'


def score(said: str, accepted: str) -> tuple[float, float]:
    """F1, rounded to hundredths of a percent as in DROP's script, and exact match, each in [0, 1].

    >>> score("the 3 touchdowns", "3"), score("4 yards", "3 yards")
    ((0.6667, 0.0), (0.0, 0.0))
    """
    ours, theirs = normal(said), normal(accepted)
    mine, gold = set(ours.split()), set(theirs.split())
    numbers = {word for word in gold if _is_number(word)}
    exact = float(ours == theirs)
    if numbers and not numbers & mine:
        return 0.0, exact
    common = len(mine & gold)
    precision = common / len(mine) if mine else 1.0
    recall = common / len(gold) if gold else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return round(100 * f1, 2) / 100, exact


def normal(text: str) -> str:
    """A text as DROP compares it: token by token, split at spaces and hyphens."""
    tokens = (" ".join(_ARTICLES.sub(" ", _token(token.lower())).split()) for token in re.split(" |-", text))
    return " ".join(token for token in tokens if token)


def _token(token: str) -> str:
    bare = token if _is_number(token) else "".join(letter for letter in token if letter not in _PUNCTUATION)
    return str(float(bare)) if _is_number(bare) else bare


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
