"""The question and the reference of a sample, from the benchmark's data.

The sample store holds neither: they come from the benchmark, if it is installed and its data is on this machine (the
hub is not asked), and only where the data is that of the run, hash for hash. A benchmark is read in the background;
a page waits for it a moment, and where it takes longer, says so and asks again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any

import orjson

from assay.contracts import Benchmark
from assay.errors import AssayError
from assay.hashing import canonical_json
from assay.plan import revision_of
from assay.plugins import get_benchmark
from assay.types import Message, Problem
from assay.viewing.run import Run

_WAIT_SECONDS = 0.3
_KEPT = 4
"""Benchmarks that are kept in memory."""
_MAX_REFERENCE = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What was asked."""

    messages: tuple[Message, ...] = ()
    instruction: str = ""
    reference: str | None = None
    """What the answer was compared with; None: unknown, or tests."""
    missing: str = ""
    """Why it cannot be shown, as a sentence; empty where it can."""
    coming: bool = False
    """Whether it is being read, so that the page should ask again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    benchmark: Benchmark
    problems: dict[str, Problem]
    revision: str


class Questions:
    """Benchmarks' questions, read when they are first asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="assay-questions")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Future[_Loaded]] = OrderedDict()

    def close(self) -> None:
        """Do not begin with another benchmark."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def ask(self, run: Run, problem_id: str, sample_index: int) -> Question:
        """The question that a sample answers."""
        if not run.benchmark:
            return Question(missing="The run does not say which benchmark it is of.")
        try:
            loaded = self._load(run.benchmark).result(timeout=_WAIT_SECONDS)
            problem = loaded.problems.get(problem_id)
            if loaded.revision != run.manifest.get("benchmark_revision"):
                return Question(missing=f"The data of {run.benchmark} on this machine is not that of the run.")
            if problem is None:
                return Question(missing=f"The data of {run.benchmark} holds no such problem.")
            shown = loaded.benchmark.variant(problem, sample_index)
            return Question(
                messages=tuple(shown.prompt),
                instruction=str(run.manifest.get("instruction") or ""),
                reference=_reference(shown.reference),
            )
        except FutureTimeoutError:
            return Question(missing=f"The data of {run.benchmark} is being read.", coming=True)
        except AssayError as error:
            return Question(missing=str(error).partition(". ")[0].rstrip(".") + ".")
        except Exception as error:  # noqa: BLE001  a benchmark is a plugin: its failure must not cost the page
            return Question(missing=f"The benchmark {run.benchmark} failed: {type(error).__name__}: {error!s:.300}")

    def _load(self, name: str) -> Future[_Loaded]:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            else:
                self._kept[name] = self._thread.submit(_read, name)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return self._kept[name]


def _read(name: str) -> _Loaded:
    benchmark = get_benchmark(name)
    problems = list(benchmark.problems())
    return _Loaded(
        benchmark=benchmark,
        problems={problem.id: problem for problem in problems},
        revision=revision_of(benchmark, problems),
    )


def _reference(value: Any) -> str | None:
    """The reference as text; None for tests, which are long and say little."""
    if value is None or isinstance(value, str):
        return value if value is None or len(value) <= _MAX_REFERENCE else None
    text = canonical_json(value)
    if len(text) > _MAX_REFERENCE or (isinstance(value, dict) and "tests" in value):
        return None
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
