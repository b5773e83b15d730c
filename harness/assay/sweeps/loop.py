"""The loop over checkpoints: one engine, kept alive where the backend can take other weights.

A checkpoint that fails (its folder is damaged or gone, its model does not load or dies) is recorded with the reason,
the engine is thrown away, and the next one is taken. What is wrong with the question itself (a benchmark that does
not exist, a temperature of -1) is found before anything is drawn, and stops the sweep.

While a training run goes on, `watch` looks again and again for checkpoints that are complete; one that is being
written is left for the next look.

With an executor (`assay.executors`) several checkpoints go on at once: each is planned and stored here, and its samples
are drawn by tasks, some problems each.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.backends.swapping import safetensors_files, tensors_in
from assay.contracts import Backend
from assay.engine import Engine
from assay.errors import AssayError, UsageError
from assay.evaluation import Elsewhere, evaluate
from assay.executors import Executor
from assay.plan import Overrides, make_plan, parse_benchmark
from assay.plugins import get_benchmark
from assay.recording import RunProgress
from assay.results import RunResult
from assay.sharding import DEFAULT_PROBLEMS, Distributor
from assay.sweeps.checkpoints import CheckpointRef, find_checkpoints, incomplete
from assay.sweeps.config import SweepConfig
from assay.sweeps.planning import CellPlan, plan_cells
from assay.sweeps.record import CellRecord, CheckpointRecord, SweepRecord
from assay.verification import Pool
from assay.verification.pool import DEFAULT_TIMEOUT

_log = logging.getLogger("assay.sweeps")
Say = Callable[[str], None]
_MOST_AT_ONCE = 32
"""Checkpoints whose samples are drawn elsewhere at the same time; each keeps its rows in memory here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """How to look for new checkpoints."""

    poll: float = 10.0
    """Seconds between two looks."""
    idle: float | None = None
    """Seconds without a new checkpoint after which the sweep ends; None: never."""
    until_step: int | None = None
    """The step after which it ends."""


