"""The model's attempts from a run folder: the samples of a problem, by sample index, are its attempts in order.

A sample counts as accepted where its score is 1. A wrong answer, no answer and a truncated one are wrong tries: the
model had its turn (CodeElo counts a response without code so too). A sample that we failed to check is no try.

Which contest a problem belongs to is said by the benchmark: the metadata `contest_id` and `index` of the problem, as
the benchmark `codeforces` has them. Where the benchmark's data is not at hand, ids such as "1971A" are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.errors import AssayError, DataError
from assay.metrics.codeforces.api import id_of
from assay.metrics.codeforces.attempts import ModelResults, index_of
from assay.plugins import get_benchmark
from assay.runs.manifest import load_manifest
from assay.runs.records import Row
from assay.runs.store import SampleStore

_PROBLEM_ID = re.compile(r"(?:.*[/:])?(\d{1,6})[/_-]?([A-Za-z]\d{0,2})")


def read_run_attempts(folder: str | Path) -> ModelResults:
    """Read the attempts of a run of a benchmark of Codeforces problems, finished or not.

    Raises:
        StoreError: The folder holds no run, or a damaged one.
        DataError: The problems do not say which contests they belong to, or the run holds no sample.
    """
    manifest = load_manifest(Path(folder))
    session = manifest["sessions"][-1]
    wanted = None if session["problem_ids"] is None else set(session["problem_ids"])
    with SampleStore.open(Path(folder)) as store:
        rows = [
            row
            for row in store.rows.values()
            if row.sample_index < session["samples_per_problem"] and (wanted is None or row.problem_id in wanted)
        ]
    if not rows:
        raise DataError(f"{folder} holds no sample yet")
    rows.sort(key=lambda row: (row.problem_id, row.sample_index))
    problems, notices = _problems(manifest, {row.problem_id for row in rows}, folder)
    attempts: dict[str, dict[str, list[bool | None]]] = {}
    for row in rows:
        contest, index = problems[row.problem_id]
        attempts.setdefault(contest, {}).setdefault(index, []).append(_accepted(row))
    missing = session["planned_samples"] - len(rows)
    if missing > 0:
        notices.append(f"{folder} is not complete: {missing} of {session['planned_samples']} samples are missing")
    return ModelResults(
        attempts={
            contest: {index: tuple(tries) for index, tries in sorted(letters.items())}
            for contest, letters in attempts.items()
        },
        notices=tuple(notices),
    )


def _accepted(row: Row) -> bool | None:
    return None if row.outcome.is_ours else row.score == 1


def _problems(
    manifest: Mapping[str, Any], ids: set[str], folder: str | Path
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Contest and letter of each problem, and what to know about how they were found."""
    name, notices = manifest["benchmark"], []
    try:
        benchmark = get_benchmark(name)
        known = {problem.id: _from_metadata(problem.metadata, problem.id) for problem in benchmark.problems()}
        if benchmark.revision != manifest["benchmark_revision"]:
            notices.append(f"{folder}: the data of {name} has changed since this run")
    except AssayError as error:
        known = {}
        why = str(error).partition("\n")[0].rstrip(".")[:200]
        notices.append(f"{folder}: contests were read off the problems' ids, since {name} is not at hand ({why})")
    found: dict[str, tuple[str, str]] = {}
    owners: dict[tuple[str, str], str] = {}
    for problem_id in sorted(ids):
        place = known.get(problem_id) or _from_id(problem_id)
        if place is None:
            raise DataError(
                f"{folder}: problem {problem_id!r:.80} of {name} does not say which contest it is from: its metadata "
                "need contest_id and index, as those of the benchmark codeforces have"
            )
        if place in owners:
            raise DataError(f"{folder}: {owners[place]!r:.80} and {problem_id!r:.80} are both problem {''.join(place)}")
        found[problem_id] = place
        owners[place] = problem_id
    return found, notices


def _from_metadata(metadata: Mapping[str, Any], problem_id: str) -> tuple[str, str] | None:
    if metadata.get("contest_id") is None or metadata.get("index") is None:
        return None
    try:
        return id_of(metadata["contest_id"], "contest_id"), index_of(metadata["index"])
    except ValueError as error:
        raise DataError(f"the metadata of problem {problem_id!r:.80}: {error}") from error


def _from_id(problem_id: str) -> tuple[str, str] | None:
    match = _PROBLEM_ID.fullmatch(problem_id)
    return (str(int(match[1])), match[2].upper()) if match else None
