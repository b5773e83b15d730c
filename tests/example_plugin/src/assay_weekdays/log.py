"""Listeners: one JSON line for each event of a run or a training, in the file that ASSAY_WEEKDAYS_LOG names.

They are called where the work is done, so they are quick. One that raises is logged by Assay and stops nobody. An
implementation leaves out the arguments that it does not need.
"""

import json
import os

import assay


def _write(event, **fields):
    if path := os.environ.get("ASSAY_WEEKDAYS_LOG"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **fields}) + "\n")


@assay.hookimpl
def run_started(total, done):
    """A run begins, or goes on where `done` is not 0."""
    _write("run_started", total=total, done=done)


@assay.hookimpl
def sample_recorded(problem, sample_index, verdict):
    """A sample with its verdict is in the store."""
    _write("sample_recorded", problem=problem.id, sample=sample_index, outcome=verdict.outcome, score=verdict.score)


@assay.hookimpl
def run_finished(summary):
    """A run is complete."""
    _write("run_finished", metrics={name: metric["value"] for name, metric in summary["metrics"].items()})


@assay.hookimpl
def training_step(step, metrics):
    """A trainer finished an optimizer step."""
    _write("training_step", step=step, metrics=dict(metrics))
