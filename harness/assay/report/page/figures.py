"""The figures of a report, one function each: runs in, a drawn `Figure` with its numbers out.

scores      every run's score with its 95 % interval
curves      score, length, truncation and language mix over training steps (Figures 2 and 3 of the R1 report)
heat_map    pass rate of each problem at each run: what was learned, what was forgotten
lengths     how long right and wrong responses are
outcomes    what became of the samples
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.report.page.drawing import LIGHT, OURS, RIGHT, SERIES, WRONG, Figure, canvas, finish, shorten
from assay.report.page.samples import OUTCOMES
from assay.report.page.views import View, curves_of, label
from assay.types import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PANELS = 12
_MOST_BARS = 60
_LENGTH_BINS = 40
_MISSING = "#b9bec7"


def scores(benchmark: str, views: Sequence[View], name: str) -> Figure:
    """pass@1, and cons@k beside it, with intervals."""
    shown = list(views)[:_MOST_BARS]
    metrics = [metric for metric in dict.fromkeys(m for view in shown for m in view.metrics) if _is_main(metric)]
    rows = []
    with canvas(1.1 + 0.34 * len(shown)) as figure:
        axes: Axes = figure.subplots()
        for number, metric in enumerate(metrics):
            places, values, low, high = [], [], [], []
            for place, view in enumerate(shown):
                value = view.metric(metric)
                if value is None:
                    continue
                ends = [view.metric(metric, "low"), view.metric(metric, "high")]
                rows.append([label(view), metric, value, *ends])
                places.append(place + 0.16 * (number - (len(metrics) - 1) / 2))
                values.append(value)
                low.append(max(0.0, value - (value if ends[0] is None else ends[0])))
                high.append(max(0.0, (value if ends[1] is None else ends[1]) - value))
            axes.errorbar(
                values, places, xerr=[low, high], fmt="os^D"[number % 4], color=SERIES[number % len(SERIES)],
                markersize=5.5, capsize=0, elinewidth=1.6, label=metric,
            )  # fmt: skip
        axes.set_yticks(range(len(shown)), [shorten(label(view)) for view in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.set_xlabel("score")
        axes.grid(visible=False, axis="y")
        if len(metrics) > 1:
            _legend(axes)
        return finish(
            figure,
            name=name,
            title=f"{benchmark}: scores",
            caption="Scores with 95% intervals; problems are the units, so an interval holds the choice of problems "
            "and the chance in sampling. Two runs on the same problems are compared by a paired test, not by whether "
            "their intervals overlap.",
            header=["run", "metric", "value", "low", "high"],
            rows=rows,
        )


def curves(benchmark: str, views: Sequence[View], name: str) -> Figure | None:
    """Everything that moves while a model is trained, over its steps; None where no series has two steps."""
    series = curves_of(views)
    if not series:
        return None
    everything = [view for steps in series.values() for view in steps]
    metrics = [metric for metric in dict.fromkeys(m for view in everything for m in view.metrics) if _is_main(metric)]
    panels: list[tuple[str, str, Callable[[View], float | None]]] = [
        (metric, "", functools.partial(View.metric, name=metric)) for metric in metrics
    ]
    panels += [
        ("mean length", "tokens", lambda view: view.rate("mean_tokens")),
        ("truncated", "share", lambda view: view.rate("truncated")),
        ("without an answer", "share", lambda view: view.rate("no_answer")),
        ("ends in a loop", "share", lambda view: view.rate("repetitive")),
        ("words in another language", "share", lambda view: view.language_mix),
    ]
    panels = [panel for panel in panels if panel[0] in metrics or any(panel[2](view) for view in everything)]
    panels = panels[:_MOST_PANELS]
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    rows = []
    with canvas(0.4 + 2.1 * lines) as figure:
        grid = np.atleast_1d(figure.subplots(lines, columns, squeeze=False).ravel())
        for axes, (heading, unit, of) in zip(grid, panels, strict=False):
            for number, (model, steps) in enumerate(series.items()):
                known = [(view, value) for view in steps if (value := of(view)) is not None]
                at = [view.step for view, _ in known]
                values = [value for _, value in known]
                colour = SERIES[number % len(SERIES)]
                axes.plot(at, values, marker="o", markersize=4, color=colour, label=shorten(model))
                ends = [(view.metric(heading, "low"), view.metric(heading, "high")) for view, _ in known]
                if heading in metrics and all(low is not None and high is not None for low, high in ends):
                    axes.fill_between(
                        at, [low for low, _ in ends], [high for _, high in ends], color=colour, alpha=0.15, linewidth=0
                    )
                for (view, value), (low, high) in zip(known, ends, strict=True):
                    rows.append([model, view.step, heading, value, low, high])
            axes.set_title(heading)
            axes.set_ylabel(unit)
            axes.set_ylim(bottom=0)
        for axes in grid[len(panels) :]:
            axes.remove()
        for axes in grid[max(0, len(panels) - columns) : len(panels)]:
            axes.set_xlabel("training step")
        if len(series) > 1:
            _legend(grid[0])
        return finish(
            figure,
            name=name,
            title=f"{benchmark}: over training",
            caption="Each point is one checkpoint; bands are 95% intervals. What is 0 throughout has no panel. Words "
            "in another language are estimated from some responses of each run.",
            header=["series", "step", "what", "value", "low", "high"],
            rows=rows,
        )


def heat_map(benchmark: str, views: Sequence[View], name: str) -> Figure | None:
    """Pass rate of every problem at every run; None for a single run."""
    if len(views) < 2:
        return None
    problems = sorted({problem for view in views for problem in view.samples.problems})
    place_of = {problem: place for place, problem in enumerate(problems)}
    rates = np.full((len(problems), len(views)), np.nan)
    for column, view in enumerate(views):
        rates[[place_of[problem] for problem in view.samples.problems], column] = view.samples.pass_rates()
    known = ~np.isnan(rates)
    means = np.where(known, rates, 0.0).sum(1) / np.maximum(1, known.sum(1))
    order = np.lexsort((np.arange(len(problems)), -means))
    with canvas(min(9.0, 1.8 + 0.17 * len(problems))) as figure:
        axes: Axes = figure.subplots()
        import matplotlib as mpl

        colours = mpl.colormaps["viridis"].with_extremes(bad=_MISSING)
        image = axes.imshow(rates[order], aspect="auto", vmin=0, vmax=1, cmap=colours, interpolation="nearest")
        axes.set_xticks(range(len(views)), [_tick(view, views) for view in views], rotation=30, ha="right")
        if len(problems) <= 45:
            axes.set_yticks(range(len(problems)), [shorten(problems[place], 28) for place in order], fontsize=8)
        else:
            axes.set_yticks([])
            axes.set_ylabel(f"{len(problems):,} problems, easiest first")
        axes.grid(visible=False)
        bar = figure.colorbar(image, ax=axes, pad=0.01)
        bar.set_label("pass rate")
        bar.outline.set_visible(False)
        header = ["problem", *(label(view) for view in views)]
        rows = [[problems[place], *_cells(rates[place])] for place in order]
        return finish(
            figure,
            name=name,
            title=f"{benchmark}: problems × runs",
            caption="Pass rate of each problem at each run, the easiest on average on top; grey: not asked, or no "
            "sample could be checked.",
            header=header,
            rows=rows,
        )


def lengths(benchmark: str, views: Sequence[View], name: str) -> Figure | None:
    """Lengths of right and of wrong responses; None where no length is known."""
    shown = [view for view in views if (~np.isnan(view.samples.tokens)).any()]
    shown = shown[-_MOST_PANELS:]
    if not shown:
        return None
    longest = max(float(np.nanmax(view.samples.tokens)) for view in shown)
    edges = np.unique(np.geomspace(1, max(2.0, longest + 1), _LENGTH_BINS + 1).round())
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    rows = []
    with canvas(0.6 + 2.0 * lines) as figure:
        grid = figure.subplots(lines, columns, squeeze=False, sharex=True).ravel()
        for axes, view in zip(grid, shown, strict=False):
            samples = view.samples
            kinds = [
                ("right", RIGHT, samples.credit == 1.0),
                ("wrong", WRONG, samples.credit < 1.0),
            ]
            for kind, colour, mask in kinds:
                counts, _ = np.histogram(np.maximum(samples.tokens[mask & ~np.isnan(samples.tokens)], 1), bins=edges)
                axes.stairs(counts, edges, color=colour, fill=True, alpha=0.35)
                axes.stairs(counts, edges, color=colour, linewidth=1.4, label=kind)
                rows += [
                    [label(view), kind, int(low), int(high), int(count)]
                    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
                ]
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.xaxis.set_minor_formatter("")
            axes.set_title(shorten(label(view), 34))
            axes.set_yticks([])
            axes.grid(visible=False, axis="y")
        for axes in grid[len(shown) :]:
            axes.remove()
        for axes in grid[max(0, len(shown) - columns) : len(shown)]:
            axes.set_xlabel("tokens of a response")
            axes.tick_params(labelbottom=True)
        _legend(grid[0])
        left_out = f" The last {_MOST_PANELS} runs are shown." if len(views) > len(shown) else ""
        return finish(
            figure,
            name=name,
            title=f"{benchmark}: length of right and wrong responses",
            caption="Samples by length, on a logarithmic axis; right is a score of 1, wrong everything below that "
            f"could be checked.{left_out}",
            header=["run", "kind", "from tokens", "below tokens", "samples"],
            rows=rows,
        )


def outcomes(views: Sequence[View], name: str) -> Figure:
    """What became of the samples of each run."""
    shown = list(views)[:_MOST_BARS]
    kinds: list[tuple[str, str]] = [("right", RIGHT), ("partly right", SERIES[4]), ("wrong", WRONG)]
    kinds += [
        (outcome.value.replace("_", " "), colour)
        for outcome, colour in (
            (Outcome.NO_ANSWER, SERIES[6]),
            (Outcome.TRUNCATED, SERIES[3]),
            (Outcome.REFUSED, SERIES[7]),
            (Outcome.VERIFIER_TIMEOUT, OURS),
            (Outcome.ERROR, LIGHT["ink"]),
        )
    ]
    graded = OUTCOMES.index(Outcome.GRADED)
    counts = np.zeros((len(shown), len(kinds)))
    for line, view in enumerate(shown):
        samples = view.samples
        is_graded = samples.outcome == graded
        counts[line, 0] = (is_graded & (samples.credit == 1)).sum()
        counts[line, 2] = (is_graded & (samples.credit == 0)).sum()
        counts[line, 1] = is_graded.sum() - counts[line, 0] - counts[line, 2]
        by_outcome = samples.outcome_counts()
        for place, (kind, _) in enumerate(kinds[3:], 3):
            counts[line, place] = by_outcome[Outcome(kind.replace(" ", "_"))]
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    several = len({view.benchmark for view in shown}) > 1
    with canvas(1.3 + 0.3 * len(shown)) as figure:
        axes: Axes = figure.subplots()
        left = np.zeros(len(shown))
        for place, (kind, colour) in enumerate(kinds):
            if counts[:, place].any():
                axes.barh(range(len(shown)), shares[:, place], left=left, color=colour, height=0.72, label=kind)
            left += shares[:, place]
        names = [f"{view.benchmark} · {label(view)}" if several else label(view) for view in shown]
        axes.set_yticks(range(len(shown)), [shorten(text, 46) for text in names])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of the samples")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper left", ncols=len(kinds))
        return finish(
            figure,
            name=name,
            title="Outcomes",
            caption="Verifier timeouts and errors are ours: they are in no score. Everything else is the model's.",
            header=["benchmark", "run", *(kind for kind, _ in kinds)],
            rows=[[view.benchmark, label(view), *map(int, line)] for view, line in zip(shown, counts, strict=True)],
        )


def _is_main(metric: str) -> bool:
    """pass@1 and votes share an axis with no explanation; pass@k for many k would hide them."""
    return metric == "pass@1" or metric.startswith("cons@")


def _legend(axes: Axes) -> None:
    axes.legend(loc="best")


def _tick(view: View, views: Sequence[View]) -> str:
    one_series = len({each.series for each in views}) == 1
    return f"{view.step:,}" if one_series and view.step is not None else shorten(label(view), 26)


def _cells(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]
