"""`assay report RUN…`: one table over any number of runs, finished or not, and a page of figures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import JsonOption, PluginOption, prepare, print_json, read_runs, stdout
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.results import RunResult


def report(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Run folders, or folders that hold some. Default: results/runs")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table with a legend.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page with figures.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write every figure as SVG, PNG and CSV.")
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL,…",
            help="Show these models' published scores beside the measured ones; none: not even those of the same name.",
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Heading of the page.")] = "Assay report",
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the results of runs: a table in the terminal, JSON, CSV, Markdown, or an HTML page with figures."""
    from assay.report import markdown_report, results_table, to_csv

    if as_csv + as_markdown + as_json + (html is not None or figures is not None) > 1:
        raise UsageError("choose one of --json, --csv, --markdown and --html")
    prepare(plugin=plugin)
    places = runs or ["results/runs"]
    results, damaged = read_runs(places, training=html is not None or figures is not None)
    rows = _beside_published([result.row() for result in results], published)
    if html is not None or figures is not None:
        beside = [row for row in rows if row.get("published")]
        damaged += _write_page(results, places, html, figures, title, beside)
    elif as_json:
        print_json(rows)
    elif as_csv:
        sys.stdout.write(to_csv(rows))
    elif as_markdown:
        sys.stdout.write(markdown_report(rows))
    else:
        stdout().print(results_table(rows))
    if damaged:
        raise typer.Exit(1)


def _beside_published(rows: list[dict[str, Any]], asked: str | None) -> list[Mapping[str, Any]]:
    """The rows with published scores among them."""
    from assay.published import with_published

    if asked is not None and asked.strip().lower() == "none":
        return list(rows)
    return with_published(rows, [name.strip() for name in (asked or "").split(",") if name.strip()])


def _write_page(
    results: list[RunResult],
    places: list[str],
    html: Path | None,
    figures: Path | None,
    title: str,
    published: list[Mapping[str, Any]],
) -> int:
    """Write the page and the figures; returns how many runs were left out."""
    from assay.report.page import build_page

    page = build_page(results, training=places, title=title, published=published)
    page.write(html, figures)
    for why in page.left_out:
        print(f"assay: left out: {why}", file=sys.stderr)
    for written in (html, figures):
        if written is not None:
            print(f"wrote {written}", file=sys.stderr)
    return len(page.left_out)
