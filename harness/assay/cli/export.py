"""`assay export FORMAT RUN…`: results for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import PluginOption, prepare, read_runs
from assay.errors import UsageError, did_you_mean
from assay.exports import FORMATS

if TYPE_CHECKING:
    from assay.results import RunResult

_HELP = "What to write. " + "; ".join(f"{name}: {what}" for name, what in FORMATS.items()) + "."


def export(
    kind: Annotated[str, typer.Argument(metavar="FORMAT", help=_HELP, show_default=False)],
    runs: Annotated[
        list[str] | None, typer.Argument(help="Run folders, or folders that hold some. Default: results/runs")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="File or folder. Tables go to standard output without it."),
    ] = None,
    plugin: PluginOption = None,
) -> None:
    """Write results for other programs: samples, tables, a model card, TensorBoard, W&B, Inspect logs."""
    if kind not in FORMATS:
        raise UsageError(f"there is no format {kind!r}. " + did_you_mean(kind, list(FORMATS)))
    prepare(plugin=plugin)
    places = runs or ["results/runs"]
    results, damaged = read_runs(places, training=kind in ("tensorboard", "wandb"))
    _write(kind, results, places, out)
    if damaged:
        raise typer.Exit(1)


def _write(kind: str, results: list[RunResult], places: list[str], out: Path | None) -> None:
    if kind in ("csv", "markdown", "latex", "model-card"):
        _write_table(kind, results, out)
        return
    if out is None:
        raise UsageError(f"--out is missing: {kind} writes a {'file' if kind in ('parquet', 'jsonl') else 'folder'}")
    if kind in ("parquet", "jsonl"):
        from assay.exports.samples import write_jsonl, write_parquet

        count = (write_parquet if kind == "parquet" else write_jsonl)(results, out)
        print(f"wrote {count:,} samples of {len(results)} runs to {out}", file=sys.stderr)
    elif kind == "inspect":
        from assay.exports.inspect_log import write_inspect

        for result in results:
            print(f"wrote {write_inspect(result, out)}", file=sys.stderr)
    else:
        from assay.exports import scalars
        from assay.exports.boards import write_tensorboard, write_wandb

        points = scalars(results, places)
        count = write_tensorboard(points, out) if kind == "tensorboard" else write_wandb(points, out)
        print(f"wrote {count:,} points to {out}", file=sys.stderr)


def _write_table(kind: str, results: list[RunResult], out: Path | None) -> None:
    from assay.exports.tables import to_latex, to_model_card
    from assay.report import markdown_report, to_csv
    from assay.runs.manifest import write_text

    render = {"csv": to_csv, "markdown": markdown_report, "latex": to_latex, "model-card": to_model_card}[kind]
    text = render([result.row() for result in results])
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
        print(f"wrote {out}", file=sys.stderr)
