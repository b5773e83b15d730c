"""Running today's verifier over stored completions, and listing the verdicts that flipped.

No model is needed: completions come from the store, references from the benchmark, whose data must be
that of the run. New verdicts are appended to the journal like any others, so a rescore that is killed
goes on where it stopped; samples that the installed version has already checked are skipped. What stops a rescore in
the middle (Ctrl-C, a verifier that cannot be run, a cluster that is gone) leaves every verdict stored that was there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import orjson

from assay.contracts import Verifier
from assay.errors import StoreError
from assay.plan import revision_of
from assay.plugins import get_benchmark, get_verifier
from assay.results import RunResult, aggregate_run, summarise_run, write_report
from assay.runs.manifest import MANIFEST, load_manifest, write_json
from assay.runs.records import Record, Row
from assay.runs.store import SampleStore
from assay.types import FinishReason, Problem, Verdict
from assay.verification import Pool, default_pool

FLIPS = "flips.jsonl"
_PROGRESS_EVERY = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """A sample whose verdict changed."""

    problem_id: str
    sample_index: int
    extracted: str | None
    before: str
    """Outcome and score under the old version."""
    after: str
    reason: str
    """The new verdict's."""


def rescore(
    folder: Path,
    *,
    force: bool = False,
    pool: Pool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[RunResult, list[Flip]]:
    """Check every stored completion with the installed verifiers.

    Args:
        folder: The run.
        force: Check samples again that the installed version has already checked.
        pool: Where verdicts are made.
        progress: Called with (checked, to check) now and then.

    Returns:
        The new result, and the flips of this call. All flips ever are in flips.jsonl; one that a kill
        interrupted may stand there twice.

    Raises:
        StoreError: No run there, in use, or made from other benchmark data.
    """
    pool = pool or default_pool()
    manifest = load_manifest(folder)
    benchmark = get_benchmark(manifest["benchmark"])
    problems = {problem.id: problem for problem in benchmark.problems()}
    revision = revision_of(benchmark, list(problems.values()))
    if revision != manifest["benchmark_revision"]:
        raise StoreError(
            f"{folder} was made from other data of {manifest['benchmark']} (revision "
            f"{manifest['benchmark_revision'][:12]}, found {revision[:12]}): its references may differ. "
            "Point --data at the data it was made from."
        )
    options = manifest.get("verifier_options", {})
    verifiers = {name: get_verifier(name, **options.get(name, {})) for name in manifest["verifiers"]}
    versions = {name: verifier.version for name, verifier in verifiers.items()}
    with SampleStore.lock(folder) as store:
        order = {problem_id: number for number, problem_id in enumerate(problems)}

        def place(row: Row) -> tuple[int, int]:
            return order.get(row.problem_id, len(order)), row.sample_index

        todo = [
            row.key
            for row in sorted(store.rows.values(), key=place)
            if row.problem_id in problems and (force or row.outcome.is_ours or _is_old(row, versions))
        ]
        checking = _Checking(folder=folder, store=store, pool=pool, versions=versions)
        try:
            for number, record in enumerate(store.records(todo), start=1):
                if record.completion.finish_reason is not FinishReason.ERROR:
                    problem: Problem = benchmark.variant(problems[record.problem_id], record.sample_index)
                    checking.begin(record, verifiers[problem.verifier], problem)
                if progress is not None and number % _PROGRESS_EVERY == 0:
                    progress(number - len(checking.begun), len(todo))
            checking.settle(0)
            if progress is not None:
                progress(len(todo), len(todo))
        finally:
            checking.keep_finished()
        if (folder / "samples.parquet").exists():
            store.seal(place)
        manifest["verifiers"] = versions
        write_json(folder / MANIFEST, manifest)
        summary = summarise_run(manifest, store.rows.values(), pool) | aggregate_run(benchmark, manifest, store)
        result = RunResult(path=folder, manifest=manifest, summary=summary, notices=tuple(store.notices))
    write_report(result)
    return result, checking.flips


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    """A check that was asked for."""

    record: Record
    verifier: Verifier
    future: Future[Verdict]


@dataclass(kw_only=True, slots=True)
class _Checking:
    """Checks on their way, stored in the order in which they were begun."""

    folder: Path
    store: SampleStore
    pool: Pool
    versions: dict[str, str]
    begun: deque[_Begun] = field(default_factory=deque)
    flips: list[Flip] = field(default_factory=list)

    def begin(self, record: Record, verifier: Verifier, problem: Problem) -> None:
        """Begin a check; stores the older half of those begun where they are many."""
        future = self.pool.submit(verifier, problem, record.completion)
        self.begun.append(_Begun(record=record, verifier=verifier, future=future))
        if len(self.begun) >= (most := self.pool.outstanding):
            self.settle(most // 2)

    def settle(self, left: int) -> None:
        """Wait for the oldest checks until so many are left, and store them. Raises what a check raises."""
        oldest = list(islice(self.begun, max(0, len(self.begun) - left)))
        for check in oldest:
            check.future.result()
        self._keep(oldest)
        for _ in oldest:
            self.begun.popleft()

    def keep_finished(self) -> None:
        """Store what has a verdict, whatever stopped the others."""
        ended = [check for check in self.begun if check.future.done() and not check.future.cancelled()]
        self.begun.clear()
        self._keep([check for check in ended if check.future.exception() is None])

    def _keep(self, checks: Sequence[_Begun]) -> None:
        verdicts = [check.future.result() for check in checks]
        flips = [
            _flip(check.record, verdict)
            for check, verdict in zip(checks, verdicts, strict=True)
            if _label(verdict) != _label(check.record.verdict)
        ]
        # Before the records: killed in between, a flip is listed twice rather than never.
        _append_flips(self.folder, flips, self.versions)
        self.flips += flips
        for check, verdict in zip(checks, verdicts, strict=True):
            self.store.append(
                replace(
                    check.record,
                    verdict=verdict,
                    verifier=check.verifier.name,
                    verifier_version=check.verifier.version,
                    recorded_at=round(time.time(), 3),
                )
            )


def _is_old(row: Row, versions: dict[str, str]) -> bool:
    return versions.get(row.verifier) != row.verifier_version


def _label(verdict: Verdict) -> str:
    return f"{verdict.outcome} {verdict.score:g}" if verdict.score is not None else str(verdict.outcome)


def _flip(record: Record, verdict: Verdict) -> Flip:
    return Flip(
        problem_id=record.problem_id,
        sample_index=record.sample_index,
        extracted=verdict.extracted,
        before=_label(record.verdict),
        after=_label(verdict),
        reason=verdict.reason,
    )


def _append_flips(folder: Path, flips: list[Flip], versions: dict[str, str]) -> None:
    if not flips:
        return
    try:
        with open(folder / FLIPS, "ab") as file:
            for flip in flips:
                file.write(orjson.dumps({**_fields(flip), "verifiers": versions}) + b"\n")
    except OSError as error:
        raise StoreError(f"cannot write {folder / FLIPS}: {error.strerror or error}") from error


def _fields(flip: Flip) -> dict[str, object]:
    return {name: getattr(flip, name) for name in Flip.__slots__}
