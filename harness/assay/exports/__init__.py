"""Results for other programs: `assay export FORMAT RUN…`.

    samples     parquet, jsonl            every sample of the runs, with what run it is of
    tables      csv, markdown, latex      a row a run, as `assay report` shows it
    model card  model-card                the `model-index` block of a Hugging Face model card
    curves      tensorboard, wandb        scores by training step, and the steps of training runs
    logs        inspect                   one log a run, which `inspect view` opens

What a format cannot hold is said in the module that writes it. Samples are streamed, except into an Inspect log, whose
library wants all of a run's at once. Packages of others (tensorboard, wandb, inspect-ai) are imported by their format
only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.errors import UsageError
from assay.results import RunResult
from assay.runs.records import Record
from assay.runs.store import SampleStore

FORMATS = {
    "parquet": "every sample, one file",
    "jsonl": "every sample, one file",
    "csv": "the table",
    "markdown": "the table, explained",
    "latex": "the table, for booktabs",
    "model-card": "results block of a Hugging Face model card",
    "tensorboard": "scores by training step, and training runs; a folder",
    "wandb": "the same for Weights & Biases, offline; a folder",
    "inspect": "logs that `inspect view` opens; a folder",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scalar:
    """One point of a curve."""

    series: str
    """What it is a curve of: a model, or a training run."""
    tag: str
    """Such as "aime24/pass@1"."""
    step: int
    value: float


def counted_records(result: RunResult) -> Iterator[Record]:
    """The samples that a run's summary counts, by problem and sample index."""
    session = result.manifest["sessions"][-1]
    samples, wanted = session["samples_per_problem"], session["problem_ids"]
    asked = None if wanted is None else set(wanted)
    with SampleStore.open(result.path) as store:
        rows = [
            row
            for row in store.rows.values()
            if row.sample_index < samples and (asked is None or row.problem_id in asked)
        ]
        rows.sort(key=lambda row: (row.problem_id, row.sample_index))
        yield from store.records(row.key for row in rows)


def scalars(results: Sequence[RunResult], training: Sequence[str | Path] = ()) -> Iterator[Scalar]:
    """Every metric and rate of the runs at their training step (0 for what is no checkpoint), and of training runs."""
    from assay.report.page.training import find_training_runs
    from assay.report.rows import number
    from assay.steps import step_of

    for result in results:
        series, step = step_of(str(result.manifest["model"]))
        benchmark = str(result.manifest["benchmark"])
        values: dict[str, Any] = {name: metric["value"] for name, metric in result.summary["metrics"].items()}
        values |= result.summary["rates"]
        for name, value in values.items():
            known = number(value)
            if known is not None:
                yield Scalar(series=series, tag=f"{benchmark}/{name}", step=step or 0, value=known)
    for run in find_training_runs(training):
        for row in run.rows:
            for name, value in row.items():
                if name != "step":
                    yield Scalar(series=run.name, tag=f"training/{name}", step=int(row["step"]), value=value)


def require(package: str, extra: str) -> ModuleType:
    """Import a package of others. Raises `UsageError` naming the extra that brings it."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UsageError(f"this format needs {package}: pip install 'assay[{extra}]' ({error})") from error
