"""The numbers of a run: its summary, or what its samples say so far.

A finished run has a summary, which is shown as it is. For one that goes on, or was written by a trainer, pass@1 and its
standard error are computed from the samples that are there; cons@k is not, because it needs the verifier.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.report.rows import metric_text, number, part
from assay.results import stored_summary
from assay.viewing.database import OURS, VERDICTS, Database
from assay.viewing.run import Run

_NORMAL_95 = 1.959964


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """What a table shows of a run; None is not known."""

    pass_1: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = "n/a"
    """pass@1 as in every other table."""
    others: Mapping[str, str] = field(default_factory=dict)
    """The other metrics of the summary, by name."""
    problems: int = 0
    samples: int = 0
    per_problem: int | None = None
    """Samples of a problem that were asked for."""
    planned: int | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    mean_tokens: float | None = None
    capped: float | None = None
    """Share that hit the token cap."""
    ours: int = 0
    """Samples that we failed to check."""
    provisional: bool = True
    """Computed from the samples that are there, not from a finished run's summary."""
    state: str = "partial"
    """complete, running, partial, broken."""

    @property
    def done(self) -> float | None:
        """Share of the planned samples."""
        return min(1.0, self.samples / self.planned) if self.planned else None


class Overview:
    """Numbers of runs, remembered until a run changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, tuple[int, Numbers]] = {}
        self._lock = threading.Lock()

    def numbers(self, runs: Sequence[Run]) -> dict[int, Numbers]:
        """The numbers of these runs, by run number. Raises `duckdb.Error` where a file is damaged."""
        with self._lock:
            stale = [run for run in runs if self._known.get(run.number, (-1,))[0] != run.version]
            versions = {run.number: run.version for run in stale}
            counted = self._count([run for run in stale if run.samples])
            for run in stale:
                self._known[run.number] = (versions[run.number], _numbers(run, counted.get(run.number, {})))
            return {run.number: self._known[run.number][1] for run in runs}

    def _count(self, runs: Sequence[Run]) -> dict[int, dict[str, Any]]:
        if not runs:
            return {}
        asked = ", ".join(f"({run.number}, {_per_problem(run) or 2**31 - 1})" for run in runs)
        counts = ", ".join(f"count(*) FILTER (verdict = '{verdict}') AS \"{verdict}\"" for verdict in VERDICTS)
        totals = ", ".join(f'sum("{verdict}") AS "{verdict}"' for verdict in VERDICTS)
        sql = f"""
            WITH counted AS (
                SELECT run, problem_id, count(*) AS samples, {counts}, sum(num_tokens) AS tokens,
                    count(num_tokens) AS with_tokens, count(*) FILTER (finish_reason = 'length') AS capped,
                    avg(CASE WHEN verdict NOT IN {OURS} THEN coalesce(score, 0) END) AS mean
                FROM {self._database.source(runs)} JOIN (VALUES {asked}) AS asked (number, n) ON run = number
                WHERE sample_index < n
                GROUP BY run, problem_id
            )
            SELECT run, count(*) AS problems, sum(samples) AS samples, {totals},
                sum(tokens) / sum(with_tokens) AS tokens, sum(capped) / sum(samples) AS capped,
                avg(mean) AS mean, var_samp(mean) AS variance, count(mean) AS graded
            FROM counted GROUP BY run
        """
        with self._database.cursor() as cursor:
            result = cursor.execute(sql)
            names = [column[0] for column in result.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        return {row["run"]: row for row in rows}


def _numbers(run: Run, counted: Mapping[str, Any]) -> Numbers:
    sessions = run.manifest.get("sessions")
    stored = stored_summary(run.folder, len(sessions)) if isinstance(sessions, list) else None
    samples = int(counted.get("samples") or 0)
    planned = run.session.get("planned_samples")
    facts: dict[str, Any] = {
        "problems": int(counted.get("problems") or 0),
        "samples": samples,
        "per_problem": _per_problem(run),
        "planned": planned if isinstance(planned, int) and planned > 0 else None,
        "verdicts": {name: int(counted[name]) for name in VERDICTS if counted.get(name)},
        "mean_tokens": counted.get("tokens"),
        "capped": counted.get("capped"),
        "ours": int((counted.get("error") or 0) + (counted.get("verifier_timeout") or 0)),
    }
    if stored is not None:
        metrics = part(stored, "metrics")
        first = part(metrics, "pass@1")
        return Numbers(
            **facts,
            pass_1=number(first.get("value")),
            error=number(first.get("se")),
            low=number(first.get("low")),
            high=number(first.get("high")),
            text=metric_text(first),
            others={str(name): metric_text(part(metrics, name)) for name in metrics if name != "pass@1"},
            provisional=False,
            state=_state(run, stored.get("complete") is True),
        )
    mean, variance, graded = counted.get("mean"), counted.get("variance"), counted.get("graded") or 0
    error = math.sqrt(variance / graded) if variance is not None and graded else None
    low = high = None
    if error is not None and mean is not None:
        low, high = max(0.0, mean - _NORMAL_95 * error), min(1.0, mean + _NORMAL_95 * error)
    return Numbers(
        **facts,
        pass_1=mean,
        error=error,
        low=low,
        high=high,
        text=metric_text({"value": mean, "se": error}),
        state=_state(run, bool(planned) and samples >= (facts["planned"] or 1) and not run.live),
    )


def _per_problem(run: Run) -> int | None:
    wanted = run.session.get("samples_per_problem")
    return wanted if isinstance(wanted, int) and 0 < wanted < 2**31 else None


def _state(run: Run, complete: bool) -> str:
    if run.broken:
        return "broken"
    if run.live and not complete:
        return "running"
    return "complete" if complete else "partial"
