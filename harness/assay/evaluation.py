"""The main loop: problems → completions → verdicts → sample store → metrics.

Generation runs in the calling thread; each completion is checked and journalled (`assay.recording`) while
the model goes on. So the wall time is the larger of the two, not their sum, and a crash costs only what
was in flight. A check that failed on our side (`Outcome.is_ours`) is tried once more at once, and again
whenever the same command is run again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from assay.contracts import Backend, Benchmark, ScoringBackend
from assay.errors import BackendError, UsageError
from assay.plan import Overrides, PlannedSample, RunPlan, make_plan, options_for
from assay.plugins import get_verifier, open_backend, registry
from assay.recording import Recorder, RunProgress
from assay.results import RunResult, aggregate_run, summarise_run, write_report
from assay.runs.manifest import describe_session, run_folder, write_manifest
from assay.runs.records import Record, Row
from assay.runs.store import SampleStore
from assay.scoring import is_scored, score
from assay.types import FinishReason, Generated
from assay.verification import Pool, default_pool

DEFAULT_OUT = "results/runs"
Elsewhere = Callable[[RunPlan, Sequence[PlannedSample]], Iterable[Record]]
"""Draws and checks these samples of a run in other processes; yields their records as they come."""
_HOPELESS_ERRORS = 20
"""So many failed completions at the start of a run that has none that worked: the model is not there."""


def evaluate(
    model: str | Path | Backend,
    benchmarks: str | Benchmark | Iterable[str | Benchmark],
    *,
    out: str | Path = DEFAULT_OUT,
    overrides: Overrides | None = None,
    backend_options: dict[str, Any] | None = None,
    verifier_options: Mapping[str, Mapping[str, Any]] | None = None,
    pool: Pool | None = None,
    progress: Callable[[RunProgress], None] | None = None,
    preflight: Callable[[RunPlan, str | None, list[str]], None] | None = None,
    finished: Callable[[RunResult], None] | None = None,
    elsewhere: Elsewhere | None = None,
    **settings: Any,
) -> list[RunResult]:
    """Evaluate a model on benchmarks, going on where an earlier call with the same arguments stopped.

    Args:
        model: "hf:PATH_OR_ID", "vllm:…", "openai:URL#MODEL", "replay:FILE", or an open backend.
        benchmarks: Names, each with its samples per problem if wanted ("aime24:64"), or benchmark objects.
        out: Folder that holds the runs; each run is a folder in it.
        overrides: What to change in the benchmarks' protocols.
        backend_options: Options of the backend, such as {"dtype": "bfloat16"}.
        verifier_options: Options of verifiers by name, such as {"code_tests": {"sandbox": "docker"}}; they go over
            the benchmark's own and are recorded with the run.
        pool: Where verdicts are made; the process's own pool if not given.
        progress: Called once a run begins, with counters that are kept up to date from then on.
        preflight: Called before anything is generated with the plan, the rendered first prompt (None where
            only the server knows it) and warnings. Raise from it to stop.
        finished: Called with each result as soon as it is there: a later benchmark may still fail.
        elsewhere: Draws and checks samples in other processes (`assay.sharding`); the model is then opened here for
            its prompts and fingerprint alone.
        settings: Fields of `Overrides`, for short: `samples=4, limit=20, temperature=0.6`.

    Returns:
        A result for each benchmark, in order.

    Raises:
        AssayError: One of `assay.errors`. Whatever was recorded before is safe; the same call goes on from there.
    """
    overrides = _overrides(overrides, settings)
    named = str(model) if isinstance(model, str | Path) else None
    backend = open_backend(named, **(backend_options or {})) if named is not None else model
    if not isinstance(backend, Backend):
        raise UsageError(f"a model is a url such as 'hf:./checkpoint' or an open backend, got {type(model).__name__}")
    several = isinstance(benchmarks, Iterable) and not isinstance(benchmarks, str)
    asked: list[str | Benchmark] = list(benchmarks) if several else [benchmarks]  # type: ignore[arg-type, list-item]
    try:
        # Everything that can be refused is refused first: a misspelt third benchmark must not be found out
        # after two were paid for.
        runs = [Run(backend, make_plan(backend, each, overrides), Path(out), verifier_options or {}) for each in asked]
        _check_verifier_options(verifier_options or {}, runs)
        results = []
        for run in runs:
            results.append(run.execute(pool or default_pool(), progress, preflight, elsewhere))
            if finished is not None:
                finished(results[-1])
        return results
    finally:
        if named is not None:
            backend.close()


def _overrides(overrides: Overrides | None, settings: dict[str, Any]) -> Overrides:
    try:
        return replace(overrides or Overrides(), **settings)
    except TypeError as error:
        known = ", ".join(Overrides.__slots__)
        raise UsageError(f"evaluate takes no setting called {', '.join(settings)}; there are {known}") from error


def _check_verifier_options(given: Mapping[str, Mapping[str, Any]], runs: Iterable[Run]) -> None:
    used = sorted({name for run in runs for name in run.verifiers})
    if unused := sorted(set(given) - set(used)):
        raise UsageError(f"options are given for {', '.join(unused)}, but these benchmarks use {', '.join(used)}")


class Run:
    """One model on one benchmark."""

    def __init__(
        self, backend: Backend, plan: RunPlan, out: Path, verifier_options: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.backend = backend
        self.plan = plan
        self.folder = run_folder(out, plan.identity)
        names = sorted({sample.problem.verifier for sample in plan.planned})
        self.verifier_options = options_for(plan.benchmark, names, verifier_options)
        self.verifiers = {name: get_verifier(name, **self.verifier_options.get(name, {})) for name in names}
        self._by_key = {sample.request.key: sample for sample in plan.planned}
        is_scored(plan.benchmark, backend, plan.planned[0])  # refused now where the backend cannot do it

    def execute(
        self,
        pool: Pool,
        progress: Callable[[RunProgress], None] | None,
        preflight: Callable[[RunPlan, str | None, list[str]], None] | None,
        elsewhere: Elsewhere | None = None,
    ) -> RunResult:
        """Draw and check what is missing, here or `elsewhere` (`assay.sharding`), seal, summarise."""
        with SampleStore.lock(self.folder) as store:
            todo, recheck = self._missing(store)
            manifest = self._begin(todo, preflight)
            counters = self._count_stored(store, len(recheck) + len(todo))
            if progress is not None:
                progress(counters)
            registry().notify("run_started", manifest=manifest, total=counters.total, done=counters.stored)
            recorder = Recorder(store, pool, self.verifiers, counters)
            for record in store.records([sample.request.key for sample in recheck]):
                recorder.take(self._by_key[record.key], record.completion)
            if elsewhere is None:
                # A run that holds a good sample had a model: what fails now is not hopeless.
                self.generate(todo, recorder, hopeless=len(todo) == len(self._by_key))
            else:
                for record in elsewhere(self.plan, todo) if todo else ():
                    recorder.put(self._by_key[record.key], record)
                recorder.wait()
            self._seal(store)
            summary = summarise_run(manifest, store.rows.values(), pool)
            summary |= aggregate_run(self.plan.benchmark, manifest, store)
        result = RunResult(path=self.folder, manifest=manifest, summary=summary, notices=tuple(store.notices))
        write_report(result)
        registry().notify("run_finished", manifest=manifest, summary=summary)
        return result

    def _missing(self, store: SampleStore) -> tuple[list[PlannedSample], list[PlannedSample]]:
        """Samples without a completion, and samples whose check failed on our side."""
        todo, recheck = [], []
        for sample in self.plan.planned:
            row = store.rows.get(sample.request.key)
            if row is None or row.finish_reason is FinishReason.ERROR:
                todo.append(sample)
            elif row.outcome.is_ours:
                recheck.append(sample)
        return todo, recheck

    def _begin(
        self, todo: list[PlannedSample], preflight: Callable[[RunPlan, str | None, list[str]], None] | None
    ) -> dict[str, Any]:
        first = (todo or self.plan.planned)[0].request
        limit = self.plan.limit
        rendered = self.backend.render(first)
        if preflight is not None and todo:
            requests = [sample.request for sample in todo]
            preflight(self.plan, rendered, list(self.backend.preflight(requests, self.plan.identity.sampling)))
        return write_manifest(
            self.folder,
            self.plan.identity,
            verifiers={name: verifier.version for name, verifier in self.verifiers.items()},
            verifier_options=self.verifier_options,
            metrics=list(self.plan.benchmark.metrics),
            session=describe_session(
                samples=self.plan.samples,
                planned=len(self.plan.planned),
                data=getattr(self.plan.benchmark, "provenance", None),
                problem_ids=None if limit is None else [problem.id for problem in self.plan.problems[:limit]],
            ),
            first_prompt=rendered if rendered is not None else str(first.prompt),
        )

    def _count_stored(self, store: SampleStore, missing: int) -> RunProgress:
        total = len(self.plan.planned)
        progress = RunProgress(benchmark=self.plan.benchmark.name, total=total, stored=total - missing)
        for key in self._by_key:
            row = store.rows.get(key)
            if row is not None and not row.outcome.is_ours:
                progress.count(row.outcome, row.score)
        return progress

    def _answers(self, todo: list[PlannedSample]) -> Generator[Generated]:
        """Completions of samples that are generated, and of those that are answered by probabilities."""
        scored = [sample for sample in todo if is_scored(self.plan.benchmark, self.backend, sample)]
        if scored:
            yield from score(cast("ScoringBackend", self.backend), self.plan.benchmark, scored)
        keys = {sample.request.key for sample in scored}
        requests = [sample.request for sample in todo if sample.request.key not in keys]
        if requests:
            yield from self.backend.generate(requests, self.plan.identity.sampling)

    def generate(self, todo: list[PlannedSample], recorder: Recorder, *, hopeless: bool) -> None:
        """Draw samples and have them recorded; returns when all are. `hopeless`: give up if the first ones all fail.

        Those of one problem prove nothing: a prompt that the model cannot take is refused as often as it is asked.
        """
        problems = len({sample.problem.id for sample in todo})
        failed: set[str] = set()
        errors = 0
        answered = 0
        # Closed at once on an error or Ctrl-C, so that a model stops generating before anything else happens.
        with contextlib.ExitStack() as stack:
            stream = self._answers(todo)
            stack.callback(stream.close)
            for generated in stream:
                recorder.take(self._by_key[generated.request.key], generated.completion)
                answered += 1
                if generated.completion.finish_reason is not FinishReason.ERROR:
                    hopeless = False
                errors += 1
                failed.add(self._by_key[generated.request.key].problem.id)
                enough = errors >= min(_HOPELESS_ERRORS, len(todo)) and len(failed) >= min(_HOPELESS_ERRORS, problems)
                if hopeless and enough:
                    raise BackendError(
                        f"the first {errors} completions all failed; the last one with: "
                        f"{generated.completion.error}. Nothing is lost: mend it and run the same command again."
                    )
        recorder.wait()
        if answered < len(todo):
            raise BackendError(
                f"the backend {self.backend.url} answered {answered} of {len(todo)} requests and stopped without an "
                "error. What it answered is stored: run the same command again to ask for the rest."
            )

    def _seal(self, store: SampleStore) -> None:
        """Seal; rows of earlier, larger sessions are kept beside the planned ones."""
        order = {problem.id: number for number, problem in enumerate(self.plan.problems)}
        last = len(order)

        def place(row: Row) -> tuple[int, int]:
            return order.get(row.problem_id, last), row.sample_index

        store.seal(place)
