"""What each kind of stage does, and what it leaves behind for the next ones.

| kind        | runs                                    | `{name}` stands for                     |
|-------------|-----------------------------------------|-----------------------------------------|
| `sft`       | `assay train sft`                       | the trained model (`final`)             |
| `grpo`      | `assay train grpo`                      | the trained model (`final`)             |
| `sample`    | `assay sample`                          | the folder with rows.parquet            |
| `synthetic` | `assay_trainers.pipeline.synthetic`     | the folder with a model and its problems |

All of them go on where they were stopped or killed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay_trainers.common.logs import write_config
from assay_trainers.pipeline.launching import launch as launch_stage

TRAINS = frozenset({"sft", "grpo"})
"""Kinds that make a model."""


def result_of(kind: str, folder: Path) -> Path:
    """What `{name}` stands for once the stage is done."""
    return folder / "final" if kind in TRAINS else folder


def run_stage(
    kind: str, config: Mapping[str, Any], folder: Path, *, launch: str | None, show: Callable[[str], None]
) -> bool:
    """Run a stage to its end; False where it was asked to stop.

    Args:
        kind: Of the stage.
        config: Every reference replaced.
        folder: Its own.
        launch: How its processes are started.
        show: Takes a line for the person who watches.
    """
    file = folder / "stage.yaml"
    values = {**config, "output": str(folder)}
    write_config(file, values)
    if kind in TRAINS and launch is not None:
        return launch_stage(launch, kind, file)
    if kind in TRAINS:
        return _train_here(kind, file, show)
    if kind == "sample":
        from assay_trainers.sampling import command as sampling

        return sampling.run(file, {}, show)
    from assay_trainers.pipeline import synthetic

    synthetic.make(values)
    return True


def _train_here(kind: str, file: Path, show: Callable[[str], None]) -> bool:
    from accelerate.state import AcceleratorState

    from assay_trainers.grpo import command as grpo
    from assay_trainers.sft import command as sft

    # accelerate keeps one state a process, and refuses a second stage whose precision or device differs.
    AcceleratorState._reset_state(reset_partial_state=True)
    finished: bool = (sft if kind == "sft" else grpo).run(file, {}, show)
    return finished


def plan_stage(kind: str, config: Mapping[str, Any], folder: Path) -> None:
    """Check a stage's configuration without reading its inputs. Raises `UsageError`."""
    values = {**config, "output": str(folder)}
    if kind == "sft":
        from assay_trainers.sft.config import read_config as read_sft

        read_sft(values)
    elif kind == "grpo":
        from assay_trainers.grpo.config import read_config as read_grpo

        read_grpo(values)
    elif kind == "sample":
        from assay_trainers.sampling.config import read_config as read_sample

        read_sample(values)
    else:
        from assay_trainers.pipeline.synthetic import read_config as read_synthetic

        read_synthetic(values)


def amount_of(kind: str, folder: Path) -> str:
    """How much a finished stage did: steps, or rows of samples."""
    if kind in TRAINS:
        last = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
        return f"{json.loads(last)['step']} steps"
    if kind == "sample":
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return f"{report['kept']} rows of {report['drawn']} samples"
    return ""
