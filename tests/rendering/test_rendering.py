"""Texts of models as HTML: nothing of them is ever markup, nothing is lost, and time is bounded."""

from __future__ import annotations

import html.parser
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.rendering import diff_table, escape, highlight, interval_svg, one_line, prose, share_svg, snippet

OURS = {"span", "code", "mark", "tr", "td", "th"}


class Reader(html.parser.HTMLParser):
    """What a browser sees: the elements with their attributes, and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(markup))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl!r}")


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</span></div></main><script src=//evil.example/x.js></script>",
    '"><svg onload=alert(1)>',
    "'><iframe srcdoc='<script>1</script>'>",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "~~~python\n'''</code></span><script>alert(1)</script>",
    "`<b>x</b>`",
    "$<script>alert(1)</script>$",
    r"$\href{javascript:alert(1)}{x}$ \(\htmlData{a=b}{x}\) $$\includegraphics{http://evil.example/x}$$",
    r"\boxed{</span><script>alert(1)</script>}",
    r"\begin{matrix}<img src=x onerror=alert(1)>\end{matrix}",
    "[x](javascript:alert(1)) ![](http://evil.example/a.png) <http://evil.example>",
    "<!-- --><!DOCTYPE html><style>*{display:none}</style><base href=//evil.example>",
    "&lt;script&gt; &#60;script&#62; &amp;",
    "\x00<scr\x00ipt>\x1b[2J\u202egpj.exe\u2066\u200b\ufeff\U000e0041",
    "<" * 10_000,
]


DRAWN = [
    escape,
    one_line,
    prose,
    lambda text: highlight(text, "latex"),
    lambda text: highlight(text, "python"),
    lambda text: diff_table(text, "x"),
    lambda text: diff_table("x", text),
    lambda text: snippet(text, 1, 3),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("draw", DRAWN)
def test_no_text_becomes_markup(draw: object, text: str) -> None:
    seen = Reader(draw(text))  # type: ignore[operator]
    for tag, attributes in seen.elements:
        assert tag in OURS
        assert set(attributes) <= {"class", "title", "data-open", "data-close", "tabindex", "scope"}
        assert all("<" not in (value or "") for value in attributes.values())


@given(st.text(alphabet=st.sampled_from("ab <>&\"'`~$\\[](){}\n\u202e\x00_^#"), max_size=60))
def test_every_character_is_shown(text: str) -> None:
    seen = Reader(prose(text))
    assert {tag for tag, _ in seen.elements} <= OURS
    hidden = re.sub("[\x00\u202e]+", "", text)
    shown = re.sub(r"␀(×\d+)?|U\+202E(×\d+)?", "", seen.text)
    # A fence and the line breaks around it are the frame of the block, everything else is there.
    assert (
        re.sub(r"^ {0,3}(`{3,}|~{3,}).*$|\s", "", hidden, flags=re.M)
        == re.sub(r"^ {0,3}(`{3,}|~{3,}).*$|\s", "", shown, flags=re.M)
        or "```" in text
        or "~~~" in text
    )


def test_hidden_characters_are_shown_by_name() -> None:
    assert Reader(escape("a\x00\x00b\u202ec\r\nd\re")).text == "a␀×2bU+202Ec\nd␍e"
    assert Reader(escape("\u200d\u200c é 日本 👩\u200d🔬")).text == "\u200d\u200c é 日本 👩\u200d🔬"
    many = escape("\x00a" * 10_000)
    assert str(many).count("<span") == 2_000
    assert "\x00" not in many


FORMULAS = [
    (r"so $x^2$ is", [r"$x^2$"]),
    (r"costs $5 and $6 more", []),
    (r"a $ b $ c", []),
    (r"\(a\) and \[b\]", [r"\(a\)", r"\[b\]"]),
    (r"$$a$$", ["$$a$$"]),
    (r"it is \boxed{\frac{1}{2}}.", [r"\boxed{\frac{1}{2}}"]),
    (r"\boxed{never closed", []),
    (r"`$x$` and $y$", ["$y$"]),
    ("```\n$x$\n```\n$y$", ["$y$"]),
    (r"\$5 and $x$", ["$x$"]),
    (r"\begin{align}a&=b\\c&=d\end{align}", [r"\begin{align}a&=b\\c&=d\end{align}"]),
    (r"\begin{verbatim}a\end{verbatim}", []),
    ("$a\u202eb$", []),
    ("$a\n\nb$", []),
    (r"$\text{a \$ b}$", [r"$\text{a \$ b}$"]),
]


@pytest.mark.parametrize(("text", "formulas"), FORMULAS)
def test_formulas_are_found(text: str, formulas: list[str]) -> None:
    found = re.findall(
        r'<span class="tex[^"]*" data-open="(\d)" data-close="(\d)">(.*?)</span>', str(prose(text)), re.S
    )
    assert [Reader(source).text for _, _, source in found] == formulas
    for opening, closing, source in found:
        shown = Reader(source).text
        assert shown[: int(opening)] in ("", "$", "$$", "\\(", "\\[")
        assert shown[len(shown) - int(closing) :] in ("", "$", "$$", "\\)", "\\]")


def test_code_is_highlighted_and_whole() -> None:
    seen = Reader(prose('Look:\n```python\ndef f(x):\n    return "<b>" # hm\n```\nDone.'))
    assert seen.text == 'Look:\npythondef f(x):\n    return "<b>" # hmDone.'
    assert {attributes.get("class") for _, attributes in seen.elements} >= {"tok-keyword", "tok-string", "tok-comment"}
    assert str(highlight("x" * 50_000, "python")) == "x" * 50_000
    assert str(highlight("<b>", "nonsense")) == "&lt;b&gt;"


PATHOLOGICAL = {
    "dollars": "$" * 200_000,
    "dollar x": "$x" * 100_000,
    "open brackets": r"\[" * 100_000,
    "boxed": r"\boxed{" * 30_000,
    "backticks": "`" * 100_000 + " " + "``` " * 30_000,
    "ticks": "`x``y" * 40_000,
    "fences": "```\n" * 50_000,
    "fence lengths": "\n".join("`" * (3 + n % 50) for n in range(20_000)),
    "begin": r"\begin{align}" * 20_000,
    "backslashes": "\\" * 300_000,
    "one line": "x" * 1_000_000,
    "nul": "\x00" * 1_000_000,
    "overrides": "\u202e\u202c" * 500_000,
    "deep": "{" * 200_000 + "[" * 200_000 + "(" * 200_000,
    "python": "```python\n" + '"' * 100_000,
    "cpp": "```cpp\n" + "/*" * 14_000 + "\n```",
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_no_text_takes_long_or_grows_without_bound(name: str) -> None:
    started = time.process_time()
    page = prose(PATHOLOGICAL[name])
    assert time.process_time() - started < 3
    assert len(page) < 8_000_000


@pytest.mark.parametrize(
    "language", ["python", "cpp", "java", "javascript", "haskell", "rust", "tex", "json", "bash", "lean"]
)
def test_no_lexer_takes_long(language: str) -> None:
    for text in (
        '"' * 30_000,
        "(" * 30_000,
        "/*" * 15_000,
        "\\" * 30_000,
        "a" * 30_000,
        " " * 30_000,
        "0" * 30_000,
        "<<" * 15_000,
    ):
        started = time.process_time()
        highlight(text, language)
        assert time.process_time() - started < 3, (language, text[:2])


def test_a_diff_marks_what_differs() -> None:
    table = str(diff_table("a\n1 2 3\nz\n", "a\n1 5 3\n"))
    rows = re.findall(r'<tr class="(\w+)">(.*?)</tr>', table)
    assert [kind for kind, _ in rows] == ["same", "differs", "differs"]
    assert "1 <mark>2</mark> 3" in rows[1][1]
    assert "1 <mark>5</mark> 3" in rows[1][1]
    assert 'class="ended"' in rows[2][1]
    assert "nothing" in diff_table("x", None)
    assert str(diff_table("b", "c", first_line=7)).count(">7<") == 2
    started = time.process_time()
    assert len(diff_table("a b " * 100_000, "b a " * 100_000)) < 100_000
    assert len(diff_table("a\n" * 100_000, "b\n" * 90_000)) < 200_000
    assert time.process_time() - started < 3


def test_figures_say_their_numbers() -> None:
    assert 'aria-label="0.250, interval 0.100 to 0.400"' in interval_svg(0.25, 0.1, 0.4)
    assert str(interval_svg(None)) == str(interval_svg(float("nan"))) == ""
    bar = share_svg({"right": 3, "wrong": 1, "error": 0})
    assert 'aria-label="right 75.0%, wrong 25.0%"' in bar
    assert str(share_svg({})) == ""


def test_a_snippet_marks_the_place() -> None:
    assert str(snippet("so <b> is", 3, 3)) == "so <mark>&lt;b&gt;</mark> is"
    assert str(snippet("a" * 200 + "X" + "b" * 200, 200, 1, around=3)) == "…aaa<mark>X</mark>bbb…"
