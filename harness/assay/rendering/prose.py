r"""A model's text, faithful to the character, with formulas marked and code blocks highlighted.

The text is not read as Markdown: what the model wrote is what is shown, headings' hashes and emphasis' stars
included. Only three things are recognised:

* blocks between fences (three or more backticks or tildes on a line of their own) become highlighted code;
* text between backticks is code, in which no formula is looked for;
* formulas, `$$…$$`, `\[…\]`, `\(…\)`, `$…$`, a bare `\boxed{…}`, and `\begin{…}…\end{…}` of an environment that
  KaTeX knows, become `<span class="tex">` around their source, with the lengths of their delimiters; `math.js` draws
  them.

`$` is a formula only as in Pandoc: no white space inside next to the dollars, and no digit after the closing one, so
that "$5 and $6" is none. The scan is linear: every closing mark is looked for within `_MAX_FORMULA` characters.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from assay.rendering.code import highlight
from assay.rendering.visible import escape

MAX_RICH = 200_000
"""Characters in which formulas and code are looked for; what follows is plain."""
MAX_SHOWN = 1_000_000
"""Characters that a page shows; the rest can be had as plain text."""
MAX_FORMULAS = 3_000
_MAX_FORMULA = 4_000
_MAX_MISSES = 2_000
"""Marks that turn out to open no formula; each may have cost a look at `_MAX_FORMULA` characters."""

_MARK = re.compile(
    r"^[ ]{0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$"
    r"|(?P<ticks>`+)"
    r"|(?P<dollars>\$\$?)"
    r"|\\(?P<bracket>[\[(])"
    r"|(?P<boxed>\\f?boxed\{)"
    r"|\\begin\{(?P<env>(?:align|aligned|equation|gather|gathered|cases|array|split|smallmatrix|[pbBvV]?matrix)\*?)\}"
    r"|(?P<escaped>\\.)",
    re.MULTILINE,
)
_CLOSING = {"[": "\\]", "(": "\\)"}
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def prose(text: str, *, rich: bool = True) -> Markup:
    """The text as the inside of an element with `white-space: pre-wrap`.

    Args:
        text: What a model wrote.
        rich: False shows every character as it is.
    """
    shown = text[:MAX_SHOWN]
    html: list[Markup] = []
    if rich:
        html.append(_rich(shown[:MAX_RICH]))
        shown = shown[MAX_RICH:]
    html.append(escape(shown))
    if len(text) > MAX_SHOWN:
        html.append(Markup('<span class="cut"> … {} more characters</span>').format(f"{len(text) - MAX_SHOWN:,}"))
    return Markup("").join(html)


def _rich(text: str) -> Markup:
    html: list[Markup] = []
    done = 0  # everything before it is in html
    place = 0
    formulas = misses = 0
    while match := _MARK.search(text, place):
        place = match.end()
        if match["escaped"]:
            continue
        if match["fence"]:
            html.append(escape(text[done : match.start()]))
            block, done = _fenced(text, match)
            html.append(block)
            place = done
            continue
        if match["ticks"]:
            end = text.find(match["ticks"], match.end(), match.end() + _MAX_FORMULA)
            if end >= 0:
                end += len(match["ticks"])
                html += [
                    escape(text[done : match.start()]),
                    Markup("<code>{}</code>").format(escape(text[match.start() : end])),
                ]
                done = place = end
            continue
        if formulas >= MAX_FORMULAS or misses >= _MAX_MISSES:
            continue
        found = _formula(text, match)
        if found is None:
            misses += 1
            continue
        end, opening, closing, display = found
        formulas += 1
        source = text[match.start() : end]
        html.append(escape(text[done : match.start()]))
        html.append(
            Markup('<span class="tex{}" data-open="{}" data-close="{}">{}</span>').format(
                " display" if display else "", opening, closing, escape(source)
            )
        )
        done = place = end
    html.append(escape(text[done:]))
    return Markup("").join(html)


def _fenced(text: str, match: re.Match[str]) -> tuple[Markup, int]:
    """The code block that a fence opens, and where it ends; one that is never closed ends with the text."""
    fence = match["fence"]
    start = min(match.end() + 1, len(text))
    closing = re.compile(rf"^ {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$", re.MULTILINE).search(text, start)
    end, after = (closing.start(), closing.end()) if closing else (len(text), len(text))
    language = match["info"].strip().split(" ")[0][:30]
    label = Markup('<span class="code-language">{}</span>').format(escape(language)) if language else Markup("")
    body = highlight(text[start:end].removesuffix("\n"), language)
    block = Markup('<span class="code-block">{}<code tabindex="0">{}</code></span>').format(label, body)
    return block, min(after + 1, len(text)) if closing else after


def _formula(text: str, match: re.Match[str]) -> tuple[int, int, int, bool] | None:
    """Where the formula ends, the lengths of its delimiters, and whether it stands on its own; None: it is none."""
    start = match.end()
    limit = start + _MAX_FORMULA
    if match["boxed"]:
        end = _closing_brace(text, start, limit)
        return None if end is None else _checked(text, match.start(), end, 0, 0, False)
    if match["env"]:
        closing = f"\\end{{{match['env']}}}"
        end = text.find(closing, start, limit)
        return None if end < 0 else _checked(text, match.start(), end + len(closing), 0, 0, True)
    if match["bracket"]:
        end = text.find(_CLOSING[match["bracket"]], start, limit)
        return None if end <= start else _checked(text, match.start(), end + 2, 2, 2, match["bracket"] == "[")
    if match["dollars"] == "$$":
        end = text.find("$$", start, limit)
        return None if end <= start else _checked(text, match.start(), end + 2, 2, 2, True)
    return _between_dollars(text, match.start(), start, limit)


def _between_dollars(text: str, before: int, start: int, limit: int) -> tuple[int, int, int, bool] | None:
    if start >= len(text) or text[start].isspace():
        return None
    end = text.find("$", start, limit)
    while end > 0 and text[end - 1] == "\\":
        end = text.find("$", end + 1, limit)
    if end <= start or text[end - 1].isspace() or text[end + 1 : end + 2].isdigit() or "\n\n" in text[start:end]:
        return None
    return _checked(text, before, end + 1, 1, 1, False)


def _checked(
    text: str, start: int, end: int, opening: int, closing: int, display: bool
) -> tuple[int, int, int, bool] | None:
    # A formula with hidden characters is shown as text, which makes them visible.
    return None if _HIDDEN.search(text, start, end) else (end, opening, closing, display)


def _closing_brace(text: str, start: int, limit: int) -> int | None:
    """Behind the brace that closes the one before `start`; None where there is none before `limit`."""
    depth = 1
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start, min(limit, len(text))):
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            if depth == 0:
                return found.end()
    return None
