r"""Taking the typography off an answer, so that the same mathematics becomes the same text.

`clean` maps Unicode to LaTeX, drops delimiters, spacing and sizing commands, joins thousands separators and
unwraps boxes and fonts. It keeps everything that can carry meaning: brackets, commas, words, signs.
Each step is one pass of a linear regular expression or `str.translate`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "θ": "theta", "λ": "lambda",
    "μ": "mu", "ν": "nu", "ξ": "xi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Δ": "Delta", "Σ": "Sigma", "Ω": "Omega", "Γ": "Gamma", "Θ": "Theta", "Φ": "Phi", "π": "pi",
}  # fmt: skip
_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
    "∙": r"\cdot ", "∗": "*", "÷": r"\div ", "∕": "/", "⁄": "/", "∞": r"\infty ", "≤": r"\le ", "⩽": r"\le ",
    "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≃": r"\approx ", "∪": r"\cup ", "∩": r"\cap ",
    "∖": r"\setminus ", "∅": r"\emptyset ", "∈": r"\in ", "±": r"\pm ", "∓": r"\mp ", "°": r"^\circ ", "º": r"^\circ ",
    "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"', "∠": r"\angle ", "△": r"\triangle ", "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "⟨": r"\langle ", "⟩": r"\rangle ", "∣": "|", "→": r"\to ", "√": "√",
    "，": ",", "。": ".", "；": ";", "：": ":", "、": ",", "（": "(", "）": ")", "！": "!", "％": "%", "￥": "¥",
    "…": r"\ldots ", "‰": "/1000 ", "∶": ":",
    "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ",
}  # fmt: skip
_INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0x2061, 0x2062, 0x2063, 0xFEFF, 0x00AD, 0x200E, 0x200F])
_TABLE: dict[int, str | None] = {
    **_INVISIBLE,
    **{ord(char): latex for char, latex in _SYMBOLS.items()},
    **{ord(char): f"\\{name} " for char, name in _GREEK.items()},
    **{ord(char): chr(ord(char) - 0xFEE0) for char in map(chr, range(0xFF01, 0xFF5F))},
    **{ord(char): r"\frac{{{}}}{{{}}}".format(*unicodedata.normalize("NFKC", char).split("⁄")) for char in _VULGAR},
    **dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " "),
}
_UNIT_POWER = re.compile(r"(?<=[\d\s])([kcdm]?m)([²³])(?![\w+\-−*/^=])")
_SUPER_RUN = re.compile(f"[{_SUPERSCRIPTS}]+")
_SUB_RUN = re.compile(f"[{_SUBSCRIPTS}]+")
_BUILT_FRACTION = re.compile(f"([{_SUPERSCRIPTS}]+)[⁄/]([{_SUBSCRIPTS}]+)")
_STYLED = re.compile("[\U0001d400-\U0001d7ff]+")
"""Letters and digits of the mathematical alphabets: bold, italic, double-struck."""
_ROOT = re.compile(r"((?:(?<![\w)\]}])[²³⁴⁵⁶⁷⁸⁹])?√|∛|∜)\s*(\d+(?:\.\d+)?|[A-Za-z])?")

_PRICE = re.compile(r"\$(?=\s?[\d.])")
_DELIMITERS = re.compile(r"\$\$?|\\[()\[\]](?!\w*pt)")
_THOUSANDS_LATEX = re.compile(r"(?<=\d)(?:\{,\}|,\s*\\!|\\,|\\ |\\;|\\:|\\thinspace(?![a-z])|~)\s*(?=\d{3}(?!\d))")
_SPACING = re.compile(
    r"\\[,;:> ]|\\(?:quad|qquad|thinspace|enspace|medspace|hfill|displaystyle|textstyle|limits|nolimits|mathstrut|"
    r"strut|phantom|allowbreak|nobreak|newline|smallskip|medskip|bigskip|noindent|centering|large|Large|normalsize)"
    r"(?![A-Za-z])|\\(?:hspace|vspace|kern|phantom|hphantom|label|tag)\*?\s*\{[^{}]*\}|~"
)
_NEGATIVE_SPACE = re.compile(r"\\!|\\negthinspace(?![A-Za-z])")
_SWITCH = re.compile(
    r"\\(?:bf|it|sf|tt|sl|sc|rm|cal|color\s*(?:\[[a-zA-Z]+\])?\s*\{[^{}]{1,30}\})(?![A-Za-z])(?!\s*\{\s*[A-Za-z]+\s*\})"
)
"""Fonts and colours that last to the end of the group."""
_SIZING = re.compile(r"\\(?:m?left|m?right|[bB]igg?[lrm]?|middle)(?![A-Za-z])\s*\.?")
_FRAC = re.compile(r"\\[dtc]frac(?![a-z])")
_DOUBLE_ESCAPED = re.compile(r"\\\\(?=[A-Za-z])")
ROW = "⏎"
"""Stands for the line break of LaTeX, two backslashes, in cleaned text."""
_FONT = re.compile(
    r"\\(?:mathbf|mathit|mathsf|mathtt|mathcal|mathscr|mathfrak|boldsymbol|bm|bold|textcolor\{[a-z]+\}|color\{[a-z]+\}|"
    r"underline|ensuremath|mathord|mathbin|mathrel|variable)(?=\s*\{)"
)
_ROMAN = re.compile(r"\\(?:mathrm|rm|operatorname\*?|textrm|mathop)\s*\{\s*([A-Za-z]+)\s*\}")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textsf|texttt|textnormal|textup|textsc|emph|mbox|hbox|mathrm|textrm)\s*(?=\{)"
)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?=\{)")
_BOLD = re.compile(r"(?<![\w)}])\*\*(?=\S)([^*]*[^\s*])\s*\*\*|__([^_]+)__")
_OUTWARD = re.compile(r"([\[\]])([^\[\]]+[,;][^\[\]]+)([\[\]])")
_SPACES = re.compile(r"\s+")
_NAMES = {
    "leq": "le", "geq": "ge", "leqslant": "le", "geqslant": "ge", "neq": "ne", "lt": "<", "gt": ">",
    "dots": "ldots", "cdots": "ldots", "varnothing": "emptyset", "backslash": "setminus", "smallsetminus": "setminus",
    "land": "and", "lor": "or", "degree": "circ ", "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "lgroup": "(", "rgroup": ")", "lparen": "(", "rparen": ")",
    "ulcorner": "lceil", "urcorner": "rceil", "llcorner": "lfloor", "lrcorner": "rfloor", "imaginaryI": "i",
    "exponentialE": "e", "varphi": "phi", "varepsilon": "epsilon", "vartheta": "theta", "ast": "*", "star": "*",
    "colon": ":", "longrightarrow": "to", "rightarrow": "to", "longleftarrow": "to", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "simeq": "approx",
    "thickapprox": "approx", "sim": "approx", "mleft": "", "mright": "", "left": "", "right": "",
}  # fmt: skip
_LITERAL = frozenset("<>[]()|*:")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
# Commands that the models (and test files) glue to a letter: \left\vertx, \leftx.
_GLUED = re.compile(r"\\(lvert|rvert|vert|lgroup|rgroup|lbrace|rbrace|lbrack|rbrack|quad)(?=[A-Za-z])(?!ed)")


_DOTTED = re.compile(r"(?<=[\d.])\\dot\s*\{(\d)\}")
# 0.333..., 0.(3): a period that is written out at least twice (a single digit three times), or in brackets.
_REPEATING = re.compile(
    r"(?<![\d.])(\d{1,20}\.\d{0,20}?)(?:(?:(\d)\2{2,40}|(\d{2,12}?)\3{1,10})(?:\.\.\.|\\ldots)|\((\d{1,20})\))(?!\w)"
)
_SUFFIXED = re.compile(r"\d\s?(?:st|nd|rd|th)\b|\b[ap]\.?\s?m\b|mod|\^\s*\{?\s*\\text", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(?:\^\s*\{?\s*\\text\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?|(?:st|nd|rd|th)\b)")
_DAYTIME = re.compile(
    r"(?:\\text\s*\{\s*)?\b([01]?\d):([0-5]\d)\s*(?:\\text\s*\{\s*)?([ap])\.?\s?m\b\.?(?:\s*\})?", re.IGNORECASE
)
_HOUR = re.compile(
    r"(?:\\text\s*\{\s*)?(?<![:.\d])\b([01]?\d)(?:\s+|\s*\\text\s*\{\s*)([ap])\.?m\b\.?(?:\s*\})?", re.IGNORECASE
)
_MODULO = re.compile(r"\(\s*(?:\\[bp]?mod|\\text\s*\{\s*mod\s*\}|mod)\s*([^()]{1,30}?)\s*\)|\\pmod\s*(?=\w)(\w)")


def _rename(match: re.Match[str]) -> str:
    name = match[1]
    new = _NAMES.get(name)
    if new is None:
        return match[0]
    if not new or new in _LITERAL:
        return new or " "
    if new == "circ ":
        return r"^\circ "
    return "\\" + new if new in "{}" else f" {new} " if new in ("and", "or", "i", "e") else "\\" + new


def to_latex(text: str) -> str:
    """Unicode mathematics as LaTeX; ASCII text comes back as it is."""
    if text.isascii():
        return text
    text = _STYLED.sub(lambda m: unicodedata.normalize("NFKC", m[0]), text)
    text = _BUILT_FRACTION.sub(
        lambda m: r"\frac{{{}}}{{{}}}".format(*(unicodedata.normalize("NFKC", g) for g in m.groups())), text
    )
    text = _ROOT.sub(_root, text)
    text = _UNIT_POWER.sub(lambda m: rf"\text{{{m[1]}}}{m[2]}", text)  # a typed m² is a unit, m^2 may be algebra
    text = text.translate(_TABLE)
    text = _SUPER_RUN.sub(lambda m: "^{" + unicodedata.normalize("NFKC", m[0]).replace("−", "-") + "}", text)
    return _SUB_RUN.sub(lambda m: "_{" + unicodedata.normalize("NFKC", m[0]) + "}", text)


def _root(match: re.Match[str]) -> str:
    degree = {"∛": "3", "∜": "4"}.get(match[1]) or unicodedata.normalize("NFKC", match[1][:-1])
    root = rf"\sqrt[{degree}]" if degree else r"\sqrt"
    return f"{root}{{{match[2]}}}" if match[2] else f"{root} "


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    r"""The text of an answer without typography.

    >>> clean(r"$\dfrac{1{,}000}{3}\;\text{cm}$.")
    '\\frac{1000}{3} \\text{cm}'
    """
    text = to_latex(text).strip()
    text = _BOLD.sub(lambda m: m[1] or m[2], text)
    text = text.replace("**", "^")  # the power of programming languages
    if r"\begin" not in text:
        text = _DOUBLE_ESCAPED.sub(r"\\", text)  # LaTeX that went through JSON once too often
    text = text.replace(r"\\", ROW)
    text = _escapes(text)
    text = _BOX.sub("", text)
    text = _ROMAN.sub(_roman, text)
    text = _TEXT.sub(r"\\text", text)
    text = _FONT.sub("", text)
    text = _GLUED.sub(r"\\\1 ", text)
    text = _SIZING.sub("", text)
    text = _COMMAND.sub(_rename, text)
    text = _FRAC.sub(r"\\frac", text)
    text = _SPACES.sub(" ", text).strip()
    if text.startswith("]") or text.endswith("["):  # French open intervals
        text = _OUTWARD.sub(lambda m: m[1].replace("]", "(") + m[2] + m[3].replace("[", ")"), text)
    return _trim(_numerals(text))


def _numerals(text: str) -> str:
    """Repeating decimals, ordinals, times of day and residue classes, written in one way each."""
    text = text.replace("{:}", ":")
    if "." in text:
        text = _DOTTED.sub(r"\\overline{\1}", text)
        text = _REPEATING.sub(lambda m: rf"{m[1]}\overline{{{m[2] or m[3] or m[4]}}}", text)
    if _SUFFIXED.search(text):
        text = _ORDINAL.sub("", text)
        text = _DAYTIME.sub(lambda match: rf"\text{{{match[1].lstrip('0')}:{match[2]} {match[3].lower()}m}}", text)
        text = _HOUR.sub(lambda match: rf"\text{{{match[1].lstrip('0')}:00 {match[2].lower()}m}}", text)
        text = _MODULO.sub(lambda m: rf"\pmod{{{m[1] or m[2]}}}", text)
    return text


def _escapes(text: str) -> str:
    text = _THOUSANDS_LATEX.sub("", text)
    while (joined := _THOUSANDS_LATEX.sub("", text)) != text:  # at most a few rounds: each removes separators
        text = joined
    text = text.replace(r"\$", "¤").replace(r"\%", "%").replace(r"\#", "#").replace(r"\&", "&").replace(r"\_", "_")
    if text.count("$") == 1:  # no pair of delimiters: a price
        text = _PRICE.sub("¤", text)
    text = _DELIMITERS.sub(" ", text)
    text = _SWITCH.sub(" ", _NEGATIVE_SPACE.sub("", text))
    return _SPACING.sub(" ", text)


def _roman(match: re.Match[str]) -> str:
    word = match[1]
    if len(word) == 1:
        return f"{{{word}}}"
    if match[0].startswith(r"\operatorname") or match[0].startswith(r"\mathop"):
        return f"\\{word} "
    return rf"\text{{{word}}}"


def _trim(text: str) -> str:
    """Drop sentence ends and a trailing backslash: an escape that lost what it escaped."""
    before = None
    while before != text:
        before = text
        text = text.rstrip(" \n\t")
        if text.endswith((",", ";", "。")) or (text.endswith(".") and not text.endswith("..")):
            text = text[:-1]
        if text.endswith(("\\", ROW)):
            text = text[:-1]
    return text.lstrip(" ")


_LOOSE_SPACE = re.compile(r"(?<![0-9]) +| +(?![0-9 ])")


@lru_cache(maxsize=8192)
def squeeze(text: str) -> str:
    """`clean` without white space, except between digits: equal keys are equal answers, before anything is parsed."""
    return _LOOSE_SPACE.sub("", clean(text))
