"""`assay compare A B …`: is one run better than another, by how much, and is that noise?"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import JsonOption, PluginOption, prepare, print_json, stderr, stdout
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.comparing import Comparison


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="A B…",
            help="Run folders, or folders of runs (a model's). The first is compared with each of the others.",
            show_default=False,
        ),
    ],
    metric: Annotated[str, typer.Option(help="pass@k or cons@k, such as cons@16 or cons@n.")] = "pass@1",
    every_pair: Annotated[bool, typer.Option("--all-pairs", help="Compare each with every other.")] = False,
    allow_different: Annotated[
        str | None,
        typer.Option(metavar="WHAT,…", help="Compare although these differ: revision, prompt, verifier."),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Confidence level of the intervals.")] = 0.95,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs problem by problem: difference, interval, p-value, problems won and lost.

    An asterisk marks p < 0.01 (the bold of the DeepSeek-R1 reports), corrected for all comparisons made at once.
    """
    from assay.comparing import compare_all
    from assay.results import find_runs, load_result

    if as_csv + as_markdown + as_json > 1:
        raise UsageError("choose one of --json, --csv and --markdown")
    prepare(plugin=plugin)
    groups = [[load_result(folder) for folder in find_runs([each])] for each in runs]
    allowed = [name.strip() for name in (allow_different or "").split(",") if name.strip()]
    found = compare_all(groups, metric=metric, allow=allowed, every_pair=every_pair, level=level)
    rows = _rows(found, level)
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(rows)
    else:
        _print_table(rows, level, markdown=as_markdown)
        for line in _advice(found):
            (stderr() if as_markdown else stdout()).print(line, markup=False)


def _rows(found: list[Comparison], level: float) -> list[dict[str, Any]]:
    from assay.report.text import short_names

    names = short_names([str(run.manifest["model"]) for each in found for run in (each.a, each.b)])
    if len(set(names.values())) == 1:  # the same model, sampled in two ways
        paths = short_names([str(Path(run.path)) for each in found for run in (each.a, each.b)])
        names = {}
    rows = []
    for each in found:
        different = each.difference
        a, b = (names.get(str(run.manifest["model"])) or paths[str(Path(run.path))] for run in (each.a, each.b))
        rows.append(
            {
                "benchmark": str(each.a.manifest["benchmark"]),
                "metric": each.metric,
                "a": a,
                "b": b,
                "value_a": each.value_a,
                "value_b": each.value_b,
                "difference": different.diff,
                "se": different.se,
                "low": different.low,
                "high": different.high,
                "level": level,
                "p": different.p,
                "p_holm": each.p_holm,
                "p_method": different.p_method,
                "significant": each.marked,
                "problems": different.num_problems,
                "won": different.won,
                "lost": different.lost,
                "tied": different.tied,
                "sampling_share": different.sampling_share,
                "se_limit": different.se_limit,
                "notes": list(each.notes),
                "path_a": str(each.a.path),
                "path_b": str(each.b.path),
            }
        )
    return rows


def _print_csv(rows: list[dict[str, Any]]) -> None:
    from assay.report.text import csv_text, escape_controls

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        texts = {**row, "notes": "; ".join(row["notes"]), "significant": str(row["significant"]).lower()}
        writer.writerow(
            [csv_text(escape_controls(value)) if isinstance(value, str) else _csv(value) for value in texts.values()]
        )


def _csv(value: Any) -> str:
    return "n/a" if isinstance(value, float) and math.isnan(value) else repr(value)


def _print_table(rows: list[dict[str, Any]], level: float, *, markdown: bool) -> None:
    header = ["benchmark", "A", "B", rows[0]["metric"], "A - B", f"{100 * level:.3g}% interval", "p", "won–lost–tied"]
    several = len(rows) > 1
    if several:
        header.insert(7, "p (Holm)")
    lines = []
    for row in rows:
        mark = " *" if row["significant"] else ""
        line = [
            row["benchmark"], row["a"], row["b"], f"{_share(row['value_a'])} – {_share(row['value_b'])}",
            f"{_signed(row['difference'])}{mark}", f"{_signed(row['low'])} … {_signed(row['high'])}", _p(row["p"]),
            f"{row['won']}–{row['lost']}–{row['tied']}",
        ]  # fmt: skip
        if several:
            line.insert(7, _p(row["p_holm"]))
        lines.append(line)
    if markdown:
        _print_markdown(header, lines, rows)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from assay.report.text import visible

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(header):
        table.add_column(Text(name), justify="left" if number < 3 else "right", overflow="fold")
    for line in lines:
        table.add_row(*(Text(visible(cell)) for cell in line))
    stdout().print(table)
    for note in _notes(rows):
        stdout().print(note, markup=False, soft_wrap=True)
    stdout().print(_LEGEND + (" Holm: corrected for all comparisons shown." if several else ""), style="dim")


_LEGEND = (
    "A - B: mean difference over the shared problems. p: exact sign-flip test over problems, or Student's where there "
    "are too many. *: p < 0.01. won: problems on which A scores higher."
)


def _print_markdown(header: list[str], lines: list[list[str]], rows: list[dict[str, Any]]) -> None:
    from assay.report.text import markdown_text, visible

    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for line in lines:
        print("| " + " | ".join(markdown_text(visible(cell)) for cell in line) + " |")
    print()
    for note in _notes(rows):
        print(f"- {markdown_text(note)}")


def _notes(rows: list[dict[str, Any]]) -> list[str]:
    from assay.report.text import visible

    return [
        f"{visible(row['benchmark'])}, {visible(row['a'])} – {visible(row['b'])}: {visible('; '.join(row['notes']))}."
        for row in rows
        if row["notes"]
    ]


def _advice(found: list[Comparison]) -> list[str]:
    """Whether more samples of the same problems would help, of each comparison that is not clear."""
    lines = []
    for each in found:
        share, se, limit = (each.difference.sampling_share, each.difference.se, each.difference.se_limit)
        if each.marked or math.isnan(share):
            continue
        lines.append(
            f"{each.a.manifest['benchmark']}: sampling makes {100 * share:.0f}% of the noise; more samples of these "
            f"problems take ±{se:.3f} to ±{limit:.3f} at best, the rest needs more problems (assay power)."
        )
    return lines


def _share(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:+.3f}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "n/a"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
