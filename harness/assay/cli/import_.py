"""`assay import swe-bench|aider`: results of official runners as runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, print_json, stdout

if TYPE_CHECKING:
    from assay.results import RunResult

app = typer.Typer(help="Take the results of official runners into a run: SWE-bench, Aider.", no_args_is_help=True)

OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Where run folders go.")]
ModelOption = Annotated[str | None, typer.Option(help="The model's name. Default: what the results say.")]


@app.command("swe-bench")
def swe_bench(
    report: Annotated[Path, typer.Argument(help="The report of run_evaluation: MODEL.RUN_ID.json.")],
    predictions: Annotated[
        Path | None, typer.Option(help="The predictions that were evaluated, to keep the patches with the run.")
    ] = None,
    model: ModelOption = None,
    out: OutOption = Path("results/runs"),
    as_json: JsonOption = False,
) -> None:
    """Import a report of SWE-bench's runner: resolved, unresolved, empty patches and errors told apart."""
    from assay.interop.official_results import import_swe_bench

    _show(import_swe_bench(report, out, model=model, predictions=predictions), as_json)


@app.command("aider")
def aider(
    folder: Annotated[Path, typer.Argument(help="A folder that Aider's benchmark wrote.")],
    model: ModelOption = None,
    out: OutOption = Path("results/runs"),
    as_json: JsonOption = False,
) -> None:
    """Import the results of Aider's polyglot benchmark."""
    from assay.interop.official_results import import_aider

    _show(import_aider(folder, out, model=model), as_json)


def _show(result: RunResult, as_json: bool) -> None:
    if as_json:
        print_json([result.row()])
        return
    from assay.report import results_table

    stdout().print(results_table([result.row()]))
    stdout().print(f"report: {result.path / 'report.md'}", markup=False, soft_wrap=True)
