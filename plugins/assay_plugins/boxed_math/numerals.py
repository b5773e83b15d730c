r"""Plain numbers without any grammar: the fast path of nearly all real answers.

`read_number` knows integers, decimals, fractions, mixed numbers, thousands separators, a leading currency
sign, a trailing percent or degree sign, and scientific notation, after a cleaning that costs microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from assay_plugins.boxed_math.limits import MAX_BITS

MAX_NUMERAL = 4_000
"""Digits of a numeral that is turned into a number: Python refuses 4,300, and time is quadratic."""
_PLAIN = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(
    r"""\$?\s*(?P<sign>[+-]?)\s*(?P<currency>\\?\$|¤)?\s*(?:
        (?P<whole>[0-9]{1,4000}|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:\ [0-9]{3})+)?
        (?:\.(?P<decimals>[0-9]{0,4000}))?
        (?:\s*(?:[eE]|(?:\\times|\\cdot|\*)\s*10\s*\^\s*(?=[-+{0-9]))(?P<exp>[-+]?[0-9]{1,4}|\{\s*[-+]?[0-9]{1,4}\s*\}))?
        |(?P<mixed>[0-9]{1,18})?\s*\\frac\s*(?:\{\s*(?P<num>-?[0-9]{1,400})\s*\}\s*\{\s*(?P<den>[0-9]{1,400})\s*\}
            |(?P<num1>[0-9])\s*(?P<den1>[0-9])|(?P<num2>[0-9])\s*\{\s*(?P<den2>[0-9]{1,400})\s*\})
        |(?:(?P<mixed2>[0-9]{1,18})\s+)?(?P<num3>[0-9]{1,400})\s*/\s*(?P<den3>[0-9]{1,400})
    )\s*(?P<tail>\\?%|\^\s*\{?\s*\\circ\s*\}?|)\s*\$?\s*\.?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was written out."""

    value: Fraction
    places: int | None = None
    """Digits after the point of a decimal, else None; -18 for 6.02214e23."""
    percent: bool = False
    mark: str = ""
    """What stands beside the digits and says what they measure: a currency sign, a percent or a degree sign."""


def read_number(text: str) -> Number | None:
    r"""The number that the whole text is, or None.

    >>> read_number(r"1\frac{1}{2}").value
    Fraction(3, 2)
    >>> read_number("042").value, read_number("x2")
    (Fraction(42, 1), None)
    """
    # Long texts stay out of the cache, and long white space out of a pattern with many optional parts.
    return None if len(text) > MAX_NUMERAL else _read_number(" ".join(text.split()))


@lru_cache(maxsize=8192)
def _read_number(text: str) -> Number | None:
    if _PLAIN.fullmatch(text):
        return Number(Fraction(int(text)))
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return _from_groups(match)


def _from_groups(match: re.Match[str]) -> Number | None:
    part = match.groupdict()
    sign = -1 if part["sign"] == "-" else 1
    percent = part["tail"].endswith("%")
    mark = "$" if part["currency"] else "%" if percent else "°" if part["tail"] else ""
    numerator = part["num"] or part["num1"] or part["num2"] or part["num3"]
    if numerator is not None:
        denominator = int(part["den"] or part["den1"] or part["den2"] or part["den3"])
        mixed = part["mixed"] or part["mixed2"]
        if denominator == 0 or (mixed and int(numerator) < 0):
            return None
        return Number(sign * (int(mixed or 0) + Fraction(int(numerator), denominator)), None, percent, mark)
    whole, decimals = part["whole"], part["decimals"]
    if whole is None and not decimals:
        return None
    whole = (whole or "0").replace(",", "").replace(" ", "")
    exponent = int(part["exp"].strip("{} ")) if part["exp"] else 0
    if len(whole) + len(decimals or "") > MAX_NUMERAL or abs(exponent) * 4 > MAX_BITS:
        return None
    value = Fraction(int(whole + (decimals or "")))
    scale = exponent - len(decimals or "")
    value = value * 10**scale if scale >= 0 else value / 10**-scale
    return Number(sign * value, None if decimals is None else -scale, percent, mark)


def long_numeral(text: str) -> str | None:
    """The canonical digits of an integer too long for arithmetic, or None: they are compared as strings."""
    if len(text) <= MAX_NUMERAL:
        return None
    digits = text.lstrip("+-").replace(",", "")
    if not (digits.isascii() and digits.isdigit()):
        return None
    digits = digits.lstrip("0") or "0"
    return "-" + digits if text.startswith("-") and digits != "0" else digits


def same_number(a: Number, b: Number, percent: str = "either") -> bool:
    """Whether two written numbers are equal under the tolerance and percent rules of docs/verifiers.md."""
    if a.mark and b.mark and a.mark != b.mark:  # 45% is not 45°
        return False
    if a.percent == b.percent or percent == "number":
        return close(a.value, a.places, b.value, b.places)
    fraction = close(_fraction(a), None, _fraction(b), None)
    return fraction or (percent == "either" and close(a.value, a.places, b.value, b.places))


def _fraction(number: Number) -> Fraction:
    return number.value / 100 if number.percent else number.value


RELATIVE = Fraction(1, 10_000)
_INTEGER_NOISE = Fraction(1, 10**12)
_MOST_NOISE = Fraction(1, 10**6)


def close(a: Fraction, a_places: int | None, b: Fraction, b_places: int | None) -> bool:
    """Exact equality, loosened only where an operand was written as a decimal.

    A decimal may stand for a value that it rounds or truncates: less than one unit of its last digit and at
    most 1e-4 of the value away. Two whole numbers must be equal, 12.0 is one. Against an integer a decimal must be
    within 1e-12 of it, and never more than 1e-6: 5.001 is not 5, and binary noise such as 203.99999999999997 is
    204. Of two decimals the longer, rounded, must give the shorter.
    """
    if a == b:
        return True
    if a_places is None and b_places is None:
        return False
    gap, size = abs(a - b), max(abs(a), abs(b))
    if gap > RELATIVE * size or (_is_whole(a, a_places) and _is_whole(b, b_places)):
        return False
    if a_places is not None and b_places is not None:
        if min(a_places, b_places) < 0 and (_is_whole(a, a_places) or _is_whole(b, b_places)):
            return False
        return 2 * gap <= Fraction(10) ** -min(a_places, b_places)
    exact, places = (b, a_places) if a_places is not None else (a, b_places)
    if exact.denominator == 1:
        return gap <= min(_INTEGER_NOISE * size, _MOST_NOISE)
    return gap < Fraction(10) ** -(places or 0)


def _is_whole(value: Fraction, places: int | None) -> bool:
    """Whether a number is an integer that is known to the unit, which 6.02214e23 is not."""
    return value.denominator == 1 and (places is None or places >= 0)
