"""What the judged sets have in common: a language model decides (`llm_judge`), and somebody must say which.

    assay run MODEL simpleqa --verifier-option llm_judge.judge=openai:http://HOST/v1#JUDGE
    ASSAY_JUDGE=openai:http://HOST/v1#JUDGE assay run MODEL simpleqa frames

The mode of the judge is the set's. Without a judge nothing is graded and nothing is generated either: the run is
refused. The judge reads the final answer only, never the reasoning, so that length of thought buys nothing.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import BaseBenchmark, CheckedSample, DataSource, EvalProtocol, Problem

if TYPE_CHECKING:
    from assay.data import Record

ENVIRONMENT = "ASSAY_JUDGE"


class JudgedBenchmark(BaseBenchmark):
    """Questions whose answers a judge compares with a reference, or prefers to a baseline's."""

    def __init__(
        self, name: str, source: DataSource, *, mode: str, read: Callable[[int, Record], Problem], samples: int = 1
    ) -> None:
        """Describe the set; no data is read yet.

        Args:
            name: The registered name.
            source: Where the rows come from.
            mode: Of `llm_judge`.
            read: A row and its position to a problem.
            samples: Samples per problem.
        """
        self.name = name
        self.source = source
        self.mode = mode
        self.protocol = EvalProtocol(samples=samples, instruction="")
        self._read = read
        self._problems: tuple[Problem, ...] | None = None

    @property
    def verifier_options(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]
        """The mode, and the judge that the environment names."""
        judge = os.environ.get(ENVIRONMENT, "")
        return {"llm_judge": {"mode": self.mode, **({"judge": judge} if judge else {})}}

    @property
    def no_gold(self) -> str:  # type: ignore[override]
        """Why gold answers cannot be checked: without a judge nobody reads them, and preferences have none."""
        if self.mode == "pairwise":
            return "what is better than the baseline is a matter of preference"
        return "" if os.environ.get(ENVIRONMENT) else f"a judge reads the answers: name one with {ENVIRONMENT}"

    def problems(self) -> Sequence[Problem]:
        """All problems in the data's order."""
        if self._problems is None:
            self._problems = tuple(self._read(number, record) for number, record in enumerate(self.records()))
        return self._problems

    def records(self) -> Sequence[Record]:
        """The rows of the data, with its provenance noted."""
        data = assay.find_data(self.source)
        self.provenance = data.provenance
        return data.records()

    def gold_response(self, problem: Problem) -> str | None:
        """The reference as a response; None for preferences, and where no judge is named."""
        return None if self.no_gold else str(problem.reference)

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """The figures of the mode."""
        if self.mode == "simpleqa":
            return _attempts(samples)
        if self.mode == "pairwise":
            return _win_rates(samples)
        return {}


def _attempts(samples: Iterable[CheckedSample]) -> dict[str, float | None]:
    """Shares of the grades, and SimpleQA's two: correct of those attempted, and its harmonic mean with correct.

    A response without an answer attempts nothing.
    """
    grades = Counter(sample.verdict.details.get("grade", "NOT_ATTEMPTED") for sample in samples)
    total = grades.total()
    if not total:
        return {}
    correct, wrong = grades["CORRECT"] / total, grades["INCORRECT"] / total
    given = correct / (correct + wrong) if correct + wrong else 0.0
    return {
        "correct": correct,
        "incorrect": wrong,
        "not attempted": grades["NOT_ATTEMPTED"] / total,
        "correct given attempted": given,
        "F-score": 2 * given * correct / (given + correct) if given + correct else 0.0,
    }


def _win_rates(samples: Iterable[CheckedSample]) -> dict[str, float | None]:
    """Win rate against the baseline, plain and at equal lengths; a response without an answer loses."""
    wins: list[float] = []
    lengths: list[float] = []
    baselines: list[float] = []
    lost = 0
    for sample in samples:
        details = sample.verdict.details
        if sample.verdict.score is None:
            lost += 1
            continue
        wins.append(sample.verdict.score)
        lengths.append(details["length"])
        baselines.append(details["baseline_length"])
    rates = assay.metrics.length_controlled_win_rate(wins, lengths, baselines)
    share = len(wins) / (len(wins) + lost) if wins else math.nan
    return {
        "win rate": rates["win_rate"] * share,
        "length-controlled win rate": rates["length_controlled"] * share,
        "length effect": rates["length_effect"],
    }
