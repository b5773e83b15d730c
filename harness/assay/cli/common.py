"""What several commands share: options, and where output goes.

Results go to standard output, everything else (progress, warnings, notices) to standard error, so that
`--json` can be piped.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from assay.executors import Executor
    from assay.results import RunResult
    from assay.verification import Pool

DataOption = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="Folder with benchmark data, before every other place.")
]
PluginOption = Annotated[
    list[str] | None, typer.Option("--plugin", metavar="FILE", help="Load a plugin from a Python file. Repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, for machines.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Verification processes; default: one a core, at most 16.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--verify-timeout", min=0.01, metavar="SECONDS", help="Deadline of one check.")
]
ExecutorOption = Annotated[
    str,
    typer.Option(
        "--executor", metavar="WHERE", help="local: on this machine; ray, ray:ADDRESS: in tasks on a Ray cluster."
    ),
]


def prepare(data: str | None = None, plugin: list[str] | None = None) -> None:
    """Apply the options that most commands share, before anything is looked up by name."""
    if data is not None:
        from assay.data import set_data_dir

        set_data_dir(data)
    if plugin:
        from assay.plugins import load_plugin

        for path in plugin:
            load_plugin(path)


def parse_pairs(pairs: list[str] | None, option: str) -> dict[str, Any]:
    """Turn `-o name=value` options into a dict; values that are JSON become what they say."""
    import json

    parsed: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} takes NAME=VALUE, got {pair!r}")
        try:
            parsed[name] = json.loads(value)
        except ValueError:
            parsed[name] = value
    return parsed


def parse_dotted_pairs(pairs: list[str] | None, option: str) -> dict[str, dict[str, Any]]:
    """Turn `verifier.name=value` options into a dict of dicts."""
    parsed: dict[str, dict[str, Any]] = {}
    for dotted, value in parse_pairs(pairs, option).items():
        verifier, dot, name = dotted.partition(".")
        if not dot or not verifier or not name:
            raise UsageError(
                f"{option} takes VERIFIER.NAME=VALUE, such as boxed_math.extraction=strict; got {dotted!r}"
            )
        parsed.setdefault(verifier, {})[name] = value
    return parsed


def open_pool(workers: int | None, timeout: float | None, executor: str = "local") -> Pool:
    """The verification pool that `--workers`, `--verify-timeout` and, for checks on a cluster, `--executor` ask for."""
    from assay.verification import Pool

    given: dict[str, Any] = {"workers": workers, "timeout": timeout}
    given = {name: value for name, value in given.items() if value is not None}
    if executor == "local":
        return Pool(**given)
    from assay.executors import open_executor
    from assay.verification.cluster import ClusterPool

    opened = open_executor(executor, gpus=0)
    try:
        return ClusterPool(opened, **given)
    except BaseException:
        opened.close()
        raise


def open_cluster(executor: str, options: Mapping[str, Any]) -> AbstractContextManager[Executor | None]:
    """The executor that `--executor` asks for, to be closed; None where everything is drawn in this process.

    `options`: of the backend, which say how many GPUs an engine takes.
    """
    if executor == "local":
        return nullcontext()
    from assay.executors import open_executor
    from assay.sharding import gpus_of

    return open_executor(executor, gpus=gpus_of(options))


def read_runs(places: list[str], *, training: bool = False) -> tuple[list[RunResult], int]:
    """The runs at or below some folders, and how many of them cannot be read, which is said on standard error.

    `training`: folders without a run are no mistake, since they may hold training runs alone.
    """
    from pathlib import Path

    from assay.errors import AssayError, StoreError
    from assay.results import find_runs, load_result

    folders: dict[Path, None] = {}
    for place in places:
        try:
            folders |= dict.fromkeys(find_runs([place]))
        except StoreError:
            if not (training and Path(place).is_dir()):
                raise
    results, damaged = [], 0
    for folder in folders:
        try:
            results.append(load_result(folder))
        except AssayError as error:
            damaged += 1
            print(f"assay: left out: {error}", file=sys.stderr)
    return results, damaged


def stderr() -> Console:
    """The console for everything that is not a result."""
    from rich.console import Console

    # The stream is named, so that silencing a noisy library for a moment does not silence us.
    return Console(file=sys.stderr, soft_wrap=True)


def stdout() -> Console:
    """The console for results. Piped output is not squeezed into 80 columns."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=120)


def print_json(value: Any) -> None:
    """Print a value as indented JSON to standard output; nan and infinities become null."""
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n")
