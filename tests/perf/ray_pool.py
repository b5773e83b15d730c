"""Checks per second of a pool on Ray, or of the pool of one machine, on so many cores: JSON on standard output.

    python ray_pool.py ray|local CORES FOLDER

The whole process tree (caller, Ray's own processes, workers, sandboxes) is bound to the cores before anything starts,
so that N cores are all there is for everybody: what the caller and Ray need for themselves counts. Each kind of check
is warmed up with one pass over its data and then timed over several, from the first submission to the last verdict.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSES = {"hard_mathematics": 80, "model_answers": 60, "programs": 3}
"""Passes over the data: some ten seconds of one core each."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One kind of check."""

    verifier: Any
    checks: list[tuple[Any, Any]]
    shifted: bool = False
    """Whether every pass pairs the problems with other answers, so that no verdict is remembered."""


def kinds(shared: Path) -> Iterator[tuple[str, Work]]:
    """The kinds of checks, from data that is there."""
    from assay import Completion, Problem, get_benchmark, get_verifier
    from assay.data import set_data_dir
    from assay.validate import gold_completion
    from tests.perf.math_engines import pairs

    set_data_dir(str(shared / "data"))
    for name, source in (("hard_mathematics", "core"), ("model_answers", "responses")):
        yield (
            name,
            Work(
                verifier=get_verifier("boxed_math", extraction="lenient"),
                checks=[
                    (Problem(id=str(number), prompt=(), reference=row["reference"]), Completion(text=row["response"]))
                    for number, row in enumerate(pairs(source, shared))
                ],
                shifted=source == "core",
            ),
        )
    benchmark = get_benchmark("humaneval")
    yield (
        "programs",
        Work(
            verifier=get_verifier("code_tests", **getattr(benchmark, "verifier_options", {}).get("code_tests", {})),
            checks=[(problem, gold_completion(benchmark, problem)) for problem in benchmark.problems()],
        ),
    )


def check_all(pool: Any, work: Work, passes: int) -> list[Any]:
    """All verdicts, in order, with as many checks on their way as the pool can use."""
    waiting: deque[Future[Any]] = deque()
    verdicts = []
    for number in range(passes):
        shift = number if work.shifted else 0
        for index, (problem, _) in enumerate(work.checks):
            _, completion = work.checks[(index + shift) % len(work.checks)]
            waiting.append(pool.submit(work.verifier, problem, completion))
            while len(waiting) >= pool.outstanding:
                verdicts.append(waiting.popleft().result())
    return verdicts + [future.result() for future in waiting]


def measured(pool: Any, work: Work, passes: int) -> dict[str, Any]:
    """Figures of one kind."""
    check_all(pool, work, 1)
    cpu, started = time.process_time(), time.perf_counter()
    verdicts = check_all(pool, work, passes)
    seconds = time.perf_counter() - started
    return {
        "checks": len(verdicts),
        "seconds": seconds,
        "per_second": len(verdicts) / seconds,
        "caller_cpu_share": (time.process_time() - cpu) / seconds,
        "outcomes": Counter(verdict.outcome.value for verdict in verdicts),
        "scores": sum(verdict.score or 0.0 for verdict in verdicts),
    }


def main() -> None:
    where, cores, shared = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from assay.executors import open_executor
    from assay.verification import Pool
    from assay.verification.cluster import ClusterPool

    if where == "ray":
        import ray

        # Ray counts the cores of the machine, not those that it may use.
        ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False)
        pool: Pool = ClusterPool(open_executor("ray", gpus=0))
    else:
        pool = Pool(workers=cores)
    with pool:
        figures = {name: measured(pool, work, PASSES[name]) for name, work in kinds(shared)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
