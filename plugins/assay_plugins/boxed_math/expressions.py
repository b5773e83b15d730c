"""Are two expressions equal? Exactly where both are rational, else by value at several points.

Symbols stand for real numbers. Two expressions are equal when they agree wherever both are real: at two
points where every symbol is positive and at one where every symbol is negative. So `sqrt(x^2)` is `|x|` and
not `x`, while `2 ln x` is `ln x^2` and `sqrt(x) sqrt(y)` is `sqrt(xy)`, because only positive `x` give both a
real value without a detour. Shapes that change from place to place are compared at more points.

The first point is compared to 200 digits and more, so that a gap of 10^-40 is one; the others to 60.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Any

from assay_plugins.boxed_math.evaluation import INTEGER_POINT, Result, high_precision, value_at
from assay_plugins.boxed_math.exact import UndefinedError, exact
from assay_plugins.boxed_math.limits import MAX_SYMBOLS, RefusedError
from assay_plugins.boxed_math.nodes import Add, Const, Mul, Node, Num
from assay_plugins.boxed_math.numerals import RELATIVE, close
from assay_plugins.boxed_math.trees import (
    has_decimal,
    holds,
    infinity,
    is_approximated,
    is_rough,
    largest,
    nudged,
    symbols,
)

_DIGITS = 60
_FINE_DIGITS = 200
"""Digits at the first point, where nothing is approximated."""
_GUARD = 32
"""Digits of a value that rounding may cost."""
_GUARD_PEAK = 12
"""Digits that it may cost of the largest intermediate value: the rest cancels."""
_ORDINARY = 1e12
"""What cancels in an integral or an infinite sum is not larger: their terms are large and small by turns."""
_MAX_SPAN = 3_000
"""Decimal orders of magnitude that one expression may span."""
_COARSE = 1e-7
"""Relative difference at which machine floats prove that two values differ (without cancellation)."""
_MAX_DECIMALS = 12


def same_expression(a: Node, b: Node) -> bool:
    """Whether two expressions are equal. Raises `RefusedError` over a cap."""
    if a == b:
        return True
    infinite = infinity(a), infinity(b)
    if any(infinite):
        return infinite[0] == infinite[1]
    try:
        first, second = exact(a), exact(b)
    except UndefinedError:
        return False
    if first is not None and second is not None:
        return close(first, _places(a), second, _places(b))
    return _same_values(a, b)


def _places(node: Node) -> int | None:
    if isinstance(node, Num):
        return node.places
    return 6 if has_decimal(node) else None  # an expression that holds decimals: its own last digit is unknown


def _same_values(a: Node, b: Node) -> bool:
    names = symbols(a) | symbols(b)
    if len(names) > MAX_SYMBOLS:
        raise RefusedError("symbols")
    if not (has_decimal(a) or has_decimal(b)) and _differ_coarsely(a, b):
        return False
    compared = 0
    rough = is_rough(a) or is_rough(b)
    for point in range(1 if not names else INTEGER_POINT + 1 if rough else 3):
        verdict = _agree_at(a, b, point, max(largest(a), largest(b)) if rough else Fraction(0))
        if verdict is None:
            continue
        compared += 1
        if not verdict:
            return False
    return compared >= (2 if names else 1)


def _agree_at(a: Node, b: Node, point: int, width: Fraction) -> bool | None:
    """Whether two expressions agree at a point; None where one has no value there, or no real one from point 2 on.

    Where terms of very different size meet, 10^100 + sqrt(2) or a difference that cancels, as many digits are
    added at the first point as the sizes span.
    """
    rounded = is_approximated(a) or is_approximated(b)
    digits = _DIGITS if rounded or point else _FINE_DIGITS
    values = _at(a, b, point, digits, width)
    if values is None or (point >= 2 and not (_is_real(a, values[0]) and _is_real(b, values[1]))):
        return None
    left, right = values
    context = high_precision(digits)
    gap, size = abs(left.value - right.value), max(abs(left.value), abs(right.value))
    peak, trough = max(left.peak, right.peak), min(left.trough, right.trough)
    ten = context.mpf(10)
    close = gap <= ten ** (_GUARD - digits) * size
    if not close and gap > ten ** (_GUARD_PEAK - digits) * (min(peak, _ORDINARY) if rounded else peak):
        return _within_tolerance(a, b, point, width)
    if rounded or (close and point):
        return True
    span = 2 * float(context.log10(peak)) - float(context.log10(trough))
    span += abs(float(context.log10(size))) if size else 0.0
    if span > _MAX_SPAN:
        raise RefusedError("digits")
    if span < digits - _DIGITS:
        return True
    digits = 2 * _DIGITS + int(span)
    values = _at(a, b, point, digits, width)
    if values is None:
        return None
    left, right = values
    ten = high_precision(digits).mpf(10)
    return bool(abs(left.value - right.value) <= max(left.peak, right.peak) * ten ** (_GUARD_PEAK - digits))


def _at(a: Node, b: Node, point: int, digits: int, width: Fraction = Fraction(0)) -> tuple[Result, Result] | None:
    left = value_at(a, point, digits, width)
    right = None if left is None else value_at(b, point, digits, width)
    return None if left is None or right is None else (left, right)


def _is_real(node: Node, result: Result) -> bool:
    """Whether a value is real, and was on the way where the expression holds no i."""
    if result.real:
        return True
    return holds(node, lambda part: part == Const("i")) and bool(abs(result.value.imag) <= 1e-28 * abs(result.value))


def _differ_coarsely(a: Node, b: Node) -> bool:
    """A quick proof of difference in machine floats; False decides nothing."""
    values = _at(a, b, 0, 0)
    if values is None:
        return False
    left, right = values
    size, peak = max(abs(left.value), abs(right.value)), max(left.peak, right.peak)
    return bool(size > 0 and peak < 1e4 * size and abs(left.value - right.value) > _COARSE * size)


def _within_tolerance(a: Node, b: Node, point: int, width: Fraction) -> bool:
    """Whether values that differ may be the same because one was written as a decimal.

    A decimal against a closed form must be within one unit of its last digit. Of an expression that holds
    decimals each may be off by so much, and the whole by 1e-6 of its size.
    """
    if not has_decimal(a) and not has_decimal(b):
        return False
    if any(_is_integer(node) for node in (a, b)):
        return False
    values = _at(a, b, point, _DIGITS, width)
    if values is None:
        return False
    left, right = (result.value for result in values)
    gap, size = abs(left - right), max(abs(left), abs(right))
    if gap > RELATIVE.numerator * size / RELATIVE.denominator:
        return False
    places = [node.places for node in (a, b) if isinstance(node, Num) and node.places is not None]
    if places:
        return bool(gap < high_precision(_DIGITS).mpf(10) ** -max(places))
    if gap > 1e-6 * size:
        return False
    slacks = [_slack(node, value, point, width) for node, value in ((a, left), (b, right))]
    return bool(2 * gap <= max(slacks) if all(slacks) else gap < max(slacks))


def _is_integer(node: Node) -> bool:
    """Whether an expression without decimals is an integer, which no other value stands for."""
    value = None if has_decimal(node) else exact(node)
    return value is not None and value.denominator == 1


def _slack(node: Node, value: Any, point: int, width: Fraction) -> Any:
    """How far the value of an expression moves where each of its decimals moves by one unit of its last digit."""
    slack = 0 * abs(value)
    for count, other in enumerate(islice(nudged(node), _MAX_DECIMALS + 1)):
        moved = value_at(other, point, _DIGITS, width)
        if moved is None or count == _MAX_DECIMALS:
            return 0 * slack
        slack += abs(moved.value - value)
    return slack


def nearly(a: Node, b: Node, relative: float) -> bool:
    """Whether two numbers are within a share of their size; False where one has no value."""
    values = _at(a, b, 0, _DIGITS)
    if values is None:
        return False
    left, right = (result.value for result in values)
    return bool(abs(left - right) <= relative * max(abs(left), abs(right)))


def proportional(a: Node, b: Node) -> int:
    """Whether a = c * b for one number c that is not 0: the sign of c, or 0 where there is none.

    Two equations `a = 0` and `b = 0` with proportional sides say the same.
    """
    if len(symbols(a) | symbols(b)) > MAX_SYMBOLS:
        raise RefusedError("symbols")
    digits = _DIGITS if is_approximated(a) or is_approximated(b) else _FINE_DIGITS
    ratios = []
    for point in range(3):
        values = _at(a, b, point, digits)
        if values is None:
            continue
        left, right = values
        zero = max(left.peak, right.peak) * high_precision(digits).mpf(10) ** (_GUARD_PEAK - digits)
        if abs(left.value) <= zero or abs(right.value) <= zero:
            return 0
        ratios.append(left.value / right.value)
    alike = high_precision(digits).mpf(10) ** (_GUARD - digits)
    if len(ratios) < 2 or any(abs(ratio - ratios[0]) > alike * abs(ratio) for ratio in ratios):
        return 0
    return 1 if ratios[0].real > 0 else -1


def difference(a: Node, b: Node) -> Node:
    """The expression a - b."""
    return Add((a, Mul((Num(Fraction(-1)), b))))
