r"""Units of measure behind a number, compound ones too, and the words that scale or only decorate it.

`unit_of` reads "km/h", "square meters", `m \cdot s^{-2}` into a size and a dimension. An answer may leave its
unit out (the question names it), but two answers that both name one must agree: 5 cm is 50 mm, and neither 5 m
nor 5 cm^2. Words that the table does not know ("apples", "ways") are decoration.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

from assay_plugins.boxed_math.unit_table import PHRASES, SYMBOLS, WORDS, Unit

MAX_PIECES = 40
"""Words and signs behind a number that are looked at."""
MAX_READINGS = 16
"""Meanings of a compound unit that are followed up: each ambiguous word doubles them."""
CURRENCIES = {"¤": "USD", "€": "EUR", "£": "GBP", "¥": "¥", "₽": "RUB", "₹": "INR", "₩": "KRW", "¢": "¢"}
"""What a currency sign says: as much as the word."""
_BARE = frozenset(
    "mm cm dm km kg mg ml in ft yd mi lb lbs oz sec ms min hr hrs mph kph kmh usd eur pts pt deg rad sq cu".split()  # noqa: SIM905
)
"""Short units that are read behind a number without `\\text`; other runs of letters are products there."""
_SINGLE = frozenset("mgshLNJWVKCFA")
SCALES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "万": 10**4, "亿": 10**8, "тысяч": 1000, "тыс": 1000, "миллионов": 10**6, "миллион": 10**6, "млн": 10**6,
    "млрд": 10**9, "mil": 1000, "millones": 10**6,
}  # fmt: skip
PERCENT = frozenset(["percent", "pct", "percents", "percentage", "процентов", "процента", "процент"])
_POWERS = {
    "square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3, "кв": 2, "куб": 3, "平方": 2, "立方": 3,
    "квадратных": 2, "кубических": 3, "cuadrados": 2, "cúbicos": 3, "carrés": 2, "cubes": 3,
}  # fmt: skip
_PER = frozenset(["per", "в", "por", "par", "pro", "每"])
_PRODUCT = frozenset([r"\cdot", r"\times", "*", "-"])
_SKIPPED = frozenset(["of", "the", "a", "an"])
_FRACTION = re.compile(r"\\frac\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
_ACCENTS = re.compile("[\u0300\u0301]")
_RATE = re.compile(r"\s*(?:/|(?:per|an?|por|par|pro|в)\b|每)")
_MICRO = re.compile(r"\\mu(?![A-Za-z])\s*|μ")
_PHRASE = re.compile(rf"\b(?:{'|'.join(f'({phrase})' for phrase in PHRASES)})", re.IGNORECASE)
_SYMBOL_OF = dict(enumerate(PHRASES.values(), 1))
_PIECE = re.compile(r"\\cdot|\\times|[^\W\d_℃℉]+|[¢¥Ω℃℉]|\d+|[-^/()*]")
_WIDE = re.compile(r"每|平方|立方|[万亿]")


def named(word: str) -> tuple[Unit, ...]:
    """The units that a word may name: symbols by their case (mW is not MW), else words in any case and number."""
    found = SYMBOLS.get(word) or WORDS.get(word)
    if found:
        return found
    low = _ACCENTS.sub("", unicodedata.normalize("NFD", word.casefold())) if not word.isascii() else word.casefold()
    low = unicodedata.normalize("NFC", low)
    for form in (low, low.removesuffix("s"), low.removesuffix("es")):
        if found := WORDS.get(form) or (SYMBOLS.get(form) if len(form) > 1 else None):
            return found
    return ()


def priced(sign: str, words: str) -> tuple[Unit, ...]:
    """The units of a currency sign before a number and the words behind it: `$5 an hour`."""
    symbol = CURRENCIES[sign]
    return unit_of(f"{symbol} {words}") if _RATE.match(words) else unit_of(symbol)


def is_unit_word(word: str, *, spaced: bool) -> bool:
    r"""Whether a word after a number, outside `\text`, decorates it rather than multiplies it."""
    if not word.isascii():
        return True
    if len(word) == 1:
        return spaced and word in _SINGLE
    low = word.lower()
    if low in SCALES or low in PERCENT or low in _BARE:
        return True
    if len(word) >= 3 and (spaced or named(word)):
        return True
    return spaced and not word.islower() and word in SYMBOLS


def scale_words(words: str) -> list[str]:
    """The words that scale the number before them: "million" of "million dollars"."""
    apart = _WIDE.sub(lambda match: f" {match[0]} ", words)
    return [word for word in re.findall(r"[^\W\d_]+", apart.casefold()) if word in SCALES]


@lru_cache(maxsize=2048)
def unit_of(words: str) -> tuple[Unit, ...]:
    r"""The units that the words behind a number may name; empty where they name none that the table knows.

    Words after the unit decorate it: "m long" is "m".

    >>> [str(unit.size) for unit in unit_of("km/h")], unit_of("apples")
    (['5/18'], ())
    >>> unit_of("square centimeters") == unit_of("cm^2") == unit_of(r"\frac{cm^3}{cm}")
    True
    """
    words = _MICRO.sub("µ", words.replace(r"^\circ", " degrees ").replace(r"\Omega", "Ω"))
    words = _PHRASE.sub(lambda match: f" {_SYMBOL_OF[match.lastindex or 1]} ", words)
    words = _FRACTION.sub(r"\1/(\2)", words)
    pieces = _PIECE.findall(_WIDE.sub(lambda match: f" {match[0]} ", words))[:MAX_PIECES]
    whole: tuple[Unit, ...] = ()
    sign, group, power, joined, position = 1, 1, 1, True, 0
    while position < len(pieces):
        piece, position = pieces[position], position + 1
        low = piece.casefold()
        if piece == "/" or low in _PER or (whole and piece in ("a", "an")):  # 50 miles an hour
            sign, joined = -1, True
        elif piece == "(":
            sign, group, joined = 1, sign * group, True
        elif piece == ")":
            group = 1
        elif piece in _PRODUCT:
            joined = True
        elif low in _POWERS:
            power = _POWERS[low]
        elif low not in SCALES and piece not in _SKIPPED:
            found = named(piece)
            if not found or not (joined or _is_factor(piece)):
                break
            exponent, position = _exponent(pieces, position)
            whole = _times(whole, found, sign * group * power * exponent)
            sign, power, joined = 1, 1, False
    return whole


def _is_factor(word: str) -> bool:
    """Whether a word multiplies the unit before it without a sign: a symbol such as the m of "N m"."""
    return word in SYMBOLS and word not in ("in", "mu", "d", "l", "cup", "A")


def _exponent(pieces: list[str], position: int) -> tuple[int, int]:
    r"""The power that follows, `^2`, `^{-1}`, `2` or "squared", and the position after it."""
    start, sign = position, 1
    while position < len(pieces) and pieces[position] in ("^", "-"):
        sign = -1 if pieces[position] == "-" else sign
        position += 1
    following = pieces[position].casefold() if position < len(pieces) else ""
    if following.isdecimal() and len(following) == 1:
        return sign * int(following), position + 1
    if following in ("squared", "cubed"):
        return _POWERS[following], position + 1
    return 1, start


def _times(left: tuple[Unit, ...], right: tuple[Unit, ...], power: int) -> tuple[Unit, ...]:
    """Left * right^power; a compound of a temperature means differences of it, which have no offset."""
    if not left and power == 1:
        return right
    products = (_product(x, y, power) for x in left or (Unit(Fraction(1), ()),) for y in right)
    return tuple(dict.fromkeys(products))[:MAX_READINGS]


def _product(left: Unit, right: Unit, power: int) -> Unit:
    exponents = dict(left.dimension)
    for name, exponent in right.dimension:
        exponents[name] = exponents.get(name, 0) + exponent * power
    dimension = tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))
    return Unit(left.size * right.size**power, dimension, pi=left.pi + right.pi * power)


def pairs(a: tuple[Unit, ...], b: tuple[Unit, ...]) -> list[tuple[Unit, Unit]]:
    """The readings of two units under which they measure the same; empty where they contradict each other."""
    return [(x, y) for x in a for y in b if x.dimension == y.dimension]
