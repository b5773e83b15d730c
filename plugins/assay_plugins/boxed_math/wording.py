r"""Answers that are words: in which form they are compared, and dates and times of day, which are no arithmetic.

Words are compared without case, articles and punctuation at the ends. Where a text holds mathematics nothing of
it is dropped but `\text` and white space: `5!` is not `5` and `2X` is not `2x`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_ONE = re.compile(r"([_^])\{(\w)\}")
_MATHS = re.compile(r"[\\^_=<>|+*/{}!'%$¤0-9]|\w\(")
_LONG = re.compile(r"(?<![\\\w])[^\W\d_]{3,}|\b(?:no|am|pm|of|in|on|or|is|at|to|an|by|st)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=[^\W\d_]{3})", re.IGNORECASE)
_LOOSE_SPACE = re.compile(r"(?<![0-9A-Za-z]) +| +(?![0-9A-Za-z])|(?<=[0-9]) +(?=[A-Za-z])|(?<=[A-Za-z]) +(?=[0-9])")
_BARE_CHOICES = frozenset("ABCDabcd")
_CHOICE = re.compile(r"\(?([A-Ja-j])\)?\.?")
_MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(), 1  # noqa: SIM905
    )
    for length in (3, len(name))
} | {"sept": 9}  # fmt: skip
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
        r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
        r"(?P<y>\d{4})\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日号]",
        r"(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日号]",
        r"(?P<a>\d{1,2})([/.-])(?P<b>\d{1,2})\2(?P<y>\d{4})",
        rf"{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:\s*,?\s*(?P<y>\d{{4}}))?",
        rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:\s*,?\s*(?P<y>\d{{4}}))?",
    )
)
_TIME = re.compile(r"\d{1,2}:\d\d [ap]m")


@lru_cache(maxsize=8192)
def words(cleaned: str) -> str:
    r"""A cleaned answer in the form in which texts are compared.

    >>> words(r"\text{The Circle.}"), words(r"\text{Area} = 5!")
    ('circle', 'area=5!')
    """
    text = _ONE.sub(r"\1\2", " ".join(_TEXT.sub(r" \1 ", cleaned).split()))
    text = text.strip(" ,;:?").removesuffix(".")
    folded = text if "\\" in text else _LONG.sub(lambda match: match[0].casefold(), text)
    plain = folded.strip(".!()\"'")
    if plain and not _MATHS.search(plain) and (len(plain) > 2 or folded.strip("()") == plain):
        return _ARTICLE.sub("", plain)
    return _LOOSE_SPACE.sub("", _inside(folded))


def _inside(text: str) -> str:
    """What stands inside the braces around a whole text."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return text[1:-1] if char == "}" and index == len(text) - 1 else text
    return text


def same_words(a: str, b: str) -> bool:
    """Whether two cleaned texts differ in markup and case only. One letter is a choice (C is (C)) or a symbol."""
    choice_a, choice_b = _CHOICE.fullmatch(words(a)), _CHOICE.fullmatch(words(b))
    if choice_a and choice_b:
        marked = a in _BARE_CHOICES or not (len(a) == len(b) == 1)
        return choice_a[1] == choice_b[1] or (marked and choice_a[1].casefold() == choice_b[1].casefold())
    return words(a) == words(b) != ""


@lru_cache(maxsize=2048)
def moment(cleaned: str) -> str | None:
    """A date or a time of day in one form; None for anything else. 3/5/2020 may be two days, and stays as it is.

    >>> moment("March 5, 2020"), moment("2020-03-05"), moment("5/5/2020"), moment("12/24")
    ('2020-3-5', '2020-3-5', '2020-5-5', None)
    """
    if len(cleaned) > 80 or not any(char.isdigit() for char in cleaned):
        return None
    text = " ".join(_TEXT.sub(r" \1 ", cleaned).split()).casefold().replace(" ,", ",")
    if _TIME.fullmatch(text):
        return text
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        if match is not None:
            return _day(match.groupdict())
    return None


def _day(parts: dict[str, str | None]) -> str | None:
    year, day = parts.get("y"), parts.get("d")
    named = _MONTHS.get(parts.get("month") or "")
    month = int(parts.get("m") or 0) or named
    if parts.get("a"):
        first, second = int(parts["a"] or 0), int(parts["b"] or 0)
        if first <= 12 and second <= 12 and first != second:
            return f"{first}/{second}/{year}"
        month, day = (first, str(second)) if first <= 12 else (second, str(first))
    if month is None or day is None or not (1 <= month <= 12 and 1 <= int(day) <= 31):
        return None
    return f"{year or ''}-{month}-{int(day)}".lstrip("-") if year else f"month {month} day {int(day)}"
