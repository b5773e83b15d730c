"""Deciding one pair of answer texts, cheapest means first.

`decide` is pure Python and bounded: equal strings, plain numbers, then the structured comparison. It returns
None only where the grammar knows one of the texts to be mathematics that it cannot read (an integral in a
shape of its own, an unknown command): `algebra.same_by_sympy` may then be asked, in a worker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from assay_plugins.boxed_math.cleaning import clean, squeeze
from assay_plugins.boxed_math.compare import Rules, same_value
from assay_plugins.boxed_math.evaluation import begin
from assay_plugins.boxed_math.limits import MAX_CHARS, RefusedError
from assay_plugins.boxed_math.nodes import Scalar, Seq, Text, Value
from assay_plugins.boxed_math.numerals import Number, long_numeral, read_number, same_number
from assay_plugins.boxed_math.real_sets import real_set, same_real_set
from assay_plugins.boxed_math.structure import read
from assay_plugins.boxed_math.wording import same_words, words

_GROUPED = re.compile(r"(?<![\d.,])[0-9]{1,3}(?:,[0-9]{3})+(?![\d,])")
_SPACE_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?: [0-9]{3})+(?:\.[0-9]+)?")
_EUROPEAN = re.compile(r"[-+]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,6}")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]{1,6}")
_BROKEN = re.compile(r"[\\^={}<>*+|]|\d\s*/|^[^\w]*$")
"""What a text holds that was meant as mathematics but could not be read as any."""
_FOR_SYMPY = re.compile(r"\\lim(?![a-z])|\\det(?![a-z])|frac\s*\{\s*(?:d|\\partial)\s*\}")
_DECIMAL_BITS = 14_000
"""Size of a number that Python writes out: it refuses more than 4,300 digits."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two answers are equal, and how that was found out."""

    equal: bool | None
    """None: only algebra can tell."""
    how: str
    """"string", "number", "value", "refused: CAP", "unread"; where sympy was asked "algebra", "text", "no algebra"."""


def decide(a: str, b: str, rules: Rules) -> Decision:
    """Whether two answer texts are equal."""
    if a == b:
        return Decision(bool(a.strip()), "string")
    a, b = _unbraced(a), _unbraced(b)
    first, second = read_number(a), read_number(b)
    if first is not None and second is not None:
        return Decision(same_number(first, second, rules.percent), "number")
    if max(len(a), len(b)) > MAX_CHARS:
        return _long(a, b)
    return _decide_short(a, b, rules)


@lru_cache(maxsize=16384)
def _decide_short(a: str, b: str, rules: Rules) -> Decision:
    begin()
    key_a, key_b = squeeze(a), squeeze(b)
    if not key_a or not key_b:
        return Decision(False, "string")
    if key_a == key_b:
        return Decision(True, "string")
    clean_a, clean_b = clean(a), clean(b)
    first, second = plain_number(clean_a), plain_number(clean_b)
    if first is not None and second is not None:
        return Decision(same_number(first, second, rules.percent), "number")
    if same_words(clean_a, clean_b):
        return Decision(True, "string")
    try:
        return _decide_values(clean_a, clean_b, rules)
    except RefusedError as error:
        return Decision(False, f"refused: {error.cap}")
    except RecursionError:
        return Decision(False, "refused: depth")
    except ArithmeticError:
        # A value beyond what floats hold slipped past the caps: absurd input, not our failure.
        return Decision(False, "refused: magnitude")


def _decide_values(a: str, b: str, rules: Rules) -> Decision:
    left, right = readings(a), readings(b)
    refused: RefusedError | None = None
    for x in left:
        for y in right:
            try:
                if same_value(x, y, rules):
                    return Decision(True, "value")
            except RefusedError as error:
                refused = error
    if any(same_real_set(x, y) for x in left for y in right):
        return Decision(True, "value")
    if refused is not None:
        raise refused
    if _FOR_SYMPY.search(a) or _FOR_SYMPY.search(b):
        return Decision(None, "unread")
    return Decision(False, "value")


def plain_number(cleaned: str) -> Number | None:
    """The number that a cleaned text is, currency signs and a decoration such as `x =` not counted."""
    return read_number(cleaned)


