"""Checking completions that already exist: a file with responses and references, no model, no run folder.

The file is JSONL or Parquet. Fields are found by their usual names unless they are named; where the file
also says which responses are right (`correct`, `is_correct`, `label`), the verifier's agreement with
those labels is reported, and each disagreement can be listed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import DataError, UsageError
from assay.hashing import canonical_json
from assay.jsonl import read_jsonl
from assay.plugins import get_verifier
from assay.types import Completion, FinishReason, Message, Outcome, Problem, Verdict
from assay.verification import Pool, default_pool

FIELDS = {
    "response": ("response", "completion", "text", "output", "full_response"),
    "reference": ("reference", "answer", "gold", "target", "ground_truth"),
    "label": ("correct", "is_correct", "label"),
    "id": ("id", "sample_id", "problem_id"),
    "problem": ("problem", "question", "prompt"),
}
"""Where each part of a row is looked for, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredRow:
    """One row of the file with its verdict."""

    number: int
    """Row number in the file, from 1."""
    id: str
    reference: Any
    verdict: Verdict
    label: bool | None
    """Whether the file calls the response right; None where it does not say."""

    @property
    def agrees(self) -> bool | None:
        """Whether verdict and label say the same; None without a label or where our check failed."""
        if self.label is None or self.verdict.outcome.is_ours:
            return None
        return (self.verdict.score == 1.0) == self.label


@dataclass(kw_only=True, slots=True)
class ScoreReport:
    """What `score_file` found."""

    path: str
    verifier: str
    verifier_version: str
    fields: dict[str, str | None]
    """Which field of the file each part was read from."""
    rows: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: {outcome.value: 0 for outcome in Outcome})
    score_sum: float = 0.0
    labelled: int = 0
    """Rows with a label whose check did not fail on our side."""
    agreeing: int = 0
    disagreements: list[ScoredRow] = field(default_factory=list)
    failures: list[ScoredRow] = field(default_factory=list)
    """Rows whose check failed on our side: they are in no score."""
    seconds: float = 0.0

    @property
    def mean_score(self) -> float | None:
        """Mean over the rows that could be checked; no answer, truncated and refused count 0."""
        counted = self.rows - len(self.failures)
        return self.score_sum / counted if counted else None

    @property
    def agreement(self) -> float | None:
        """Share of labelled rows on which verifier and label agree."""
        return self.agreeing / self.labelled if self.labelled else None

    def add(self, row: ScoredRow) -> None:
        """Count one row."""
        self.rows += 1
        self.outcomes[row.verdict.outcome.value] += 1
        self.score_sum += row.verdict.score or 0.0
        if row.verdict.outcome.is_ours:
            self.failures.append(row)
        if row.agrees is not None:
            self.labelled += 1
            self.agreeing += row.agrees
            if not row.agrees:
                self.disagreements.append(row)


