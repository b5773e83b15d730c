"""Averages of an lm-eval task the way the task makes them: its own function over one value for each row.

With n samples a row, each sample index is one pass over all rows, as if lm-eval had been run n times; the figure is the
mean over the passes. For the usual `mean` that is the mean over all samples. Groups are averaged by lm-eval's `Group`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from assay import CheckedSample

_Values = dict[str, dict[str, list[Any]]]
"""Task → "metric,filter" → values."""


def figures(
    tasks: Mapping[str, Any], groups: Mapping[str, Any], samples: Iterable[tuple[str, CheckedSample]]
) -> dict[str, float | None]:
    """Every metric of every filter, for each task and group that has any.

    Args:
        tasks: lm-eval's tasks by name.
        groups: Its groups by name.
        samples: Checked samples, each with the name of its task, in the order of the rows.

    Returns:
        "metric,filter" to value where there is one task, else "task: metric,filter".
    """
    passes: dict[int, _Values] = {}
    for name, sample in samples:
        for metric, value in sample.verdict.details.get("metrics", {}).items():
            values = passes.setdefault(sample.sample_index, {}).setdefault(name, {})
            values.setdefault(metric, []).append(value)
    found: dict[str, list[float]] = {}
    for one in passes.values():
        for name, metrics in _one_pass(tasks, groups, one).items():
            for metric, value in metrics.items():
                label = metric if len(tasks) == 1 else f"{name}: {metric}"
                found.setdefault(label, []).append(value)
    return {label: math.fsum(values) / len(values) for label, values in found.items()}


def _one_pass(tasks: Mapping[str, Any], groups: Mapping[str, Any], values: _Values) -> dict[str, dict[str, float]]:
    from lm_eval.api.metrics import mean

    results: dict[str, dict[str, Any]] = {}
    for name, metrics in values.items():
        rules = tasks[name].aggregation()
        results[name] = {
            metric: rules.get(metric.partition(",")[0], mean)(list(items)) for metric, items in metrics.items()
        }
        results[name]["sample_len"] = max(len(items) for items in metrics.values())
    for name, group in groups.items():
        if group.has_aggregation:
            results[name] = group.aggregate(results)
    order = [*(name for name in groups if name in results), *(name for name in results if name not in groups)]
    return {
        name: {key: float(value) for key, value in results[name].items() if _is_figure(key, value)} for name in order
    }


def _is_figure(key: str, value: Any) -> bool:
    number = (isinstance(value, int | float) and not isinstance(value, bool)) or hasattr(value, "dtype")
    return "," in key and "_stderr," not in key and number
