"""Reading a run's result: its summary, computed from the stored samples, and the table it makes.

The summary of a run counts exactly the samples that were planned by its last session, so that a store
with 64 samples a problem still answers for `:16`. An unfinished run has a summary too, marked as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from assay.contracts import Benchmark, Verifier
from assay.errors import StoreError, VerifierError
from assay.metrics import answer_classes
from assay.metrics.summary import SampleRow, summarise
from assay.plugins import get_verifier
from assay.report import markdown_report
from assay.runs.manifest import MANIFEST, load_manifest, write_json, write_text
from assay.runs.records import Record, Row
from assay.runs.store import SampleStore
from assay.types import CheckedSample, FinishReason, Outcome
from assay.verification import Pool, default_pool

SUMMARY = "summary.json"
REPORT = "report.md"
_SUMMARY_FIELDS = {"samples_per_problem", "planned_samples", "complete", "metrics", "outcomes", "rates"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What came out of a run."""

    path: Path
    """The run's folder."""
    manifest: dict[str, Any]
    summary: dict[str, Any]
    """Metrics and counts, as in summary.json."""
    notices: tuple[str, ...] = ()
    """What had to be repaired or left out, one sentence each."""

    def scores(self) -> dict[str, list[float | None]]:
        """What each sample of each problem is worth, by problem and sample index; None: our side failed.

        These are the samples that the run's last session asked for, as in the summary: what a paired comparison needs.
        """
        with SampleStore.open(self.path) as store:
            rows = _counted(self.manifest, store.rows.values())
        scores: dict[str, list[float | None]] = {}
        for row in rows:
            worth = None if row.outcome.is_ours else row.score or 0.0
            scores.setdefault(row.problem_id, []).append(worth)
        return scores

    def records(self) -> Iterator[Record]:
        """The stored samples that the run's last session asked for, whole, in order of problem and sample index."""
        with SampleStore.open(self.path) as store:
            yield from store.records([row.key for row in _counted(self.manifest, store.rows.values())])

    def row(self) -> dict[str, Any]:
        """The run as a row of a table: what was run, how, and the summary."""
        manifest = self.manifest
        return {
            "model": manifest["model"],
            "benchmark": manifest["benchmark"],
            "n": self.summary["samples_per_problem"],
            "complete": self.summary["complete"],
            "summary": self.summary,
            "template": manifest["template"],
            "prompt_sha256": manifest["prompt_sha256"],
            "revision": manifest["benchmark_revision"],
            "verifiers": manifest["verifiers"],
            **{name: manifest["sampling"][name] for name in ("temperature", "top_p", "max_tokens")},
            "path": str(self.path),
        }


def load_result(folder: Path, pool: Pool | None = None) -> RunResult:
    """The result of a run folder, finished or not. Raises `StoreError` where it holds no run."""
    manifest = load_manifest(folder)
    summary = stored_summary(folder, len(manifest["sessions"]))
    if summary is None:
        with SampleStore.open(folder) as store:
            summary = summarise_run(manifest, store.rows.values(), pool)
    return RunResult(path=folder, manifest=manifest, summary=summary)


def find_runs(paths: Iterable[str | Path]) -> list[Path]:
    """The run folders at or below these paths, sorted. Raises `StoreError` for a path without any."""
    found: list[Path] = []
    for path in (Path(each).resolve() for each in paths):
        folders = [path] if (path / MANIFEST).is_file() else sorted(file.parent for file in path.rglob(MANIFEST))
        if not folders:
            raise StoreError(f"{path} holds no run: a run's folder has a {MANIFEST}")
        found += folders
    return list(dict.fromkeys(found))


def summarise_run(manifest: dict[str, Any], rows: Iterable[Row], pool: Pool | None = None) -> dict[str, Any]:
    """The summary of the samples that the run's last session asked for, as far as they are there."""
    session = manifest["sessions"][-1]
    samples = session["samples_per_problem"]
    voted = any(metric.startswith("cons@") for metric in manifest["metrics"])
    sample_rows, failed_votes = sample_rows_of(manifest, rows, pool, voted=voted)
    return {
        "model": manifest["model"],
        "benchmark": manifest["benchmark"],
        "session": len(manifest["sessions"]),
        "samples_per_problem": samples,
        "planned_samples": session["planned_samples"],
        "complete": len(sample_rows) >= session["planned_samples"],
        "failed_vote_comparisons": failed_votes,
        **summarise(sample_rows, manifest["metrics"], samples=samples),
    }


