"""What the multiple-choice sets of the wider table have in common: rows with a question, options and the right letter.

Each set's module has its prompt; answers are read by `multiple_choice`. Options keep the order of the data: their
protocols do not shuffle (GPQA's does). Beside pass@1, which weights every question alike, the mean over subjects is
computed, each subject weighted alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import BaseBenchmark, CheckedSample, DataError, DataSource, EvalProtocol, Message, Problem

if TYPE_CHECKING:
    from assay.data import Record

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One row, read."""

    id: str
    text: str
    choices: tuple[str, ...]
    answer: str
    """The right letter."""
    subject: str = ""

    def lines(self, form: str) -> str:
        """The options, each as `form` with {letter} and {choice}, joined by newlines."""
        return "\n".join(
            form.replace("{letter}", letter).replace("{choice}", choice)
            for letter, choice in zip(LETTERS, self.choices, strict=False)
        )


class ChoiceBenchmark(BaseBenchmark):
    """Multiple-choice questions from one data source."""

    def __init__(
        self,
        name: str,
        source: DataSource,
        *,
        read: Callable[[int, Record], Question | None],
        prompt: Callable[[Question], str],
        samples: int = 1,
    ) -> None:
        """Describe the set; no data is read yet.

        Args:
            name: The registered name.
            source: Where the rows come from.
            read: A row and its position to a question; None leaves it out.
            prompt: The user message for a question.
            samples: Samples per problem.
        """
        self.name = name
        self.source = source
        self.protocol = EvalProtocol(samples=samples, instruction="")
        self.metrics = ("pass@1", "cons@n") if samples > 1 else ("pass@1",)
        self._read = read
        self._prompt = prompt
        self._problems: tuple[Problem, ...] | None = None

    def problems(self) -> Sequence[Problem]:
        """All questions in the data's order."""
        if self._problems is None:
            data = assay.find_data(self.source)
            self.provenance = data.provenance
            found = (self._read(number, record) for number, record in enumerate(data.records()))
            self._problems = tuple(self._problem(question) for question in found if question is not None)
        return self._problems

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """The mean over subjects of the mean score of each."""
        return mean_over({problem.id: problem.metadata.get("subject") for problem in self.problems()}, samples)

    def _problem(self, question: Question) -> Problem:
        return Problem(
            id=question.id,
            prompt=(Message(role="user", content=self._prompt(question)),),
            reference={"answer": question.answer, "choices": list(question.choices)},
            verifier="multiple_choice",
            metadata={"subject": question.subject} if question.subject else {},
        )


def mean_over(groups: Mapping[str, str | None], samples: Iterable[CheckedSample]) -> dict[str, float | None]:
    """The mean over groups of problems of the mean score of each group; empty where there are no groups."""
    scores: dict[str, list[float]] = {}
    for sample in samples:
        group = groups.get(sample.problem_id)
        if group:
            scores.setdefault(group, []).append(sample.verdict.score or 0.0)
    if len(scores) < 2:
        return {}
    means = [math.fsum(values) / len(values) for values in scores.values()]
    return {f"mean over {len(means)} subjects": math.fsum(means) / len(means)}


def options(record: Record, field: str) -> tuple[str, ...]:
    """The options of a row: a list, or an object from letter to text in the letters' order. Raises `DataError`."""
    value: Any = record.values.get(field)
    if isinstance(value, Mapping) and list(value) == list(LETTERS[: len(value)]):
        value = list(value.values())
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(item, str) for item in value):
        raise DataError(f"{record.where}: the field {field!r} must hold a list of options, or an object A, B, C …")
    return tuple(value)


def letter(record: Record, field: str, count: int) -> str:
    """The right letter of a row: a letter, or a position from 0. Raises `DataError` for anything else."""
    value = record.values.get(field)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count:
        return LETTERS[value]
    if isinstance(value, str) and value.strip() in tuple(LETTERS[:count]):
        return value.strip()
    raise DataError(f"{record.where}: the field {field!r} must name one of {count} options by letter or by position")
