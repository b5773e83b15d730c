"""One result from several votes.

A label needs more than half of all votes that were asked for: a vote that could not be read, or that nobody gave, is
for nobody. Marks are averaged where more than half of the votes can be read. Two votes of a pairwise comparison, one
per order, make one vote: a response wins only if it wins in both places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

WIN, LOSS, TIE = "win", "loss", "tie"
_FIRST_ORDER = {"A": WIN, "B": LOSS, "TIE": TIE}
_SECOND_ORDER = {"A": LOSS, "B": WIN, "TIE": TIE}


def majority(votes: Sequence[str | None]) -> str | None:
    """The label with more than half of the votes; None where there is none."""
    for label, count in Counter(vote for vote in votes if vote is not None).most_common(1):
        if 2 * count > len(votes):
            return label
    return None


def mean_mark(votes: Sequence[str | None], scores: Mapping[str, float]) -> float | None:
    """The mean score of the votes that can be read; None where these are not more than half."""
    marks = [scores[vote] for vote in votes if vote is not None]
    return sum(marks) / len(marks) if 2 * len(marks) > len(votes) else None


def in_both_orders(first: str | None, second: str | None) -> str | None:
    """What the verdicts of both orders say of the candidate: `first` saw it as A, `second` as B."""
    if first is None or second is None:
        return None
    one, other = _FIRST_ORDER[first], _SECOND_ORDER[second]
    return one if one == other else TIE


def preference(votes: Sequence[str | None]) -> str | None:
    """The result of pairwise votes: the majority, and a tie where all could be read and none has one."""
    winner = majority(votes)
    return TIE if winner is None and None not in votes else winner
