"""The report as one HTML file: tables, figures and a card for each problem, readable without a network or a script.

    folders of runs → records + samples as columns → `View`s → figures (matplotlib, inline SVG) → `report.html`

The page has no script at all and may load nothing (its Content-Security-Policy says so); names and answers of models
are escaped by the template. It follows the reader's colour scheme, prints on white, and carries the data of every
figure as CSV. Figures can be written as files too.

Modules: `samples` reads a run's samples as columns, `views` orders runs by training step, `figures` and `training`
draw with `drawing`, `problems` makes the cards, `language` estimates the language mix.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.errors import AssayError, StoreError, UsageError
from assay.report.caveats import caveats, shared_caveats
from assay.report.page.drawing import Figure
from assay.report.page.problems import Card, cards
from assay.report.page.views import View, by_benchmark, label, make_views
from assay.report.rows import Record, other_metrics, table_rows
from assay.results import RunResult

__all__ = ["Page", "build_page"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Everything about one benchmark."""

    name: str
    anchor: str
    figures: tuple[Figure, ...]
    cards: tuple[Card, ...]
    cards_left_out: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A report that is ready to be written."""

    html: str
    figures: tuple[Figure, ...]
    left_out: tuple[str, ...]
    """Runs that could not be read, one sentence each."""

    def write(self, path: Path | None, figures: Path | None = None) -> None:
        """Write the page, and every figure as SVG, PNG and CSV into a folder. Raises `StoreError`."""
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.html, encoding="utf-8")
            if figures is not None:
                figures.mkdir(parents=True, exist_ok=True)
                for figure in self.figures:
                    (figures / f"{figure.name}.svg").write_text(figure.svg_file, encoding="utf-8")
                    (figures / f"{figure.name}.png").write_bytes(figure.png())
                    (figures / f"{figure.name}.csv").write_text(figure.csv, encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"cannot write the report to {error.filename or path}: {error.strerror or error}"
            ) from error


def build_page(
    results: Sequence[RunResult],
    *,
    training: Sequence[str | Path] = (),
    title: str = "Assay report",
    published: Sequence[Record] = (),
) -> Page:
    """Read the runs' samples and draw everything.

    Args:
        results: The runs, from `assay.results.load_result`.
        training: Folders at or below which training runs are looked for.
        title: Heading of the page.
        published: Scores printed by reports, for the table (`assay.published`).

    Raises:
        UsageError: There is nothing to show, or matplotlib or jinja2 is missing.
    """
    _check_installed()
    from assay.report.page.training import find_training_runs, training_curves

    views, left_out = _read(results)
    trained = find_training_runs(training)
    if not views and not trained:
        raise UsageError("there is nothing to report: no run could be read" + "".join(f"; {why}" for why in left_out))
    sections = [_section(number, name, group) for number, (name, group) in enumerate(by_benchmark(views).items())]
    overview = _overview(views)
    training_figures = [training_curves(run, f"training-{number}") for number, run in enumerate(trained, 1)]
    records = [view.record for view in views]
    rows, printed = table_rows(records), table_rows(published)
    html = _template().render(
        title=title,
        made=time.strftime("%Y-%m-%d %H:%M"),
        css=files("assay.report.page").joinpath("report.css").read_text("utf-8"),
        views=views,
        rows=rows,
        printed=printed,
        printed_notes=["; ".join(caveats(record)) for record in published],
        metrics=[
            *(["pass@1"] if any("pass@1" in row.metrics for row in rows) else []),
            *other_metrics([*rows, *printed]),
        ],
        notes=[caveats(record) for record in records],
        shared=shared_caveats(records),
        overview=overview,
        training=training_figures,
        sections=sections,
        left_out=left_out,
        label=label,
    )
    figures = [*overview, *training_figures, *(figure for section in sections for figure in section.figures)]
    return Page(html=html, figures=tuple(figures), left_out=tuple(left_out))


def _read(results: Sequence[RunResult]) -> tuple[list[View], list[str]]:
    from assay.report.page.language import language_mix
    from assay.report.page.samples import Samples, read_samples

    records: list[dict[str, Any]] = []
    samples: list[Samples] = []
    mixes: list[float | None] = []
    left_out: list[str] = []
    for result in results:
        try:
            samples.append(read_samples(result.path, result.manifest))
            mixes.append(language_mix(result.path, result.manifest))
            records.append(result.row())
        except AssayError as error:
            left_out.append(str(error))
    return make_views(records, samples, mixes), left_out


def _overview(views: Sequence[View]) -> list[Figure]:
    from assay.report.page.figures import outcomes

    return [outcomes(views, "outcomes")] if views else []


def _section(number: int, name: str, views: Sequence[View]) -> Section:
    from assay.report.page.figures import curves, heat_map, lengths, scores

    anchor = f"benchmark-{number + 1}"
    drawn = [
        curves(name, views, f"{anchor}-curves"),
        scores(name, views, f"{anchor}-scores"),
        heat_map(name, views, f"{anchor}-problems"),
        lengths(name, views, f"{anchor}-lengths"),
    ]
    made, left_out = cards(views)
    return Section(
        name=name,
        anchor=anchor,
        figures=tuple(figure for figure in drawn if figure is not None),
        cards=tuple(made),
        cards_left_out=left_out,
    )


def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(files("assay.report.page").joinpath("report.html").read_text("utf-8"))


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]
    if missing:
        raise UsageError(f"the HTML report needs {' and '.join(missing)}: pip install 'assay[report]'")
