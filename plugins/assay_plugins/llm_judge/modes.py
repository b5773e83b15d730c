"""The five modes: what a judge may answer, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Mode:
    """A kind of question."""

    name: str
    scores: Mapping[str, float]
    """Each verdict that the judge may give, with its worth."""
    needs_reference: bool
    needs_question: bool
    """Whether nothing can be judged without the user's question."""
    max_chars: int
    """How much of each text is shown where the user does not say."""

    @property
    def two_valued(self) -> bool:
        """Whether an even number of votes could be split in halves."""
        return len(self.scores) == 2

    @property
    def graded(self) -> bool:
        """Whether verdicts are marks, of which votes give the mean, instead of labels."""
        return "1" in self.scores


_ANSWER_CHARS = 20_000
"""About 5,000 tokens: far more than a final answer needs, and several texts fit into a window of 32k."""

MODES = {
    mode.name: mode
    for mode in (
        Mode(
            name="correctness",
            scores={"CORRECT": 1.0, "INCORRECT": 0.0},
            needs_reference=True,
            needs_question=False,
            max_chars=_ANSWER_CHARS,
        ),
        Mode(
            name="simpleqa",
            scores={"CORRECT": 1.0, "INCORRECT": 0.0, "NOT_ATTEMPTED": 0.0},
            needs_reference=True,
            needs_question=True,
            max_chars=_ANSWER_CHARS,
        ),
        Mode(
            name="helpfulness",
            scores={str(mark): (mark - 1) / 9 for mark in range(1, 11)},
            needs_reference=False,
            needs_question=True,
            max_chars=_ANSWER_CHARS,
        ),
        Mode(
            name="harmlessness",
            scores={"SAFE": 1.0, "UNSAFE": 0.0},
            needs_reference=False,
            needs_question=False,
            max_chars=200_000,  # a whole chain of thought of 32k tokens; longer ones are refused, not cut
        ),
        Mode(
            name="pairwise",
            scores={"A": 1.0, "B": 0.0, "TIE": 0.5},
            needs_reference=True,
            needs_question=True,
            max_chars=_ANSWER_CHARS,
        ),
    )
}
