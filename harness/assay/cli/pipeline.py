"""`assay pipeline RECIPE`: several stages of training and sampling (see `assay.cli.jobs`)."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import PluginOption
from assay.cli.jobs import DryRunOption, SetOption, run_job


def pipeline(
    recipe: Annotated[
        str, typer.Argument(help="A bundled recipe, or a YAML file; see docs/pipelines.md.", show_default=False)
    ],
    set_: SetOption = None,
    dry_run: DryRunOption = False,
    plugin: PluginOption = None,
) -> None:
    """Run a recipe stage by stage, evaluating after each; stages whose outputs are current are skipped."""
    run_job("assay.jobs", "pipeline", recipe, changes=set_, dry_run=dry_run, plugin=plugin)
