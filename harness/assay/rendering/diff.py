"""Two outputs beside each other, line by line, with what differs in them marked.

Bounded: so many lines, so many characters of each; difflib is quadratic, so long lines that differ are marked whole.
"""

from __future__ import annotations

import difflib
import re

from markupsafe import Markup

from assay.rendering.visible import escape

MAX_LINES = 200
MAX_LINE = 2_000
_MAX_COMPARED = 300
"""Words of a line up to which they are compared one by one."""

_ROW = Markup('<tr class="{}"><th scope="row">{}</th><td>{}</td><th scope="row">{}</th><td>{}</td></tr>')


def diff_table(expected: str | None, got: str | None, *, first_line: int = 1) -> Markup:
    """Both texts as rows of a table with four columns: number, expected, number, got. None: that side has ended."""
    wanted, found = _lines(expected), _lines(got)
    rows: list[Markup] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes():
        for step in range(max(b - a, d - c)):
            left = wanted[a + step] if a + step < b else None
            right = found[c + step] if c + step < d else None
            numbers = (
                first_line + a + step if left is not None else "",
                first_line + c + step if right is not None else "",
            )
            before, after = _same(left, right) if kind == "equal" else _differing(left, right)
            rows.append(_ROW.format("same" if kind == "equal" else "differs", numbers[0], before, numbers[1], after))
    return Markup("").join(rows)


def _lines(text: str | None) -> list[str]:
    if text is None:
        return []
    lines = text[: MAX_LINES * MAX_LINE].removesuffix("\n").split("\n")
    return [line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…" for line in lines[:MAX_LINES]]


def _same(left: str | None, right: str | None) -> tuple[Markup, Markup]:
    return escape(left or ""), escape(right or "")


def _differing(left: str | None, right: str | None) -> tuple[Markup, Markup]:
    if left is None or right is None:
        return _side(left), _side(right)
    before, after = re.findall(r"\w+|\W", left), re.findall(r"\w+|\W", right)
    if max(len(before), len(after)) > _MAX_COMPARED:
        return _marked(left), _marked(right)
    html_left, html_right = [], []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = "".join(before[a:b]), "".join(after[c:d])
        html_left.append(escape(old) if kind == "equal" else _marked(old))
        html_right.append(escape(new) if kind == "equal" else _marked(new))
    return Markup("").join(html_left), Markup("").join(html_right)


def _side(text: str | None) -> Markup:
    return Markup('<span class="ended">nothing</span>') if text is None else _marked(text)


def _marked(text: str) -> Markup:
    return Markup("<mark>{}</mark>").format(escape(text)) if text else Markup("")
