"""The model's results from a JSONL file.

| line | says |
|---|---|
| `{"contest_id": 1305, "index": "A", "attempts": [false, true]}` | attempts at a problem, in order; true is accepted, null was not judged |
| `{"contest_id": 1305, "points": 2450, "penalty": 0}` | points (or problems solved) and penalty in a contest, scored elsewhere |
"""  # noqa: E501  (a table's row is one line)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import DataError
from assay.jsonl import read_numbered_jsonl
from assay.metrics.codeforces.api import id_of
from assay.metrics.codeforces.contest import check_number
from assay.metrics.codeforces.scoring import ModelScore

MAX_ATTEMPTS = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelResults:
    """What a model did, by contest id."""

    attempts: Mapping[str, Mapping[str, tuple[bool | None, ...]]] = field(default_factory=dict)
    """Attempts in order, by problem index; None is an attempt that was not judged."""
    scores: Mapping[str, ModelScore] = field(default_factory=dict)
    """Contests that were scored elsewhere."""
    notices: tuple[str, ...] = ()

    @property
    def contests(self) -> list[str]:
        """All contests with results, in the order in which they were found."""
        return [*self.attempts, *self.scores]


def read_results(path: str | Path) -> ModelResults:
    """Read the results of a file. Raises `DataError` naming file and line."""
    attempts: dict[str, dict[str, tuple[bool | None, ...]]] = {}
    scores: dict[str, ModelScore] = {}
    for number, values in read_numbered_jsonl(path):
        try:
            contest = id_of(values.get("contest_id"), "contest_id")
            if "attempts" in values:
                if contest in scores:
                    raise ValueError(f"contest {contest} has both points and attempts")
                problems = attempts.setdefault(contest, {})
                index = index_of(values.get("index"))
                if index in problems:
                    raise ValueError(f"problem {index} of contest {contest} occurs twice")
                problems[index] = _attempts(values["attempts"])
            elif "points" in values:
                if contest in scores or contest in attempts:
                    raise ValueError(f"contest {contest} has results twice")
                scores[contest] = _score(values)
            else:
                raise ValueError(f"neither attempts nor points; fields: {', '.join(sorted(values)) or 'none'}"[:200])
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
    if not attempts and not scores:
        raise DataError(f"{path} holds no results: expected lines of {{contest_id, index, attempts}}")
    return ModelResults(attempts=attempts, scores=scores)


def index_of(value: object) -> str:
    """A problem's letter, upper case. Raises `ValueError`."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 8:
        raise ValueError(f"index must be a problem's letter, such as 'A' or 'B1'; got {value!r:.80}")
    return value.strip().upper()


def _attempts(value: Any) -> tuple[bool | None, ...]:
    if not isinstance(value, list) or len(value) > MAX_ATTEMPTS:
        raise ValueError(f"attempts must be a list of at most {MAX_ATTEMPTS}, got {value!r:.80}")
    for position, attempt in enumerate(value, start=1):
        if attempt is not None and not isinstance(attempt, bool):
            raise ValueError(f"attempt {position} must be true, false or null, got {attempt!r:.80}")
    return tuple(value)


def _score(values: dict[str, Any]) -> ModelScore:
    points, penalty = values["points"], values.get("penalty", 0)
    check_number(points, "points")
    check_number(penalty, "penalty")
    if penalty < 0:
        raise ValueError(f"penalty must not be negative, got {penalty!r}")
    return ModelScore(points=points, penalty=penalty)
