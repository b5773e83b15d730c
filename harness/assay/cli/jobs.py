"""Running what a configuration file describes: trainers, rejection sampling, pipelines.

The core imports none of them. Each is a module named by an entry point, with

    plan(source, changes) -> str              what the configuration would do, for --dry-run
    run(source, changes, show) -> bool        do it; False where it was asked to stop before its end
"""

from __future__ import annotations

import importlib.metadata
from typing import Annotated, Any

import typer

from assay.cli.common import parse_pairs, prepare, stderr

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the file, dotted: a.b=8. Repeatable."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")]


def run_job(
    group: str, name: str, config: str, *, changes: list[str] | None, dry_run: bool, plugin: list[str] | None
) -> None:
    """Find a job by entry point and run it on a file; exit code 130 where it was asked to stop."""
    import logging

    job = find_job(group, name)
    prepare(plugin=plugin)
    parsed = parse_pairs(changes, "--set")
    if dry_run:
        typer.echo(job.plan(config, parsed))
        return
    console = stderr()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.getLogger("assay").addHandler(handler)
    finished = job.run(config, parsed, lambda line: console.print(line, markup=False, highlight=False))
    if not finished:
        raise typer.Exit(130)


def find_job(group: str, name: str) -> Any:
    """The job's module. Raises `UsageError` for an unknown one, `PluginError` where it does not import."""
    from assay.errors import PluginError, UsageError, did_you_mean

    found = {entry.name: entry for entry in importlib.metadata.entry_points(group=group)}
    what = group.removeprefix("assay.").removesuffix("s")
    if name not in found:
        raise UsageError(f"there is no {what} {name!r}. " + did_you_mean(name, sorted(found)))
    try:
        return found[name].load()
    except ImportError as error:
        raise PluginError(
            f"the {what} {name!r} cannot be imported: {error}. Its packages come with pip install 'assay[train]'"
        ) from error