@dataclass(kw_only=True, slots=True)
class Sweep:
    """A sweep that can be planned and run. Plugins named in the configuration must be loaded before."""

    config: SweepConfig
    pool: Pool | None = None
    progress: Callable[[RunProgress], None] | None = None
    say: Say = field(default=lambda _line: None)
    finished: Callable[[RunResult], None] | None = None
    executor: Executor | None = None
    """Where samples are drawn; None: here."""
    shard_problems: int = DEFAULT_PROBLEMS
    """Problems that one task of the executor takes."""
    results: list[RunResult] = field(default_factory=list)
    _checked: bool = False

    def plan(self) -> tuple[list[CellPlan], list[tuple[CheckpointRef, str]]]:
        """What is to be drawn, and the checkpoints that cannot be opened, each with the reason."""
        self._check_question()
        cells: list[CellPlan] = []
        failed = []
        engine = Engine(options=dict(self.config.options))
        out = Path(self.config.out)
        try:
            for ref in self._found():
                try:
                    backend = self._open(engine, ref)
                except AssayError as error:
                    failed.append((ref, str(error)))
                    continue
                cells += plan_cells(backend, self.config.benchmarks, self.config.overrides(), out)
        finally:
            engine.close()
        return cells, failed

    def run(self, watch: Watch | None = None) -> SweepRecord:
        """Draw and check everything that is missing. Returns the record, whose `failed` lists what went wrong."""
        self._check_question()
        record = SweepRecord(Path(self.config.out), self.config)
        if self.executor is None:
            engine = Engine(options=dict(self.config.options))
            try:
                for number, total, ref in self._sequence(watch):
                    self._take(engine, record, number, total, ref)
            finally:
                engine.close()
            return record
        with ThreadPoolExecutor(min(self.executor.width, _MOST_AT_ONCE)) as threads:
            taken: list[Future[None]] = []
            try:
                taken.extend(threads.submit(self._take_elsewhere, record, *place) for place in self._sequence(watch))
                for future in taken:
                    future.result()
            except BaseException:
                for future in taken:
                    future.cancel()
                self.executor.close()  # what its workers do is no longer wanted
                raise
        return record

    def _take_elsewhere(self, record: SweepRecord, number: int, total: int, ref: CheckpointRef) -> None:
        """One checkpoint whose samples are drawn by the executor: here it is only planned and stored."""
        engine = Engine(options=dict(self.config.options))
        try:
            self._take(engine, record, number, total, ref)
        finally:
            engine.close()

    def _take(self, engine: Engine, record: SweepRecord, number: int, total: int, ref: CheckpointRef) -> None:
        """Evaluate one checkpoint and record what became of it."""
        entry = record.add(ref)
        entry.state = "running"
        record.write()
        started = time.monotonic()
        self.say(f"[{number}/{total}] {ref.url}")
        try:
            backend = self._open(engine, ref)
            if not self._checked:
                # The first model that opens: what the others share can be refused now, before it is paid for.
                self._check_protocols(backend)
                self._checked = True
            self._evaluate(backend, engine, entry)
            entry.state = "done"
        except UsageError as error:
            if not self._checked and engine.backend is not None:
                raise
            self._fail(entry, engine, error)
        except Exception as error:  # noqa: BLE001  # one model may break anything; the others go on
            self._fail(entry, engine, error)
        finally:
            entry.seconds = round(time.monotonic() - started, 2)
            record.write()

    def _check_question(self) -> None:
        for spec in self.config.benchmarks:
            get_benchmark(parse_benchmark(spec)[0])

    def _check_protocols(self, backend: Backend) -> None:
        for overrides in self.config.overrides():
            for benchmark in self.config.benchmarks:
                make_plan(backend, benchmark, overrides)

    def _found(self) -> list[CheckpointRef]:
        return find_checkpoints(self.config.models, revisions=self.config.revisions)

    def _open(self, engine: Engine, ref: CheckpointRef) -> Backend:
        backend = engine.hold(ref.url)
        # Whatever is wrong with its files is found here, before anything is drawn.
        for file in safetensors_files(ref.folder) if ref.folder is not None else ():
            tensors_in(file)
        _ = backend.fingerprint
        return backend

    def _sequence(self, watch: Watch | None) -> Iterator[tuple[int, int, CheckpointRef]]:
        """The checkpoints, in order; those that appear while it goes on come after."""
        if watch is None:
            found = self._found()
            yield from ((number, len(found), ref) for number, ref in enumerate(found, start=1))
            return
        seen: set[CheckpointRef] = set()
        last_new = time.monotonic()
        waiting = ""
        while True:
            fresh, writing = self._fresh(seen)
            for ref in fresh:
                seen.add(ref)
                yield len(seen), len(seen) + len(fresh) - fresh.index(ref) - 1, ref
                last_new = time.monotonic()
                if watch.until_step is not None and ref.step is not None and ref.step >= watch.until_step:
                    return
            if fresh:
                continue
            if watch.idle is not None and time.monotonic() - last_new >= watch.idle:
                self.say(f"no new checkpoint for {watch.idle:.0f} s: done. {writing}".rstrip())
                return
            if writing != waiting and writing:
                self.say(writing)
            waiting = writing
            time.sleep(watch.poll)

    def _fresh(self, seen: set[CheckpointRef]) -> tuple[list[CheckpointRef], str]:
        """Complete checkpoints that were not taken yet, and a sentence about those that are not complete."""
        try:
            found = self._found()
        except UsageError:
            return [], "waiting for a first checkpoint"  # the trainer has not begun to write
        fresh, writing = [], []
        for ref in found:
            if ref in seen:
                continue
            why = "" if ref.folder is None else incomplete(ref.folder)
            if why:
                writing.append(f"{ref.url} is not complete ({why})")
            else:
                fresh.append(ref)
        return fresh, "; ".join(writing)

    def _evaluate(self, backend: Backend, engine: Engine, entry: CheckpointRecord) -> None:
        out = Path(self.config.out)
        drawn: list[RunProgress] = []

        def started(progress: RunProgress) -> None:
            drawn.append(progress)
            if self.progress is not None:
                self.progress(progress)

        for setting, overrides in zip(self.config.settings, self.config.overrides(), strict=True):
            # One benchmark a call: what is done is recorded before the next begins.
            for benchmark in self.config.benchmarks:
                begun = time.monotonic()
                (result,) = self._one(backend, benchmark, overrides, out, started)
                entry.cells.append(
                    CellRecord(
                        benchmark=str(result.manifest["benchmark"]),
                        setting=dict(setting),
                        path=str(result.path.relative_to(out)) if result.path.is_relative_to(out) else str(result.path),
                        drawn=drawn[-1].done,
                        seconds=round(time.monotonic() - begun, 2),
                        tokens=drawn[-1].tokens,
                    )
                )
                self.results.append(result)
                if self.finished is not None:
                    self.finished(result)
        here = "elsewhere" if self.executor is not None else engine.how()
        entry.engine = here if any(cell.drawn for cell in entry.cells) else "unused"

    def _one(
        self,
        backend: Backend,
        benchmark: str,
        overrides: Overrides,
        out: Path,
        started: Callable[[RunProgress], None],
    ) -> list[RunResult]:
        return evaluate(
            backend,
            benchmark,
            out=out,
            overrides=overrides,
            verifier_options=self._verifier_options(benchmark),
            pool=self.pool,
            progress=started,
            elsewhere=self._distributor(backend.url, benchmark, overrides),
        )

    def _distributor(self, url: str, benchmark: str, overrides: Overrides) -> Elsewhere | None:
        if self.executor is None:
            return None
        return Distributor(
            executor=self.executor,
            url=url,
            options=self.config.options,
            overrides=overrides,
            verifier_options=self._verifier_options(benchmark),
            plugins=self.config.plugins,
            data=self.config.data,
            verify_timeout=DEFAULT_TIMEOUT if self.pool is None else self.pool.timeout,
            problems=self.shard_problems,
        ).draw

    def _verifier_options(self, benchmark: str) -> dict[str, dict[str, Any]]:
        """The options of the verifiers that a benchmark uses: others of the sweep may use none of them."""
        if not self.config.verifier_options:
            return {}
        problems = get_benchmark(parse_benchmark(benchmark)[0]).problems()
        used = {problem.verifier for problem in problems}
        return {name: dict(options) for name, options in self.config.verifier_options.items() if name in used}

    def _fail(self, entry: CheckpointRecord, engine: Engine, error: Exception) -> None:
        named = str(error)
        if not isinstance(error, AssayError):
            named = f"{type(error).__name__}: {error}"
            _log.warning("an error that nobody raises on purpose, in %s", entry.url, exc_info=error)
        entry.state, entry.reason = "failed", " ".join(named.split())[:1000]
        self.say(f"failed: {entry.reason}")
        engine.close()  # whatever it holds now is not to be trusted
