"""Drawing with matplotlib, for a page that is light or dark: colours of the page in SVG, plain ones in files.

An SVG inside the page must follow the reader's colour scheme, so its colours become CSS variables after it is drawn:
every colour of `LIGHT` occurs for one purpose only. Text stays text (it can be searched and selected), is never taken
for mathematics (a model's name may hold a "$"), and ids are made unique over the page. Nothing here uses pyplot,
which keeps state of its own.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.report.text import csv_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

LIGHT = {
    "ink": "#1b1f27",
    "muted": "#626a78",
    "line": "#dfe3e9",
    "s1": "#0b6bcb",
    "s2": "#c2570c",
    "s3": "#0f8a5f",
    "s4": "#9a3fb5",
    "s5": "#b8860f",
    "s6": "#b3243c",
    "s7": "#3f6f8f",
    "s8": "#6b6f1a",
}
"""Purpose → colour on white. The page's stylesheet gives each its colour on black; s1 to s8 stay apart for readers
who do not see red and green, and reach a contrast of 3 against the ground."""
SERIES = [LIGHT[f"s{number}"] for number in range(1, 9)]
RIGHT, WRONG, OURS = LIGHT["s3"], LIGHT["s2"], LIGHT["s6"]
WIDTH = 11.0
"""Inches; the page scales it."""
_DOTS_PER_INCH = 160
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": LIGHT["line"],
    "axes.labelcolor": LIGHT["muted"],
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT["line"],
    "grid.linewidth": 0.8,
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["line"],
    "ytick.color": LIGHT["line"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["muted"],
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure of a report, drawn, with its data."""

    name: str
    """A file name without ending, unique in the report."""
    title: str
    caption: str
    """What can be seen, and how to read it."""
    svg: str
    """For the page: colours are CSS variables."""
    svg_file: str
    """The same with colours of its own."""
    png: Callable[[], bytes]
    """Draws it as a picture on white."""
    csv: str
    """The numbers, with a header line."""

    def download(self, kind: str) -> str:
        """The figure as a data URL: "svg" or "csv"."""
        content, media = {"svg": (self.svg_file, "image/svg+xml"), "csv": (self.csv, "text/csv")}[kind]
        return f"data:{media};base64,{base64.b64encode(content.encode()).decode()}"


@contextmanager
def canvas(height: float, width: float = WIDTH) -> Iterator[Canvas]:
    """An empty figure in the report's style; draw and `finish` it inside."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a glyph that the font lacks, a layout that is too tight
        yield Canvas(figsize=(width, height))


def finish(
    figure: Canvas, *, name: str, title: str, caption: str, header: Sequence[str], rows: Sequence[Sequence[Any]]
) -> Figure:
    """The drawn figure with its data."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": name}):
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")  # the places stay as they are now, and are not computed again

    def png() -> bytes:
        image = io.BytesIO()
        with mpl.rc_context(_STYLE), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            figure.savefig(image, format="png", dpi=_DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
        return image.getvalue()

    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]  # no XML declaration and no document type inside a page
    return Figure(
        name=name,
        title=title,
        caption=caption,
        svg=_inline(svg, name, title),
        svg_file=svg,
        png=png,
        csv=_csv(header, rows),
    )


def shorten(text: str, most: int = 42) -> str:
    """A label that fits: its end is what tells models apart."""
    return text if len(text) <= most else "…" + text[1 - most :]


def _inline(svg: str, name: str, title: str) -> str:
    import html

    for purpose, colour in LIGHT.items():
        svg = svg.replace(colour, f"var(--{purpose})")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1)


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    import csv

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(
        [["" if cell is None else csv_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    )
    return out.getvalue()
