"""What a sweep still has to draw, and how long that takes at the rate measured so far.

Nothing is generated: each checkpoint is opened (its files are hashed, its tokenizer read once), its samples are
planned, and those already stored are counted. Tokens are estimated by the mean length of the samples that are stored
for the same benchmark, in runs of this sweep or others in the folder; where there are none, the token cap is the
bound. The rate is that of the stored runs: samples' tokens over the time between the start of a session and its last
sample, loading included. Where nothing was ever measured, no time is given.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.contracts import Backend
from assay.errors import AssayError
from assay.plan import Overrides, make_plan
from assay.results import find_runs
from assay.runs.manifest import load_manifest, run_folder
from assay.runs.store import JOURNAL, SEALED, SampleStore
from assay.types import FinishReason


@dataclass(frozen=True, kw_only=True, slots=True)
class CellPlan:
    """One benchmark with one setting on one checkpoint."""

    url: str
    benchmark: str
    setting: int
    """Number of the setting."""
    problems: int
    samples: int
    """Samples in all."""
    missing: int
    """Of these, samples that are still to be drawn (or drawn again)."""
    max_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What stored runs say about lengths and speed."""

    mean_tokens: dict[str, float]
    """By benchmark."""
    tokens_per_second: float | None
    samples_per_second: float | None
    """For models that do not count tokens."""


def plan_cells(
    backend: Backend, benchmarks: Sequence[str], overrides: Sequence[Overrides], out: Path
) -> list[CellPlan]:
    """Plan one checkpoint. Raises what `make_plan` raises."""
    cells = []
    for number, override in enumerate(overrides):
        for benchmark in benchmarks:
            plan = make_plan(backend, benchmark, override)
            cells.append(
                CellPlan(
                    url=backend.url,
                    benchmark=plan.benchmark.name,
                    setting=number,
                    problems=len({sample.problem.id for sample in plan.planned}),
                    samples=len(plan.planned),
                    missing=_missing(run_folder(out, plan.identity), {sample.request.key for sample in plan.planned}),
                    max_tokens=plan.identity.sampling.max_tokens,
                )
            )
    return cells


def measure(out: Path) -> Measured:
    """Read lengths and speed off the runs that are stored in a folder; damaged ones are passed over."""
    lengths: dict[str, list[float]] = {}
    tokens = samples = 0
    seconds = 0.0
    for folder in _runs(out):
        try:
            manifest, rows = load_manifest(folder), list(_times(folder))
        except AssayError:
            continue
        counted = [number for _, number in rows if number is not None]
        if counted:
            lengths.setdefault(str(manifest["benchmark"]), []).append(sum(counted) / len(counted))
        spent = _seconds(manifest, [at for at, _ in rows])
        seconds += spent
        if spent:
            tokens, samples = tokens + sum(counted), samples + len(rows)
    return Measured(
        mean_tokens={name: sum(means) / len(means) for name, means in lengths.items()},
        tokens_per_second=tokens / seconds if seconds and tokens else None,
        samples_per_second=samples / seconds if seconds and samples else None,
    )


def expected_tokens(cell: CellPlan, measured: Measured) -> float:
    """Tokens that a cell will take; the cap's bound where no length was measured."""
    return cell.missing * min(measured.mean_tokens.get(cell.benchmark, cell.max_tokens), cell.max_tokens)


def expected_seconds(cells: Iterable[CellPlan], measured: Measured) -> float | None:
    """Seconds that cells will take; None where nothing was measured, or a benchmark's lengths were not."""
    todo = [cell for cell in cells if cell.missing]
    if not todo:
        return 0.0
    if measured.tokens_per_second and all(cell.benchmark in measured.mean_tokens for cell in todo):
        return sum(expected_tokens(cell, measured) for cell in todo) / measured.tokens_per_second
    if measured.samples_per_second and not measured.tokens_per_second:
        return sum(cell.missing for cell in todo) / measured.samples_per_second
    return None


def _missing(folder: Path, keys: set[str]) -> int:
    if not folder.is_dir():
        return len(keys)
    with SampleStore.open(folder) as store:
        stored = (store.rows.get(key) for key in keys)
        return sum(row is None or row.finish_reason is FinishReason.ERROR for row in stored)


def _runs(out: Path) -> list[Path]:
    try:
        return find_runs([out])
    except AssayError:
        return []


def _times(folder: Path) -> Iterable[tuple[float, int | None]]:
    """When each stored sample was recorded, and its tokens."""
    from assay.runs import journal, sealed

    if (folder / SEALED).exists():
        for row in sealed.read(folder / SEALED, columns=["recorded_at", "num_tokens"]):
            yield row["recorded_at"], row["num_tokens"]
    for _, record in journal.read(folder / JOURNAL):
        yield record.recorded_at, record.completion.num_tokens


def _seconds(manifest: dict[str, Any], recorded: Sequence[float]) -> float:
    """Time that the sessions took up to the last sample of each."""
    starts = sorted(_epoch(str(session.get("started"))) for session in manifest["sessions"])
    total = 0.0
    for start, end in zip(starts, [*starts[1:], float("inf")], strict=True):
        within = [at for at in recorded if start <= at < end]
        total += max(within) - start if within else 0.0
    return total


def _epoch(stamp: str) -> float:
    try:
        from datetime import datetime

        return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return time.time()
