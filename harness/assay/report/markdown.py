"""The Markdown report of a run's folder: the table, how it was measured, what its columns mean, the caveats."""

from __future__ import annotations

from collections.abc import Sequence

from assay.report.caveats import caveats, labels, shared_caveats, verifier_text
from assay.report.figures import figures_of
from assay.report.rows import NOT_ASKED, NOT_DEFINED, Record, TableRow, other_metrics, table_rows
from assay.report.text import markdown_text, visible

_LEGEND = """\
- **n**: problems × samples of each that were asked for.
- **pass@1**: mean score of a problem's samples, then mean over problems. **pass@k**: chance that at least one of k
  samples is right (unbiased). **cons@k**: score of the answer that most of k samples agree on; samples without an
  answer do not vote, ties score the mean of the tied answers, and with more than k samples it is the mean over all
  subsets of k. For **@n**, k is all samples.
- **±**: one standard error with the problems as units, so it holds both the choice of problems and the chance in
  sampling. To compare two models on the same problems, use a paired test instead of two ±. Where everything is wrong
  or right, **+x** or **-x** reaches to the end of the 95% Wilson interval.
- **no answer**: the model stopped without a readable answer. **truncated**: it hit the token cap. **refused**: the
  answer was over a cap of the verifier, an absurd input. **repetition**: the text ends in a loop. All four are shares
  of the checked samples. No answer and refused are worth 0, and so is a truncated sample without an answer.
- **mean tokens**: mean length of a response.
- **errors (ours)**: samples that our verifier, sandbox or backend failed to check. They are left out of every other
  column and never count as wrong.
- **n/a**: not defined, for example pass@k with fewer than k samples. **-**: not asked for."""


def markdown_report(records: Sequence[Record]) -> str:
    """The results of runs as a Markdown page that explains itself; ends with a newline."""
    rows = table_rows(records)
    others = other_metrics(rows)
    notes = [caveats(record) for record in records]
    header = ["model", "benchmark", "n", "pass@1", *others]
    header += ["no answer", "truncated", "refused", "repetition", "mean tokens", "errors (ours)"]
    lines: list[list[str]] = []
    footnotes: list[str] = []
    for row, label, note in zip(rows, labels(records), notes, strict=True):
        mark = ""
        if note:
            footnotes.append(f"{len(footnotes) + 1}. {markdown_text(label)}: {markdown_text('; '.join(note))}.")
            mark = f" ({len(footnotes)})"
        lines.append(_cells(row, mark, others))
    sections = ["# Results", _table(header, lines, right_from=2)]
    if footnotes:
        sections.append("\n".join(footnotes))
    sections += [f"**Not comparable.** {markdown_text(note)}." for note in shared_caveats(records)]
    figures = [
        [row.model, row.benchmark, name, value]
        for row, record in zip(rows, records, strict=True)
        for name, value in figures_of(record)
    ]
    if figures:
        sections += ["## Figures of the benchmarks themselves"]
        sections += [
            _table(["model", "benchmark", "figure", "value"], [_plain(line) for line in figures], right_from=3)
        ]
    sections += ["## How it was measured", _protocol(records, rows), "## What the columns mean", _LEGEND]
    return "\n\n".join(sections) + "\n"


def _cells(row: TableRow, mark: str, others: Sequence[str]) -> list[str]:
    done = f" **{row.done}**" if row.done else ""
    return [
        markdown_text(row.model),
        markdown_text(row.benchmark) + done + mark,
        row.size,
        *(row.metrics.get(name, NOT_ASKED) for name in ("pass@1", *others)),
        row.no_answer.replace("<", "&lt;"),
        row.truncated.replace("<", "&lt;"),
        row.refused.replace("<", "&lt;"),
        row.repetitive.replace("<", "&lt;"),
        row.tokens,
        row.errors,
    ]


def _plain(cells: Sequence[str]) -> list[str]:
    return [markdown_text(cell) for cell in cells]


def _protocol(records: Sequence[Record], rows: Sequence[TableRow]) -> str:
    header = ["model", "benchmark", "template", "temperature", "top-p", "max tokens", "prompt", "data", "verifier"]
    lines = []
    for record, row in zip(records, rows, strict=True):
        if record.get("published"):
            continue  # what it was measured with stands in its footnote's source
        values = [record.get(key) for key in ("template", "temperature", "top_p", "max_tokens")]
        hashes = [str(record.get(key) or NOT_DEFINED)[:12] for key in ("prompt_sha256", "revision")]
        cells = [row.model, row.benchmark, *map(visible, values), *map(visible, hashes)]
        lines.append([markdown_text(cell) for cell in (*cells, verifier_text(record) or NOT_DEFINED)])
    return _table(header, lines, right_from=len(header))


def _table(header: Sequence[str], lines: Sequence[Sequence[str]], right_from: int) -> str:
    """A Markdown table, padded so that it can be read as plain text too."""
    header = [markdown_text(cell) for cell in header]
    widths = [max(3, *(len(line[i]) for line in (header, *lines))) for i in range(len(header))]
    rule = ["-" * (width - 1) + (":" if i >= right_from else "-") for i, width in enumerate(widths)]
    padded = [
        [
            cell.rjust(width) if i >= right_from else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in (header, *lines)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (padded[0], rule, *padded[1:]))
