"""The curves of a run, drawn from its logs: OUTPUT/curves.svg, redrawn after every evaluation and at the end.

Held-out scores and lengths over steps are what Figures 2 and 3 of the R1 reports show; reward, entropy, KL, shares
and alarms stand beside them.

Only what the logs hold is drawn, every evaluation as a point; steps are drawn as they are and, where there are many,
with their running mean. matplotlib is imported when something is drawn; without it there is no figure.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import UsageError

_STEPS = (
    ("reward", "reward", ("reward",)),
    ("completion length (tokens)", "training", ("length",)),
    ("nats a token", "", ("entropy", "kl")),
    ("share", "", ("truncation", "equal_groups", "clip_fraction", "repetition", "verifier_errors")),
)
"""Panels of metrics.jsonl: title, label of a single curve, metrics."""
_SMOOTH = 40
"""Steps from which a running mean is drawn; it spans a twentieth of them."""


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_run(output: Path, *, title: str = "") -> Path:
    """Draw a run's curves into its folder; returns the file."""
    steps, evaluations = read_rows(output / "metrics.jsonl"), read_rows(output / "evaluations.jsonl")
    return draw(steps, evaluations, output / "curves.svg", title=title or output.name)


def draw(
    steps: Sequence[Mapping[str, Any]],
    evaluations: Sequence[Mapping[str, Any]],
    target: Path,
    *,
    title: str = "",
) -> Path:
    """Draw rows of metrics.jsonl and evaluations.jsonl.

    Args:
        steps: Of metrics.jsonl.
        evaluations: Of evaluations.jsonl.
        target: An .svg, .png or .pdf file.
        title: Over the figure.

    Returns:
        The file. The same rows give the same bytes.
    """
    if not can_draw():
        raise UsageError("a figure needs matplotlib: pip install 'assay[report]'")
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # No pyplot: it keeps figures alive and may want a display.
    with mpl.rc_context({"svg.hashsalt": "assay", "axes.grid": True, "grid.alpha": 0.3, "font.size": 9}):
        figure = Figure(figsize=(11, 6), layout="constrained")
        FigureCanvasAgg(figure)
        scores, reward, length, nats, share, alarms = figure.subplots(2, 3).flat
        _scores(scores, evaluations)
        for axes, (panel, label, names) in zip((reward, length, nats, share), _STEPS, strict=True):
            for name in names:
                _curve(axes, steps, name, label or name)
            axes.set_title(panel)
        _lengths(length, evaluations)
        _alarms(alarms, steps, evaluations)
        for axes in (scores, reward, length, nats, share):
            axes.set_xlabel("step")
            if axes.get_legend_handles_labels()[1]:
                axes.legend(fontsize=7)
        figure.suptitle(title)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".part-{target.name}")
        metadata = {"Date": None} if target.suffix == ".svg" else None
        figure.savefig(part, format=target.suffix[1:], metadata=metadata)
        part.replace(target)
    return target


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL log; none where it is missing."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _scores(axes: Any, evaluations: Sequence[Mapping[str, Any]]) -> None:
    axes.set_title("held-out score")
    for name in _names(evaluations, "pass@", "cons@"):
        rows = [row for row in evaluations if name in row]
        errors = [row.get(f"{name}/se", 0.0) for row in rows]
        style = "o-" if "/pass@1" in name else "s--"
        label = name.removeprefix("eval/")
        axes.errorbar([r["step"] for r in rows], [r[name] for r in rows], errors, fmt=style, ms=3, lw=1, label=label)


def _lengths(axes: Any, evaluations: Sequence[Mapping[str, Any]]) -> None:
    for name in _names(evaluations, "length"):
        rows = [row for row in evaluations if name in row]
        axes.plot([r["step"] for r in rows], [r[name] for r in rows], "o-", ms=3, label=name.split("/", 1)[1])


def _names(evaluations: Sequence[Mapping[str, Any]], *kinds: str) -> list[str]:
    names = dict.fromkeys(name for row in evaluations for name in row if name.startswith("eval/"))
    return [name for name in names if name.rpartition("/")[2].startswith(kinds)]


def _curve(axes: Any, steps: Sequence[Mapping[str, Any]], name: str, label: str) -> None:
    known = [(row["step"], row[name]) for row in steps if row.get(name) is not None]
    if not known:
        return
    x, y = [list(values) for values in zip(*known, strict=True)]
    many = len(x) >= _SMOOTH
    (drawn,) = axes.plot(x, y, lw=0.8 if many else 1.2, alpha=0.35 if many else 1.0, label=None if many else label)
    if many:
        width = max(2, len(x) // 20)
        recent = [y[max(0, at - width + 1) : at + 1] for at in range(len(y))]
        mean = [sum(values) / len(values) for values in recent]
        axes.plot(x, mean, color=drawn.get_color(), lw=1.4, label=f"{label}, mean of {width}")


def _alarms(axes: Any, steps: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]) -> None:
    """When which alarm was raised: a row each."""
    axes.set_title("alarms")
    raised = [(row["step"], name) for row in (*steps, *evaluations) for name in row.get("alarms", ())]
    names = sorted({name for _, name in raised})
    for place, name in enumerate(names):
        at = [step for step, other in raised if other == name]
        axes.plot(at, [place] * len(at), "|", color="tab:red", ms=12)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.5, max(0.5, len(names) - 0.5))
    axes.set_xlim(0, max([1, *(row["step"] for row in (*steps, *evaluations))]))
    axes.set_xlabel("step" if names else "none was raised")
