"""`assay pipeline RECIPE`: what the command line asks of pipelines.

The core finds this module through the entry point group `assay.jobs` and calls `plan` (for `--dry-run`) or `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay_trainers.common.logs import as_yaml
from assay_trainers.pipeline.recipe import find_recipe, read_recipe
from assay_trainers.pipeline.running import run_pipeline, steps_of


def plan(source: str | Path, changes: Mapping[str, Any]) -> str:
    """The stages in order, whether their outputs are current, and their configurations; nothing is run."""
    recipe, folder = read_recipe(source, changes)
    lines = []
    for step in steps_of(recipe, folder):
        state = "current" if step.current else "begun" if step.record else "to do"
        measured = "" if step.evaluation is None else ", then evaluated"
        lines.append(f"{step.name}  ({step.stage.kind}, {state}{measured})  {step.folder}")
        lines += [f"    {line}" for line in as_yaml(step.config).splitlines()]
    return "\n".join(lines)


def run(source: str | Path, changes: Mapping[str, Any], show: Callable[[str], None]) -> bool:
    """Run a recipe; returns whether it came to its end (False: it was asked to stop).

    Args:
        source: A bundled recipe's name, or a YAML file.
        changes: Dotted fields over it; `variant` chooses one of its variants.
        show: Takes a line for the person who watches.
    """
    recipe, folder = read_recipe(source, changes)
    return run_pipeline(recipe, folder, find_recipe(str(source)).stem, show)
