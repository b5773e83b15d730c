r"""Two answers side by side: does the text between them make them alternatives, a list, or one after the other?

`\boxed{A} or \boxed{B}` names no answer, and whoever takes the last box rewards a guess. `\boxed{A}, no:
\boxed{B}` corrects itself, and `\boxed{A} or rather \boxed{B}` does too. Only text that is short and holds
nothing but joining words, punctuation and markup joins; any other word makes two statements of it.

Words of English, German, French, Spanish, Italian, Portuguese, Russian and Chinese are known. Linear time.
"""

from __future__ import annotations

import re
from typing import Literal

MAX_BETWEEN = 80
"""Characters between two answers that may join them; longer text is an argument."""
_OR = r"or|oder|ou|o|или|либо|alternatively|vs|versus"
_AND = r"and|und|et|y|e|и"
_MAYBE = (
    r"maybe|perhaps|possibly|probably|vielleicht|m[oö]glicherweise|peut|[êe]tre|quiz[aá]s?|tal|vez|talvez|forse|"
    r"возможно|может|быть"
)
_FILLER = (
    rf"{_MAYBE}|but|aber|pero|mais|per[oò]|но|а|either|else|even|also|it|is|are|could|may|might|can|be|the|an?|answer|option|"
    r"choice|both|text(?:bf|it|rm)?|mathrm|mbox|quad|qquad"
)
_WORD = re.compile(r"[^\W\d_]+")
_CJK_OR, _CJK_AND = (
    ("或者", "或", "也可能是", "也可能", "可能是", "可能", "也许是", "也许"),
    ("以及", "和", "及", "与", "、"),
)
_KNOWN = re.compile(rf"(?:{_OR}|{_AND}|{_FILLER})", re.IGNORECASE)
_ALTERNATIVE = re.compile(rf"{_OR}|{_MAYBE}", re.IGNORECASE)
_CONTRAST = re.compile(r"but|aber|pero|mais|per[oò]|но|а", re.IGNORECASE)
_MARKUP = frozenset(" \t\r\n$*_`~&,;.:/|\\(){}[]，。；")
_ENDS_IN_OR = re.compile(rf"(?:\b(?:{_OR})\b|或者?)(?:[\W_]|\b(?:{_FILLER})\b)*\Z", re.IGNORECASE)


def how_joined(between: str) -> Literal["or", "and", ""]:
    r"""How the text between two answers joins them: "or", "and" (a comma too), or "" where it does not.

    >>> how_joined(" or maybe "), how_joined(", but possibly "), how_joined(", "), how_joined(". No, it is ")
    ('or', 'or', 'and', '')
    >>> how_joined(" or rather "), how_joined(", but ")
    ('', '')
    """
    if len(between) > MAX_BETWEEN:
        return ""
    rest = between
    alternative = listed = contrasted = False
    for word in _CJK_OR:
        alternative = alternative or word in rest
        rest = rest.replace(word, " ")
    for word in _CJK_AND:
        listed = listed or word in rest
        rest = rest.replace(word, " ")
    for word in _WORD.findall(rest):
        if not _KNOWN.fullmatch(word):
            return ""
        alternative = alternative or _ALTERNATIVE.fullmatch(word) is not None
        listed = listed or re.fullmatch(_AND, word, re.IGNORECASE) is not None
        contrasted = contrasted or _CONTRAST.fullmatch(word) is not None
    if contrasted and not alternative:
        return ""  # "not 41, but 42" corrects
    if not set(_WORD.sub("", rest)) <= _MARKUP:
        return ""
    if alternative or "/" in rest or "|" in rest:
        return "or"
    return "and" if listed or any(mark in rest for mark in ",;，；") else ""


def ends_in_or(text: str) -> bool:
    """Whether a text ends in a word for "or", so that what follows is one of several alternatives.

    >>> ends_in_or("41 or maybe "), ends_in_or("41, or rather "), ends_in_or("not 41, but ")
    (True, False, False)
    """
    return _ENDS_IN_OR.search(text[-MAX_BETWEEN:]) is not None
