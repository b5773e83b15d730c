"""`assay rescore RUN…`: check stored completions with the installed verifiers and list what flipped."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import (
    DataOption,
    ExecutorOption,
    JsonOption,
    PluginOption,
    TimeoutOption,
    WorkersOption,
    open_pool,
    prepare,
    print_json,
    stderr,
    stdout,
)


def rescore(
    runs: Annotated[list[str], typer.Argument(help="Run folders, or folders that hold some.", show_default=False)],
    force: Annotated[
        bool, typer.Option(help="Also samples that the installed verifier version has already checked.")
    ] = False,
    data: DataOption = None,
    plugin: PluginOption = None,
    executor: ExecutorOption = "local",
    workers: WorkersOption = None,
    verify_timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run today's verifier over stored completions; nothing is generated."""
    from dataclasses import asdict

    from assay.report import results_table
    from assay.rescore import rescore as rescore_run
    from assay.results import find_runs

    prepare(data, plugin)
    console = stderr()
    rows, report = [], []
    with open_pool(workers, verify_timeout, executor) as pool:
        for folder in find_runs(runs):
            result, flips = rescore_run(folder, force=force, pool=pool)
            rows.append(result.row())
            report.append({**result.row(), "flips": [asdict(flip) for flip in flips]})
            for notice in result.notices:
                console.print(f"note: {notice}", markup=False)
            if not as_json:
                stdout().print(f"{folder}: {len(flips)} verdicts flipped", markup=False, soft_wrap=True)
                for flip in flips:
                    stdout().print(
                        f"  {flip.problem_id} #{flip.sample_index}: {flip.before} -> {flip.after}  "
                        f"[{flip.extracted}] {flip.reason}",
                        markup=False,
                        highlight=False,
                        soft_wrap=True,
                    )
    if as_json:
        print_json(report)
    else:
        stdout().print(results_table(rows))
