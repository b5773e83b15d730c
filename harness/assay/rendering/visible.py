"""Any text as HTML that shows what is there.

HTML's own characters are escaped. Characters that would hide, reorder or forge text (control characters,
bidirectional overrides, zero-width and tag characters) become visible marks, because a browser shows nothing of
them: a right-to-left override makes "exe.gpj" of "jpg.exe", and tag characters carry whole invisible sentences.
"""

from __future__ import annotations

import re

from markupsafe import Markup
from markupsafe import escape as _html

_HIDDEN = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f])\\1*"
)
"""One hidden character and its repetitions. The joiners U+200C and U+200D are left: Persian and emoji need them."""

_MAX_MARKS = 2_000
"""Marks in one text; each costs 40 bytes of page. Beyond them a hidden character is U+FFFD."""

_CONTROL_PICTURES = 0x2400


def escape(text: str, *, max_marks: int = _MAX_MARKS) -> Markup:
    """The text as HTML; line breaks and tabs stay as they are (`white-space: pre-wrap` shows them)."""
    text = text.replace("\r\n", "\n")
    if not _HIDDEN.search(text):
        return _html(text)
    parts: list[str] = []
    end = 0
    for count, match in enumerate(_HIDDEN.finditer(text)):
        if count >= max_marks:
            parts.append(_html(_HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text[end:])))
            break
        parts.append(_html(text[end : match.start()]))
        parts.append(_mark(match[1], len(match[0])))
        end = match.end()
    else:
        parts.append(_html(text[end:]))
    return Markup("".join(parts))  # noqa: S704  made of escaped pieces


def one_line(text: object, limit: int = 200) -> Markup:
    """The beginning of a value on one line, white space folded; "…" where it goes on."""
    shown = str(text)[: 4 * limit]
    folded = " ".join(shown.split())
    cut = len(folded) > limit or len(shown) < len(str(text))
    return escape(folded[:limit], max_marks=20) + ("…" if cut else "")


def snippet(text: str, start: int, length: int, *, around: int = 60) -> Markup:
    """A place in a text with what stands around it, on one line, the place itself in `<mark>`."""
    first = max(0, start - around)
    last = min(len(text), start + length + around)
    pieces = (text[first:start], text[start : start + length], text[start + length : last])
    before, hit, after = (escape(re.sub(r"\s+", " ", piece), max_marks=20) for piece in pieces)
    opening, closing = "…" if first else "", "…" if last < len(text) else ""
    return Markup("{}{}<mark>{}</mark>{}{}").format(opening, before, hit, after, closing)


def _mark(char: str, times: int) -> str:
    code = ord(char)
    name = (
        chr(_CONTROL_PICTURES + code) if code < 0x20 else "\N{SYMBOL FOR DELETE}" if code == 0x7F else f"U+{code:04X}"
    )
    repeated = f"×{times}" if times > 1 else ""
    return f'<span class="hidden-char" title="U+{code:04X}">{name}{repeated}</span>'
