"""One card for each problem of a benchmark: how every run did on it, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.report.page.samples import OUTCOMES
from assay.report.page.views import View, label
from assay.report.text import visible
from assay.types import Outcome

MOST_PROBLEMS = 500
"""Cards a benchmark; the data of the heat map has all of them."""
_MOST_RUNS = 24
_MOST_ANSWERS = 5
_MOST_TEXT = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer that several samples gave, as a string of its own."""

    text: str
    samples: int
    credit: float
    """Mean, in [0, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One run on one problem."""

    run: str
    samples: int
    rate: float | None
    """Pass rate; None where no sample could be checked."""
    tokens: float | None
    """Mean length."""
    other: str
    """Outcomes beside graded ones, such as "2 truncated"."""
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One problem."""

    problem: str
    rate: float | None
    """Mean over the runs."""
    lines: tuple[Line, ...]


def cards(views: Sequence[View]) -> tuple[list[Card], int]:
    """The cards of a benchmark, hardest first, and how many problems have none because there are too many."""
    shown = list(views)[-_MOST_RUNS:]
    lines: dict[str, list[Line]] = {}
    for view in shown:
        rates = view.samples.pass_rates()
        for number, places in enumerate(view.samples.places()):
            lines.setdefault(view.samples.problems[number], []).append(_line(view, places, float(rates[number])))
    made = [Card(problem=visible(problem), rate=_mean(own), lines=tuple(own)) for problem, own in lines.items()]
    made.sort(key=lambda card: (2.0 if card.rate is None else card.rate, card.problem))
    return made[:MOST_PROBLEMS], max(0, len(made) - MOST_PROBLEMS)


def _line(view: View, places: np.ndarray[tuple[int, ...], np.dtype[np.int64]], rate: float) -> Line:
    samples = view.samples
    tokens = samples.tokens[places]
    tokens = tokens[~np.isnan(tokens)]
    counts = np.bincount(samples.outcome[places], minlength=len(OUTCOMES))
    others = [
        f"{counts[number]} {outcome.value.replace('_', ' ')}"
        for number, outcome in enumerate(OUTCOMES)
        if counts[number] and outcome is not Outcome.GRADED
    ]
    answers = [
        Answer(text=_cut(text), samples=count, credit=credit)
        for text, count, credit in samples.common_answers(places, _MOST_ANSWERS)
    ]
    return Line(
        run=label(view),
        samples=len(places),
        rate=None if np.isnan(rate) else rate,
        tokens=float(tokens.mean()) if len(tokens) else None,
        other=", ".join(others),
        answers=tuple(answers),
    )


def _mean(lines: Sequence[Line]) -> float | None:
    rates = [line.rate for line in lines if line.rate is not None]
    return sum(rates) / len(rates) if rates else None


def _cut(text: str) -> str:
    return visible(text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…")
