"""Small figures as SVG inside a table: a score with its interval, and shares of outcomes.

Every figure carries its numbers as a label for those who do not see it. Colours come from the classes in `assay.css`;
widths are SVG attributes, so that no inline style is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

_WIDTH = 120
_HEIGHT = 16


def interval_svg(value: float | None, low: float | None = None, high: float | None = None) -> Markup:
    """A score in [0, 1] as a dot on an axis, its interval as a line through it; empty where it is not defined."""
    if not _finite(value):
        return Markup("")
    assert value is not None
    x, middle = _x(value), _HEIGHT / 2
    whisker = Markup("")
    label = f"{value:.3f}"
    if low is not None and high is not None and _finite(low) and _finite(high):
        label += f", interval {low:.3f} to {high:.3f}"
        whisker = Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _x(low), _x(high), middle, middle
        )
    return Markup(
        '<svg class="interval" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">'
        '<line class="axis" x1="4" x2="{end}" y1="{m}" y2="{m}"/><line class="tick" x1="4" x2="4" y1="4" y2="12"/>'
        '<line class="tick" x1="{half}" x2="{half}" y1="6" y2="10"/>'
        '<line class="tick" x1="{end}" x2="{end}" y1="4" y2="12"/>'
        '{whisker}<circle class="dot" cx="{x}" cy="{m}" r="3.5"/></svg>'
    ).format(w=_WIDTH, h=_HEIGHT, label=label, end=_WIDTH - 4, half=_WIDTH / 2, m=middle, whisker=whisker, x=x)


def share_svg(
    parts: Mapping[str, float], *, names: Sequence[str] = (), width: int = _WIDTH, height: int = 10
) -> Markup:
    """Shares of a whole as one bar; each part's key is also the class `share-KEY` that colours it.

    Args:
        parts: Amounts, at least 0.
        names: The order; parts not named are left out. Default: the order of `parts`.
        width: In pixels.
        height: In pixels.
    """
    order = [name for name in names or parts if _finite(parts.get(name)) and parts[name] > 0]
    total = sum(parts[name] for name in order)
    if not total:
        return Markup("")
    label = ", ".join(f"{name.replace('_', ' ')} {100 * parts[name] / total:.1f}%" for name in order)
    bars, x = [], 0.0
    for name in order:
        wide = width * parts[name] / total
        bars.append(
            Markup('<rect class="share-{}" x="{}" y="0" width="{}" height="{}"/>').format(
                name, f"{x:.2f}", f"{max(wide, 0.5):.2f}", height
            )
        )
        x += wide
    return Markup(
        '<svg class="shares" width="{w}" height="{h}" viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img" '
        'aria-label="{label}">{bars}</svg>'
    ).format(w=width, h=height, label=label, bars=Markup("").join(bars))


def _x(value: float) -> str:
    return f"{4 + (_WIDTH - 8) * min(1.0, max(0.0, value)):.2f}"


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
