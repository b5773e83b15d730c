"""`assay train METHOD CONFIG`: run a trainer on a configuration file.

The core imports no trainer. A trainer is a module named by an entry point of the group `assay.trainers`, with

    plan(source, changes) -> str              what the configuration would do, for --dry-run
    run(source, changes, show) -> bool        train; False where it was asked to stop before its end
"""

from __future__ import annotations

import importlib.metadata
from typing import Annotated, Any

import typer

from assay.cli.common import PluginOption, parse_pairs, prepare, stderr

GROUP = "assay.trainers"


def train(
    method: Annotated[str, typer.Argument(help="Which trainer: grpo or sft.", show_default=False)],
    config: Annotated[str, typer.Argument(help="YAML file; see docs/training.md and docs/sft.md.", show_default=False)],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the file: rollout.group=8. Repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and train nothing.")] = False,
    plugin: PluginOption = None,
) -> None:
    """Train a model, on rewards (grpo) or on rows (sft); the same command resumes a run that was stopped."""
    import logging

    trainer = _find(method)
    prepare(plugin=plugin)
    changes = parse_pairs(set_, "--set")
    if dry_run:
        typer.echo(trainer.plan(config, changes))
        return
    console = stderr()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.getLogger("assay").addHandler(handler)
    finished = trainer.run(config, changes, lambda line: console.print(line, markup=False, highlight=False))
    if not finished:
        raise typer.Exit(130)


def _find(method: str) -> Any:
    """The trainer's module. Raises `UsageError` for an unknown one, `PluginError` where it does not import."""
    from assay.errors import PluginError, UsageError, did_you_mean

    found = {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}
    if method not in found:
        raise UsageError(f"there is no trainer {method!r}. " + did_you_mean(method, sorted(found)))
    try:
        return found[method].load()
    except ImportError as error:
        raise PluginError(
            f"the trainer {method!r} cannot be imported: {error}. Its packages come with pip install 'assay[train]'"
        ) from error
