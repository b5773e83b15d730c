"""A run in pieces, drawn elsewhere: the samples of some problems as one task of an executor.

The process that asks keeps the run: its lock, its journal, its manifest. A shard names samples by their keys; whoever
draws it opens the same model and plans the same benchmark, so that it finds the same keys (a node with other weights or
other data finds none, which is said). It sends back the records as lines of the journal, which are then stored. So no
node needs to see the run's folder, a shard that is drawn twice after a crash is stored once, and what comes out is what
one process would have stored: a sample's seed hangs on its key alone.

In a worker the engine stays between shards, and takes the weights of the next checkpoint (`assay.backends.swapping`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from assay.engine import Engine
from assay.errors import BackendError
from assay.evaluation import Run
from assay.executors import Executor, Failure
from assay.plan import Overrides, PlannedSample, RunPlan, make_plan
from assay.prompts import BUILT_IN
from assay.recording import Recorder, RunProgress
from assay.runs.records import Record, decode, encode
from assay.verification import Pool
from assay.verification.pool import DEFAULT_TIMEOUT

_PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")

DEFAULT_PROBLEMS = 16
"""Problems in a shard: what is drawn again when a node dies, against what starting a task costs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """Some samples of one run, as whoever draws them needs to know them."""

    url: str
    options: Mapping[str, Any]
    benchmark: str
    overrides: Overrides
    verifier_options: Mapping[str, Mapping[str, Any]]
    plugins: tuple[str, ...]
    data: str | None
    verify_timeout: float
    keys: tuple[str, ...]
    hopeless: bool
    """Whether it shall fail where all its samples do: nothing of the run is drawn yet, so there may be no model."""


@dataclass(kw_only=True, slots=True)
class Distributor:
    """Draws the missing samples of a model's runs on an executor; hand its `draw` to `evaluate` as `elsewhere`."""

    executor: Executor
    url: str
    options: Mapping[str, Any]
    overrides: Overrides
    verifier_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plugins: Sequence[str] = ()
    data: str | None = None
    verify_timeout: float = DEFAULT_TIMEOUT
    """Seconds for a check, as in `Pool`."""
    problems: int = DEFAULT_PROBLEMS

    def draw(self, plan: RunPlan, todo: Sequence[PlannedSample]) -> Iterator[Record]:
        """Yield the records of these samples as they come. Raises `BackendError` where a shard failed for good."""
        failed: list[str] = []
        for shard, result in self.executor.run(draw_shard, self._shards(plan, todo)):
            if isinstance(result, Failure):
                failed.append(f"{len(shard.keys)} samples: {result.reason}")
                continue
            yield from map(decode, result)
        if failed:
            raise BackendError(
                f"{len(failed)} shards failed, the first with {failed[0]}. What the others drew is stored: run the "
                "same command again to ask for the rest."
            )

    def _shards(self, plan: RunPlan, todo: Sequence[PlannedSample]) -> Iterator[Shard]:
        overrides = replace(self.overrides, samples=plan.samples)
        if overrides.template is not None and overrides.template not in BUILT_IN:
            overrides = replace(overrides, template=_absolute_path(overrides.template))
        by_problem: dict[str, list[str]] = {}
        for sample in todo:
            by_problem.setdefault(sample.problem.id, []).append(sample.request.key)
        keys = list(by_problem.values())
        for start in range(0, len(keys), self.problems):
            part = keys[start : start + self.problems]
            yield Shard(
                url=_absolute_url(self.url),
                options=dict(self.options),
                benchmark=plan.benchmark.name,
                overrides=overrides,
                verifier_options=dict(self.verifier_options),
                plugins=tuple(str(Path(path).absolute()) for path in self.plugins),
                data=None if self.data is None else str(Path(self.data).absolute()),
                verify_timeout=self.verify_timeout,
                keys=tuple(key for problem in part for key in problem),
                # The last shard may be a single problem, whose prompt is refused for good: the full ones decide.
                hopeless=len(todo) == len(plan.planned) and len(part) == min(self.problems, len(keys)),
            )


def gpus_of(options: Mapping[str, Any]) -> int:
    """How many GPUs an engine with these options takes, where there are any."""
    sizes = [options.get(name, 1) for name in _PARALLEL]
    return math.prod(size for size in sizes if isinstance(size, int))  # the backend refuses what is no number


def draw_shard(shard: Shard) -> list[bytes]:
    """Draw and check a shard's samples; returns them as lines of a journal. Runs in a worker of the executor."""
    _prepare(shard.plugins, shard.data)
    engine = _engine(tuple(sorted((name, repr(value)) for name, value in shard.options.items())))
    engine.options = dict(shard.options)
    try:
        backend = engine.hold(shard.url)
        run = Run(backend, make_plan(backend, shard.benchmark, shard.overrides), Path(), shard.verifier_options)
        wanted = set(shard.keys)
        todo = [sample for sample in run.plan.planned if sample.request.key in wanted]
        if len(todo) != len(wanted):
            raise BackendError(
                f"this node plans other samples of {shard.benchmark} for {shard.url}: its model, its data or its "
                "version of Assay is not that of the process which asks"
            )
        collected = _Collected()
        progress = RunProgress(benchmark=shard.benchmark, total=len(todo), stored=0)
        recorder = Recorder(collected, _pool(shard.verify_timeout), run.verifiers, progress, announce=False)
        run.generate(todo, recorder, hopeless=shard.hopeless)
    except Exception:
        engine.close()  # whatever it holds now is not to be trusted
        raise
    return [encode(record) for record in collected.records]


class _Collected:
    """Takes records in place of a store."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> None:
        self.records.append(record)


@cache
def _prepare(plugins: tuple[str, ...], data: str | None) -> None:
    from assay.data import set_data_dir
    from assay.plugins import load_plugin

    if data is not None:
        set_data_dir(data)
    for path in plugins:
        load_plugin(path)


@cache
def _engine(_options: tuple[tuple[str, str], ...]) -> Engine:
    return Engine(options={})


@cache
def _pool(timeout: float) -> Pool:
    return Pool(workers=1, timeout=timeout)


def _absolute_url(url: str) -> str:
    """The url for a process in another folder."""
    scheme, _, rest = url.partition(":")
    return f"{scheme}:{_absolute_path(rest)}"


def _absolute_path(name: str) -> str:
    """A name for a process in another folder, where it names something in this one."""
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else name
