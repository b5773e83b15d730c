"""The runs of a report, and the curves that they form: one model at many steps of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.report.page.samples import Samples
from assay.report.rows import benchmark_of, model_of, number, part
from assay.report.text import short_names, visible
from assay.steps import step_of


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One run, as the page shows it."""

    record: Mapping[str, Any]
    """As described in `assay.report`."""
    samples: Samples
    model: str
    """Short name, safe to print."""
    benchmark: str
    series: str
    """What it shares with the other steps of the same training; the model's name where it is no checkpoint."""
    step: int | None
    """Training step; None where the name of the model holds none."""
    language_mix: float | None = None
    """Estimated share of words outside the language of the reasoning's problem, in [0, 1]."""

    def metric(self, name: str, field: str = "value") -> float | None:
        """A number of the summary; None where it is not defined."""
        return number(part(part(part(self.record, "summary"), "metrics"), name).get(field))

    def rate(self, name: str) -> float | None:
        """A rate or mean of the summary."""
        return number(part(part(self.record, "summary"), "rates").get(name))

    @property
    def metrics(self) -> list[str]:
        """The names of its metrics."""
        return [str(name) for name in part(part(self.record, "summary"), "metrics")]


def make_views(
    records: Sequence[Mapping[str, Any]], samples: Sequence[Samples], mixes: Sequence[float | None]
) -> list[View]:
    """The runs in the order of benchmark, series and step."""
    found = [step_of(model_of(record)) for record in records]
    names = short_names([model_of(record) for record in records])
    series_names = short_names([series for series, _ in found])
    settings = _settings(records, [series for series, _ in found])
    views = [
        View(
            record=record,
            samples=each,
            model=names[model_of(record)],
            benchmark=benchmark_of(record),
            series=series_names[series] + settings[place],
            step=step,
            language_mix=mix,
        )
        for place, (record, each, (series, step), mix) in enumerate(zip(records, samples, found, mixes, strict=True))
    ]
    return sorted(views, key=lambda view: (view.benchmark, view.series, -1 if view.step is None else view.step))


def _settings(records: Sequence[Mapping[str, Any]], series: Sequence[str]) -> list[str]:
    """What tells a run's sampling from that of others of its benchmark and training: they are curves of their own."""
    names = {"temperature": "T", "top_p": "top-p", "max_tokens": "cap"}
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record, name in zip(records, series, strict=True):
        groups.setdefault((benchmark_of(record), name), []).append(record)
    texts = []
    for record, name in zip(records, series, strict=True):
        group = groups[benchmark_of(record), name]
        varied = [field for field in names if len({visible(each.get(field)) for each in group}) > 1]
        texts.append("".join(f", {names[field]} {visible(record.get(field))}" for field in varied))
    return texts


def by_benchmark(views: Sequence[View]) -> dict[str, list[View]]:
    """The runs of each benchmark."""
    groups: dict[str, list[View]] = {}
    for view in views:
        groups.setdefault(view.benchmark, []).append(view)
    return groups


def curves_of(views: Sequence[View]) -> dict[str, list[View]]:
    """The series with at least two steps, each in order of its steps."""
    series: dict[str, dict[int, View]] = {}
    for view in views:
        if view.step is not None:
            series.setdefault(view.series, {}).setdefault(view.step, view)
    return {name: [steps[step] for step in sorted(steps)] for name, steps in series.items() if len(steps) > 1}


def label(view: View) -> str:
    """How a run is called beside others of its benchmark."""
    return view.model if view.step is None else f"{view.series} @ {view.step:,}"
