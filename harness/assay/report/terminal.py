"""The table in the terminal: it fits 100 columns and takes up to 140, whatever the names and metrics.

With at most one metric beside pass@1 it has its own column; with more, they are stacked in one, so that three
benchmarks with three different metrics still fit. Names that do not fit are broken after a separator, never cut.
All text is passed as `rich.text.Text`, which knows no markup: "[red]" in a name stays "[red]".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.report.caveats import caveats, labels, shared_caveats
from assay.report.figures import figure_lines
from assay.report.rows import NOT_ASKED, NOT_DEFINED, PUBLISHED, Record, TableRow, other_metrics, table_rows
from assay.report.text import fold

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

_MIN_NAME = 8
"""Columns that a model's or a benchmark's name gets at the least."""

_LEGEND = (
    "n: problems × samples of each. ±: one standard error, problems being the units; +x or -x: all wrong or all "
    "right, to the end of the 95% interval. trunc.: hit max_tokens. {refused}rep.: ends in a loop. errors: our own "
    "failures, not in the score."
)
_REFUSED = "ref.: refused, the answer was over a cap of the verifier. "


def results_table(records: Sequence[Record], *, width: int = 140) -> RenderableType:
    """The results of runs as a rich renderable, with a legend and the caveats as footnotes.

    Args:
        records: One run each, as described in `assay.report`.
        width: Columns that the table may take at most. Names are broken to fit it, or the console where that is
            narrower; below about 85 columns the numbers wrap as well, and nothing is ever cut off.
    """
    return _Results(tuple(records), width)


class _Results:
    """Rendered anew for each console, because what is broken where depends on its width."""

    def __init__(self, records: Sequence[Record], width: int) -> None:
        self._records = records
        self._width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        records = self._records
        if not records:
            yield Text("no runs")
            return
        notes = [caveats(record) for record in records]
        marks = _marks(notes)
        rows = table_rows(records)
        yield _table(rows, marks, min(self._width, options.max_width))
        yield Text(_LEGEND.format(refused=_REFUSED if _any_refused(rows) else ""), style="dim")
        for label, note, mark in zip(labels(records), notes, marks, strict=True):
            if note:
                yield Text(f"{mark} {label}: {'; '.join(note)}.")
        for line in figure_lines(records, labels(records)):
            yield Text(line)
        for note_for_all in shared_caveats(records):
            yield Text(f"! {note_for_all}.", style="bold yellow")


def superscript(value: int) -> str:
    """A number as superscript digits."""
    return str(value).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _marks(notes: Sequence[Sequence[str]]) -> list[str]:
    """The mark of each row's footnote, counted from ¹; empty for rows without one."""
    marks, used = [], 0
    for note in notes:
        used += bool(note)
        marks.append(superscript(used) if note else "")
    return marks


def _any_refused(rows: Sequence[TableRow]) -> bool:
    """Whether the table needs a column for refused answers: hardly any run has them."""
    return any(row.refused not in ("0%", NOT_DEFINED, NOT_ASKED) for row in rows)


def _table(rows: Sequence[TableRow], marks: Sequence[str], width: int) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    others = other_metrics(rows)
    headers = ["model", "benchmark", "n", "pass@1", *_other_header(others)]
    refused = _any_refused(rows)
    headers += ["no\nans.", "trunc.", *(["ref."] if refused else []), "rep.", "mean\ntokens", "errors\n(ours)"]
    lines = [_cells(row, mark, others, refused) for row, mark in zip(rows, marks, strict=True)]
    gap = _fit(headers, lines, width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, gap - 1, 0, 0), pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(Text(header), justify="left" if index < 2 else "right", vertical="top", overflow="fold")
    for row, line in zip(rows, lines, strict=True):
        cells = [Text(cell) for cell in line]
        _highlight(cells, row)
        table.add_row(*cells)
    return table


def _other_header(others: Sequence[str]) -> list[str]:
    return [] if not others else [others[0] if len(others) == 1 else "other metrics"]


def _cells(row: TableRow, mark: str, others: Sequence[str], refused: bool) -> list[str]:
    benchmark = row.benchmark + (f" {mark}" if mark else "")
    cells = [row.model, benchmark, row.size, row.metrics.get("pass@1", NOT_ASKED)]
    if len(others) == 1:
        cells.append(row.metrics.get(others[0], NOT_ASKED))
    elif others:
        own = [f"{name} {text}" for name, text in row.metrics.items() if name != "pass@1"]
        cells.append("\n".join(own) or NOT_ASKED)
    rates = [row.no_answer, row.truncated, *([row.refused] if refused else []), row.repetitive]
    return [*cells, *rates, row.tokens, row.errors]


def _fit(headers: Sequence[str], lines: list[list[str]], width: int) -> int:
    """Break the names in the first two columns where the table is too wide. Returns the gap between columns.

    Of all ways to share the room between the two, the one with the fewest lines is taken.
    """
    widths = [max(map(_longest, column)) for column in zip(headers, *lines, strict=True)]
    for gap in (2, 1):
        room = width - sum(widths[2:]) - gap * (len(headers) - 1)
        if sum(widths[:2]) <= room:
            return gap

    def height(model: int) -> int:
        return sum(1 + max(fold(line[0], model).count("\n"), fold(line[1], room - model).count("\n")) for line in lines)

    room = max(room, 2 * _MIN_NAME)
    model = min(range(_MIN_NAME, room - _MIN_NAME + 1), key=height)
    for line in lines:
        line[0], line[1] = fold(line[0], model), fold(line[1], room - model)
    return 1


def _longest(cell: str) -> int:
    return max(map(len, cell.split("\n")))


def _highlight(cells: list[Text], row: TableRow) -> None:
    """Partial runs and our own errors must catch the eye."""
    if row.done:
        cells[1].append(f"\n{row.done}", style="bold yellow")
    if row.size == PUBLISHED:
        for cell in cells:
            cell.stylize("italic")
    if row.errors not in ("0", NOT_DEFINED, NOT_ASKED):
        cells[-1].stylize("bold red")
