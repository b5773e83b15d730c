"""What the figures need of a run's samples, as columns: a million samples are some tens of megabytes here.

A complete run is read from its sealed Parquet file, the text column untouched. One that goes on, or that was topped
up since, goes through the sample store, which knows what in its journal is newer. Counted are the samples that the
run's last session asked for, as in its summary.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import StoreError
from assay.runs.store import JOURNAL, SEALED, SampleStore
from assay.types import FinishReason, Outcome

OUTCOMES = tuple(Outcome)
_OURS = [number for number, outcome in enumerate(OUTCOMES) if outcome.is_ours]
_COLUMNS = ["problem_id", "sample_index", "outcome", "score", "extracted", "finish_reason", "num_tokens"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """The samples of a run, one entry of every array each."""

    problems: tuple[str, ...]
    """Ids, sorted."""
    problem: NDArray[np.int64]
    """Place in `problems`."""
    outcome: NDArray[np.int64]
    """Place in `OUTCOMES`."""
    credit: NDArray[np.float64]
    """What a sample is worth, in [0, 1]; nan where our side failed."""
    tokens: NDArray[np.float64]
    """Generated tokens; nan where the backend did not say."""
    truncated: NDArray[np.bool_]
    """Whether the token cap ended it."""
    answers: tuple[str | None, ...]
    """What was compared; None where nothing was."""

    def pass_rates(self) -> NDArray[np.float64]:
        """The mean credit of each problem, in order of `problems`; nan where no sample could be checked."""
        known = ~np.isnan(self.credit)
        size = len(self.problems)
        total = np.bincount(self.problem[known], weights=self.credit[known], minlength=size)
        count = np.bincount(self.problem[known], minlength=size)
        rates = np.full(size, np.nan)
        np.divide(total, count, out=rates, where=count > 0)
        return rates

    def outcome_counts(self) -> dict[Outcome, int]:
        """Samples of each outcome."""
        counts = np.bincount(self.outcome, minlength=len(OUTCOMES))
        return {outcome: int(counts[number]) for number, outcome in enumerate(OUTCOMES)}

    def places(self) -> list[NDArray[np.int64]]:
        """The places of each problem's samples, in order of `problems`."""
        order = np.argsort(self.problem, kind="stable")
        borders = np.searchsorted(self.problem[order], np.arange(len(self.problems) + 1))
        return [order[start:end] for start, end in itertools.pairwise(borders)]

    def common_answers(self, places: NDArray[np.int64], most: int) -> list[tuple[str, int, float]]:
        """The commonest answers among some samples: text, samples, and their mean credit."""
        counted: Counter[str] = Counter()
        credit: Counter[str] = Counter()
        for place in places:
            answer = self.answers[place]
            if answer is not None and self.outcome[place] not in _OURS:
                counted[answer] += 1
                credit[answer] += float(self.credit[place])  # type: ignore[assignment]  # counts may be fractions
        return [(text, count, credit[text] / count) for text, count in counted.most_common(most)]


def read_samples(folder: Path, manifest: Mapping[str, Any]) -> Samples:
    """The samples of a run folder. Raises `StoreError` where they cannot be read."""
    session = manifest["sessions"][-1]
    columns = _stored(folder)
    keep = np.asarray(columns["sample_index"], dtype=np.int64) < session["samples_per_problem"]
    wanted = session["problem_ids"]
    if wanted is not None:
        asked = set(wanted)
        keep &= np.fromiter((name in asked for name in columns["problem_id"]), dtype=bool, count=len(keep))
    places = np.flatnonzero(keep)
    names = [columns["problem_id"][place] for place in places]
    problems = tuple(sorted(set(names)))
    number_of = {name: number for number, name in enumerate(problems)}
    code_of = {outcome.value: number for number, outcome in enumerate(OUTCOMES)}
    try:
        outcome = np.fromiter((code_of[columns["outcome"][place]] for place in places), dtype=np.int64)
    except KeyError as error:
        raise StoreError(
            f"{folder} holds a sample with the outcome {error}: it was written by another version"
        ) from error
    credit = np.nan_to_num(_numbers(columns["score"], places), nan=0.0)
    credit[np.isin(outcome, _OURS)] = np.nan
    return Samples(
        problems=problems,
        problem=np.fromiter((number_of[name] for name in names), dtype=np.int64, count=len(names)),
        outcome=outcome,
        credit=credit,
        tokens=_numbers(columns["num_tokens"], places),
        truncated=np.fromiter((columns["finish_reason"][place] == FinishReason.LENGTH.value for place in places), bool),
        answers=tuple(columns["extracted"][place] for place in places),
    )


def _numbers(values: Sequence[float | None], places: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.fromiter(
        (np.nan if values[place] is None else values[place] for place in places), dtype=np.float64, count=len(places)
    )


def _stored(folder: Path) -> dict[str, list[Any]]:
    journal = folder / JOURNAL
    if (folder / SEALED).exists() and not (journal.exists() and journal.stat().st_size):
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(folder / SEALED, columns=_COLUMNS)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"the sealed samples {folder / SEALED} cannot be read: {error}") from error
        return {name: table.column(name).to_pylist() for name in _COLUMNS}
    with SampleStore.open(folder) as store:
        rows = sorted(store.rows.values(), key=lambda row: (row.problem_id, row.sample_index))
    return {
        name: [
            value.value if isinstance(value := getattr(row, name), Outcome | FinishReason) else value for row in rows
        ]
        for name in _COLUMNS
    }
