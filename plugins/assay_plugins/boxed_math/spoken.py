"""Numbers and arithmetic in English words: "twenty-one", "one half", "10 minus 2", "5 choose 2"."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {
    **{word: number for number, word in enumerate(_ONES)},
    **{word: 10 * number for number, word in enumerate(_TENS, 2)},
}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_PARTS = {
    word: number
    for number, words in {
        2: "half halves", 3: "third thirds", 4: "quarter quarters fourth fourths", 5: "fifth fifths",
        6: "sixth sixths", 7: "seventh sevenths", 8: "eighth eighths", 9: "ninth ninths", 10: "tenth tenths",
        11: "eleventh elevenths", 12: "twelfth twelfths", 20: "twentieth twentieths", 100: "hundredth hundredths",
    }.items()
    for word in words.split()
}  # fmt: skip
_ARITHMETIC = (
    (re.compile(r"(?<=[\d)}!])\s*(?:divided by|over)\s+(?=[\d(\\a-z-])"), " / "),
    (re.compile(r"(?<=[\d)}!])\s*plus\s+(?=[\d(\\a-z-])"), " + "),
    (re.compile(r"(?<=[\d)}!])\s*minus\s+(?=[\d(\\a-z-])"), " - "),
    (re.compile(r"(?<=[\d)}!])\s*(?:times|multiplied by)\s+(?=[\d(\\-])"), r" \\cdot "),
    (re.compile(r"(?<=[\d)}!])\s*to\s+(?=\d+(?:\.\d+)?\Z)"), " : "),
    (re.compile(r"(?<=[\d)}])\s*squared\Z"), "^2"),
    (re.compile(r"(?<=[\d)}])\s*cubed\Z"), "^3"),
    (re.compile(r"(?<=[\d)}])\s*factorial\Z"), "!"),
)
_CHOOSE = re.compile(r"(\d{1,9})\s*choose\s+(\d{1,9})")
_WORD = re.compile(r"\b(?:plus|minus|times|multiplied|divided|over|choose|squared|cubed|factorial|to)\b", re.IGNORECASE)


@lru_cache(maxsize=2048)
def spoken_number(words: str) -> Fraction | None:
    """The number that words say, below 10^12; None where they say none.

    >>> [str(spoken_number(words)) for words in ("twenty-one", "two thirds", "minus one and a half", "two-ish")]
    ['21', '2/3', '-3/2', 'None']
    """
    text = " ".join(words.replace("-", " ").casefold().split())
    if len(text) > 200:
        return None
    sign = -1 if text.startswith(("minus ", "negative ")) else 1
    text = text.removeprefix("minus ").removeprefix("negative ")
    whole, _, part = text.rpartition(" and ")
    fraction = _fraction(part)
    if whole and fraction is not None:
        number = _integer(whole)
        return None if number is None else sign * (number + fraction)
    fraction = _fraction(text)
    if fraction is not None:
        return sign * fraction
    number = _integer(text)
    return None if number is None else sign * Fraction(number)


def _fraction(text: str) -> Fraction | None:
    """A half, two thirds, three quarters of one; None for anything else."""
    head, _, part = text.rpartition(" ")
    if part not in _PARTS or not head:
        return None
    top = 1 if head in ("a", "an") else _integer(head)
    return None if top is None else Fraction(top, _PARTS[part])


def _integer(text: str) -> int | None:
    total = group = 0
    before = 1000
    words = text.replace(" and ", " ").split()
    if not words:
        return None
    for word in words:
        if word in _SMALL:
            value = _SMALL[word]
            if before < 1000 and not (before >= 20 and before % 10 == 0 and value < 10) and before != 100:
                return None
            group, before = group + value, value if value else 1
        elif word == "hundred" and 0 < group < 100:
            group, before = group * 100, 100
        elif word in _LARGE and group:
            total, group, before = total + group * _LARGE[word], 0, 1000
        elif word == "a" and len(words) > 1 and not total and not group:
            group, before = 1, 1
        else:
            return None
    return total + group


def spoken_arithmetic(cleaned: str) -> str:
    r"""Arithmetic in words as signs, where every word of it stands between or behind numbers.

    >>> spoken_arithmetic("10 minus 2"), spoken_arithmetic(r"5 \text{ choose } 2"), spoken_arithmetic("5 times")
    ('10 - 2', '\\binom{5}{2}', '5 times')
    """
    if not _WORD.search(cleaned):
        return cleaned
    text = re.sub(r"\\text\s*\{\s*((?:[a-z]+ ){0,2}[a-z]+)\s*\}", r" \1 ", cleaned)
    text = _CHOOSE.sub(r"\\binom{\1}{\2}", text)
    for pattern, sign in _ARITHMETIC:
        text = pattern.sub(sign, text)
    text = " ".join(text.split())
    return cleaned if _WORD.search(text) else text