def sample_rows_of(
    manifest: dict[str, Any], rows: Iterable[Row], pool: Pool | None = None, *, voted: bool
) -> tuple[list[SampleRow], int]:
    """What metrics need of the samples that the run's last session asked for, by problem and sample index.

    With `voted`, answers are put into classes by the run's verifiers; the second value counts the comparisons that
    failed on our side.
    """
    counted = _counted(manifest, rows)
    failed_votes = 0
    sample_rows: list[SampleRow] = []
    options = manifest.get("verifier_options", {})
    names = {row.verifier for row in counted} if voted else set()
    verifiers = {name: get_verifier(name, **options.get(name, {})) for name in names}
    for _, group in groupby(counted, key=lambda row: row.problem_id):
        problem = list(group)
        classes: list[int | None] = [None] * len(problem)
        failed = 0
        if voted:
            classes, failed = _classes(problem, verifiers[problem[0].verifier], pool or default_pool())
        failed_votes += failed
        sample_rows += [_sample_row(row, vote) for row, vote in zip(problem, classes, strict=True)]
    return sample_rows, failed_votes


def _counted(manifest: dict[str, Any], rows: Iterable[Row]) -> list[Row]:
    """The rows that the run's last session asked for, in order of problem and sample index."""
    session = manifest["sessions"][-1]
    wanted = None if session["problem_ids"] is None else set(session["problem_ids"])
    counted = [
        row
        for row in rows
        if row.sample_index < session["samples_per_problem"] and (wanted is None or row.problem_id in wanted)
    ]
    return sorted(counted, key=lambda row: (row.problem_id, row.sample_index))


def aggregate_run(benchmark: Benchmark, manifest: dict[str, Any], store: SampleStore) -> dict[str, Any]:
    """What the benchmark itself computes over the samples of the last session: `{"aggregates": {name: value}}`.

    Empty where it computes nothing. Samples whose check failed on our side are left out, as everywhere.
    """
    aggregate = getattr(benchmark, "aggregate", None)
    if aggregate is None:
        return {}
    order = {problem.id: number for number, problem in enumerate(benchmark.problems())}
    rows = [row for row in _counted(manifest, store.rows.values()) if not row.outcome.is_ours]
    rows.sort(key=lambda row: (order.get(row.problem_id, len(order)), row.sample_index))
    figures = aggregate(
        CheckedSample(
            problem_id=record.problem_id,
            sample_index=record.sample_index,
            completion=record.completion,
            verdict=record.verdict,
        )
        for record in store.records([row.key for row in rows])
    )
    finite = {name: value if value is None or math.isfinite(value) else None for name, value in figures.items()}
    return {"aggregates": finite} if finite else {}


def write_report(result: RunResult) -> None:
    """Write summary.json and report.md into the run's folder."""
    write_json(result.path / SUMMARY, result.summary)
    write_text(result.path / REPORT, markdown_report([result.row()]))


def _classes(rows: list[Row], verifier: Verifier, pool: Pool) -> tuple[list[int | None], int]:
    """The answer class that each sample votes for, and how many comparisons failed on our side."""
    failed = 0

    def same(a: str, b: str) -> bool:
        nonlocal failed
        try:
            return pool.same_answer(verifier, a, b)
        except VerifierError:
            failed += 1  # undecided answers are kept apart: a vote must not be lent to another answer
            return False

    answers = [row.extracted if row.outcome is Outcome.GRADED else None for row in rows]
    # The classes come before the count of failures: comparing is what makes them.
    classes = answer_classes(answers, same, getattr(verifier, "answer_key", None))
    return classes, failed


def _sample_row(row: Row, vote: int | None) -> SampleRow:
    return SampleRow(
        problem_id=row.problem_id,
        sample_index=row.sample_index,
        outcome=row.outcome,
        score=row.score,
        answer_class=vote,
        num_tokens=row.num_tokens,
        truncated=row.finish_reason is FinishReason.LENGTH,
        repetitive=row.repetitive,
    )


def stored_summary(folder: Path, session: int) -> dict[str, Any] | None:
    """summary.json, where it is of the run's last session; an unfinished session leaves the one before."""
    try:
        summary = orjson.loads((folder / SUMMARY).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    valid = isinstance(summary, dict) and summary.get("session") == session and summary.keys() >= _SUMMARY_FIELDS
    return summary if valid else None