@lru_cache(maxsize=8192)
def readings(cleaned: str) -> tuple[Value, ...]:
    """What a cleaned text may mean, the likeliest first: commas between digits have several meanings.

    `1,234,567` is a number before it is a list; inside brackets commas separate.
    """
    plain = _without_thousands(cleaned)
    values = [read(plain)]
    if plain != cleaned:
        values.append(read(cleaned))
    elif _DECIMAL_COMMA.fullmatch(cleaned):
        values.append(read(cleaned.replace(",", ".")))
    elif _EUROPEAN.fullmatch(cleaned):
        values.append(read(cleaned.replace(".", "").replace(",", ".")))
    return tuple(values)


def _without_thousands(cleaned: str) -> str:
    if _SPACE_GROUPED.fullmatch(cleaned):
        return cleaned.replace(" ", "")
    if "," not in cleaned:
        return cleaned
    parts: list[str] = []
    end = 0
    for match in _GROUPED.finditer(cleaned):
        before = cleaned[: match.start()]
        depth = sum(before.count(opening) for opening in "([") - sum(before.count(closing) for closing in ")]")
        if depth > 0 or before.count(r"\{") > before.count(r"\}") or before.startswith("{"):
            continue
        parts += [cleaned[end : match.start()], match[0].replace(",", "")]
        end = match.end()
    return "".join([*parts, cleaned[end:]])


def _unbraced(text: str) -> str:
    """Without braces around the whole: linear, so that ten thousand of them cost nothing."""
    text = text.strip()
    if not text.startswith("{{"):
        return text
    count = len(text) - len(text.lstrip("{"))
    inner, tail = text[count : len(text) - count], text[len(text) - count :]
    return inner if tail == "}" * count and "{" not in inner and "}" not in inner else text


def _long(a: str, b: str) -> Decision:
    """Texts over the cap: equal as strings, as long integers, or refused."""
    if "".join(a.split()) == "".join(b.split()):
        return Decision(True, "string")
    first, second = _digits(a), _digits(b)
    if first is not None and first == second:
        return Decision(True, "number")
    return Decision(False, "refused: characters")


def _digits(text: str) -> str | None:
    """The canonical digits of an integer of any length, or None."""
    number = read_number(text)
    if number is None:
        return long_numeral(text.strip())
    exact = number.value.denominator == 1 and number.places is None and not number.percent
    return _written(number.value) if exact else None


def _written(value: Fraction) -> str:
    """A number as text: hexadecimal where Python refuses to write out its decimal digits."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) < _DECIMAL_BITS:
        return str(value)
    return f"{value.numerator:#x}/{value.denominator:#x}"


def is_readable(text: str) -> bool:
    """Whether a reference can be used: not empty, and read as mathematics or as words without mathematics in them."""
    if len(text) > MAX_CHARS:
        return long_numeral(text.strip()) is not None
    cleaned = clean(text)
    if not cleaned:
        return False
    try:
        value = readings(cleaned)[0]
    except (RefusedError, RecursionError):
        return False
    return not (isinstance(value, Text) and _BROKEN.search(value.text))


def answer_key(text: str) -> tuple[str, str]:
    """The bucket and the key of an answer, see `BaseVerifier.answer_key`.

    The key of an exact number is its value, else the cleaned text. Words that mean no mathematics have a bucket
    of their own, and so have texts that are too long to be read.
    """
    if len(text) > MAX_CHARS:
        digits = _digits(text)
        return ("long", "".join(text.split())) if digits is None else ("", digits)
    number = read_number(text) or plain_number(clean(text))
    if number is not None and not number.mark and number.places is None:
        return "", _written(number.value)
    key = squeeze(text)
    return ("words" if _means_only_words(text) else ""), "=" + key if key else "~" + text


def _means_only_words(text: str) -> bool:
    cleaned = clean(text)
    if not all(char.isalpha() or char in " -'" for char in words(cleaned)) or len(words(cleaned)) < 3:
        return False
    try:
        return all(isinstance(value, Text) and real_set(value) is None for value in readings(cleaned))
    except (RefusedError, RecursionError):
        return False


__all__ = ["Decision", "Scalar", "Seq", "answer_key", "decide", "is_readable"]
