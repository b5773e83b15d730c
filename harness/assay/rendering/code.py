"""A program as highlighted HTML, by Pygments.

Only Pygments' lexers are used, and of those the ones of languages that models write; the HTML is made here, token by
token, from class names of a fixed table and escaped text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from assay.rendering.visible import escape

if TYPE_CHECKING:
    from pygments.lexer import Lexer

MAX_CHARS = 30_000
"""A longer program is shown plainly: some lexers backtrack, and nobody reads that much of colour."""

_LANGUAGES = {
    "bash": "bash", "c": "c", "c++": "cpp", "cpp": "cpp", "cs": "csharp", "csharp": "csharp", "cuda": "cpp",
    "go": "go", "golang": "go", "haskell": "haskell", "java": "java", "javascript": "javascript", "js": "javascript",
    "json": "json", "julia": "julia", "kotlin": "kotlin", "latex": "tex", "lean": "lean", "lua": "lua",
    "ocaml": "ocaml", "pascal": "pascal",
    "php": "php", "py": "python", "pypy": "python", "pypy3": "python", "python": "python", "python2": "python",
    "python3": "python", "r": "r", "ruby": "ruby", "rust": "rust", "scala": "scala", "sh": "bash", "shell": "bash",
    "sql": "sql", "swift": "swift", "tex": "tex", "ts": "typescript", "typescript": "typescript", "yaml": "yaml",
}  # fmt: skip
"""What a model writes behind a fence, and the lexer for it."""


def highlight(source: str, language: str = "") -> Markup:
    """The program as the inside of a `<pre>`; plain where the language is unknown or the program too long."""
    name = _LANGUAGES.get(language.strip().lower())
    if name is None or len(source) > MAX_CHARS:
        return escape(source)
    parts: list[str] = []
    for kind, text in _lexer(name).get_tokens(source):
        css = _css_class(kind)
        parts.append(f'<span class="{css}">{escape(text)}</span>' if css else str(escape(text)))
    return Markup("".join(parts))  # noqa: S704  escaped texts in spans of known classes


@lru_cache(maxsize=64)
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@lru_cache(maxsize=512)
def _css_class(kind: object) -> str:
    """The class of a kind of token: few of them, so that a page stays calm. `assay.css` colours them."""
    from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String

    if kind in Error:
        return ""  # half a program is no reason to shout
    table = (
        (Comment, "tok-comment"),
        (Keyword, "tok-keyword"),
        (Operator.Word, "tok-keyword"),
        (String, "tok-string"),
        (Number, "tok-number"),
        (Name.Function, "tok-name"),
        (Name.Class, "tok-name"),
        (Name.Decorator, "tok-name"),
        (Name.Builtin, "tok-builtin"),
    )
    return next((css for token, css in table if kind in token), "")