def score_file(
    path: str | Path,
    verifier: str,
    *,
    options: dict[str, Any] | None = None,
    fields: dict[str, str] | None = None,
    where: dict[str, str] | None = None,
    prefilled: bool = False,
    pool: Pool | None = None,
    progress: Callable[[ScoreReport], None] | None = None,
) -> ScoreReport:
    """Check every response of a file.

    Args:
        path: JSONL, or Parquet by its ending.
        verifier: Registered name.
        options: Options of the verifier.
        fields: Which field holds what, by the keys of `FIELDS`, where the usual names do not fit.
        where: Only rows whose fields have these values, written as text or as JSON.
        prefilled: The prompts ended with `<think>`: a response without tags is unfinished reasoning.
            A row's own boolean field `prefilled` wins.
        pool: Where verdicts are made.
        progress: Called after each row with the report so far.

    Raises:
        DataError: The file is missing, malformed, or holds no row that fits.
        UsageError: Unknown verifier, option or field.
    """
    pool = pool or default_pool()
    instance = get_verifier(verifier, **(options or {}))
    report = ScoreReport(
        path=str(path), verifier=verifier, verifier_version=instance.version, fields=dict.fromkeys(FIELDS)
    )
    started = time.monotonic()
    waiting: deque[tuple[int, dict[str, Any], Future[Verdict]]] = deque()

    def finish_one() -> None:
        number, row, future = waiting.popleft()
        report.add(_scored(number, row, future.result(), report.fields))
        report.seconds = time.monotonic() - started
        if progress is not None:
            progress(report)

    found = False
    for number, row in enumerate(_rows(Path(path)), start=1):
        if not found:
            report.fields.update(_find_fields(row, fields or {}, path))
            if report.fields["reference"] is None and getattr(instance, "needs_reference", True):
                raise UsageError(
                    f"{path} has no field called {', '.join(FIELDS['reference'])}, and {verifier} compares with a "
                    f"reference: name its field with --field reference=NAME. Its fields are {', '.join(sorted(row))}"
                )
            found = True
        if where and not all(_has_value(row, name, value) for name, value in where.items()):
            continue
        problem, completion = _parts(row, number, report.fields, path, verifier, prefilled)
        waiting.append((number, row, pool.submit(instance, problem, completion)))
        while waiting and (len(waiting) >= pool.outstanding or waiting[0][2].done()):
            finish_one()
    while waiting:
        finish_one()
    if not report.rows:
        kept = f" that match {where}" if where and found else ""
        raise DataError(f"{path} holds no rows{kept}: there is nothing to score")
    return report


def _has_value(row: dict[str, Any], name: str, value: str) -> bool:
    """Whether a field has a value, written as text or as JSON: true, 3, null."""
    return name in row and value in (str(row[name]), canonical_json(row[name]).decode())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix != ".parquet":
        yield from read_jsonl(path)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1_000):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _find_fields(row: dict[str, Any], named: dict[str, str], path: str | Path) -> dict[str, str | None]:
    unknown = sorted(set(named) - set(FIELDS))
    if unknown:
        raise UsageError(f"there is no part called {', '.join(unknown)}; the parts are {', '.join(FIELDS)}")
    for part, name in named.items():
        if name not in row:
            raise UsageError(f"{path} has no field {name!r} (for {part}); its fields are {', '.join(sorted(row))}")
    places = {
        part: named.get(part) or next((name for name in names if name in row), None) for part, names in FIELDS.items()
    }
    if places["response"] is None:
        raise UsageError(
            f"{path} has no field called {', '.join(FIELDS['response'])}: name the one that holds the responses with "
            f"--field response=NAME. Its fields are {', '.join(sorted(row))}"
        )
    return places


def _parts(
    row: dict[str, Any], number: int, places: dict[str, str | None], path: str | Path, verifier: str, prefilled: bool
) -> tuple[Problem, Completion]:
    text = row.get(places["response"] or "")
    if not isinstance(text, str):
        raise DataError(
            f"{path}, row {number}: the field {places['response']!r} should hold a text, found {type(text).__name__}"
        )
    opened = row.get("prefilled", prefilled) is True
    question = row.get(places["problem"] or "")
    problem = Problem(
        id=str(row.get(places["id"] or "", number)),
        prompt=(Message(role="user", content=question if isinstance(question, str) else ""),),
        reference=row.get(places["reference"] or ""),
        verifier=verifier,
    )
    cut = row.get("finish_reason") == FinishReason.LENGTH.value
    return problem, Completion(
        text=text,
        finish_reason=FinishReason.LENGTH if cut else FinishReason.STOP,
        prefill="<think>\n" if opened else "",
    )


def _scored(number: int, row: dict[str, Any], verdict: Verdict, places: dict[str, str | None]) -> ScoredRow:
    label = row.get(places["label"] or "")
    return ScoredRow(
        number=number,
        id=str(row.get(places["id"] or "", number)),
        reference=row.get(places["reference"] or ""),
        verdict=verdict,
        label=bool(label) if isinstance(label, bool | int | float) else None,
    )
