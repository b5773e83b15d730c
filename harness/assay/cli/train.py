"""`assay train METHOD CONFIG`: run a trainer on a configuration file (see `assay.cli.jobs`)."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import PluginOption
from assay.cli.jobs import DryRunOption, SetOption, run_job

GROUP = "assay.trainers"


def train(
    method: Annotated[str, typer.Argument(help="Which trainer: grpo or sft.", show_default=False)],
    config: Annotated[str, typer.Argument(help="YAML file; see docs/training.md and docs/sft.md.", show_default=False)],
    set_: SetOption = None,
    dry_run: DryRunOption = False,
    plugin: PluginOption = None,
) -> None:
    """Train a model, on rewards (grpo) or on rows (sft); the same command resumes a run that was stopped."""
    run_job(GROUP, method, config, changes=set_, dry_run=dry_run, plugin=plugin)
