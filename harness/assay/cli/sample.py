"""`assay sample CONFIG`: rejection sampling (see `assay.cli.jobs`)."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import PluginOption
from assay.cli.jobs import DryRunOption, SetOption, run_job


def sample(
    config: Annotated[str, typer.Argument(help="YAML file; see docs/sft.md.", show_default=False)],
    set_: SetOption = None,
    dry_run: DryRunOption = False,
    plugin: PluginOption = None,
) -> None:
    """Draw samples from a model, verify them, and keep the right and well-made ones as training rows."""
    run_job("assay.jobs", "sample", config, changes=set_, dry_run=dry_run, plugin=plugin)
