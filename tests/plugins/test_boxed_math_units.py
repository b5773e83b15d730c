"""Units, numbers in words, dates: the readers of what stands around a number, against values known from elsewhere."""

from __future__ import annotations

from fractions import Fraction

import pytest

from assay_plugins.boxed_math import BoxedMath
from assay_plugins.boxed_math.spoken import spoken_arithmetic, spoken_number
from assay_plugins.boxed_math.unit_table import SYMBOLS, WORDS
from assay_plugins.boxed_math.units import pairs, unit_of
from assay_plugins.boxed_math.wording import moment, words

boxed = BoxedMath()
# Exact definitions: the international yard and pound (1959), NIST Handbook 44 for volumes, the SI for the rest.
SIZES = [
    ("mile", "m", "1609.344"), ("yd", "cm", "91.44"), ("lb", "g", "453.59237"), ("gallon", "L", "3.785411784"),
    ("gallon", "quart", "4"), ("quart", "pint", "2"), ("cup", "tbsp", "16"), ("tbsp", "tsp", "3"),
    ("gal", "floz", "128"),
    ("acre", "square feet", "43560"), ("hectare", "m^2", "10000"), ("km/h", "m/min", "1000/60"), ("kWh", "MJ", "3.6"),
    ("N", "kg m/s^2", "1"), ("J", "N\\cdot m", "1"), ("W", "J/s", "1"), ("V", "W/A", "1"), ("Ω", "V/A", "1"),
    ("C", "A s", "1"), ("F", "C/V", "1"), ("T", "N/(A\\cdot m)", "1"), ("Pa", "N/m^2", "1"), ("L", "dm^3", "1"),
    ("mL", "cm^3", "1"), ("t", "kg", "1000"), ("byte", "bits", "8"), ("week", "hours", "168"), ("year", "months", "12"),
    ("knot", "km/h", "1.852"), ("斤", "克", "500"), ("公里", "米", "1000"), ("км/ч", "м/с", "5/18"),
    ("平方千米", "平方米", "1000000"), ("g/cm^3", "kg/m^3", "1000"), (r"\frac{m}{s}", "cm/s", "100"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "ratio"), SIZES)
def test_sizes(a: str, b: str, ratio: str) -> None:
    top, _, bottom = ratio.partition("/")
    found = {x.size / y.size for x, y in pairs(unit_of(a), unit_of(b))}
    assert Fraction(top) / Fraction(bottom or 1) in found


def test_the_table_is_sound() -> None:
    for name, units in [*SYMBOLS.items(), *WORDS.items()]:
        assert units, name
        assert all(unit.size > 0 and all(power for _, power in unit.dimension) for unit in units), name
        assert unit_of(name) == units or " " in name, name


@pytest.mark.parametrize(
    ("a", "b"), [("m", "s"), ("m", "m^2"), ("m/s", "m/s^2"), ("EUR", "USD"), ("kg", "N"), ("deg", "℃"), ("USD", "CAD")]
)
def test_different_quantities_have_no_ratio(a: str, b: str) -> None:
    assert pairs(unit_of(a), unit_of(b)) == []


@pytest.mark.parametrize("words_", ["apples", "ways", "students per class", "", "long", "of them", "x"])
def test_decoration_is_no_unit(words_: str) -> None:
    assert unit_of(words_) == ()


@pytest.mark.parametrize("number", [*range(0, 130), 200, 305, 999, 1000, 1001, 12_345, 1_000_000, 987_654_321])
def test_numbers_in_words(number: int) -> None:
    assert spoken_number(said(number)) == number
    assert spoken_number("minus " + said(number)) == -number
    assert boxed.same_answer_fast(str(number), said(number))
    assert not boxed.same_answer_fast(str(number + 1), said(number))


def said(number: int) -> str:
    """A number in words, written independently of the reader."""
    small = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    small += [f"{stem}teen" for stem in "thir four fif six seven eigh nine".split()]  # noqa: SIM905
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
    if number < 20:
        return small[number]
    if number < 100:
        return tens[number // 10 - 2] + (f"-{small[number % 10]}" if number % 10 else "")
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            return f"{said(number // size)} {name}" + (f" {'and ' if rest < 100 else ''}{said(rest)}" if rest else "")
    raise AssertionError(number)


@pytest.mark.parametrize("text", ["one two", "hundred", "twenty thirty", "five five", "apples", "one of them", ""])
def test_words_that_are_no_number(text: str) -> None:
    assert spoken_number(text) is None


def test_arithmetic_in_words_needs_both_operands() -> None:
    assert spoken_arithmetic("7 plus 8") == "7 + 8"
    for text in ("5 times", "plus 5", "x plus", "5 minus apples", "squared 5"):
        assert boxed.same_answer_fast("5", text) is (text == "5 times")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("March 5, 2020", "2020-3-5"), ("5 March 2020", "2020-3-5"), ("2020-03-05", "2020-3-5"),
        ("13/3/2020", "2020-3-13"), ("3/13/2020", "2020-3-13"), ("3/5/2020", "3/5/2020"), ("2020-13-05", None),
        ("5/6", None), ("2020", None), (r"\text{Sept. 3}", "month 9 day 3"), ("x-3", None), ("10:30 am", "10:30 am"),
    ],
)  # fmt: skip
def test_dates(text: str, day: str | None) -> None:
    assert moment(text) == day


def test_words_keep_what_mathematics_means() -> None:
    assert words(r"\text{The Circle.}") == words("circle")
    for a, b in [
        ("5!", "5"),
        ("2X", "2x"),
        (r"\Delta", r"\delta"),
        ("x'", "x"),
        (".5", "5"),
        ("{2}3", "23"),
        ("(1,2)", "1,2"),
    ]:
        assert words(a) != words(b)
