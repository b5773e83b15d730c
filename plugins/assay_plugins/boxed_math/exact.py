"""The value of an expression over the rationals, exactly; what is irrational or holds symbols has none here.

`limits.MAX_BITS` is checked before each power, factorial and binomial.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from assay_plugins.boxed_math import limits
from assay_plugins.boxed_math.limits import RefusedError
from assay_plugins.boxed_math.nodes import Add, Call, Mul, Node, Num, Pow


class UndefinedError(Exception):
    """The expression has no value at this point: division by zero, a pole, infinity minus infinity."""


def exact(node: Node) -> Fraction | None:
    """The value of an expression over the rationals, or None where it is irrational or holds symbols.

    Raises `RefusedError` where the value would be over a cap, `UndefinedError` for a division by zero.
    """
    return _exact(node)


@lru_cache(maxsize=4096)
def _exact(node: Node) -> Fraction | None:
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Add | Mul):
        total = Fraction(0 if isinstance(node, Add) else 1)
        rational = True
        for item in node.items:
            value = _exact(item)
            if value is None:
                rational = False
            elif rational:
                total = total + value if isinstance(node, Add) else total * value
                _check_bits(total)
        return total if rational else None
    if isinstance(node, Pow):
        return _exact_power(node)
    if isinstance(node, Call) and node.bound is None:
        args = [_exact(arg) for arg in node.args]
        if any(arg is None for arg in args):
            return None
        return _exact_call(node.name, [arg for arg in args if arg is not None])
    return None


def _check_bits(value: Fraction) -> None:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > limits.MAX_BITS:
        raise RefusedError("digits")


def _exact_power(node: Pow) -> Fraction | None:
    base, exponent = _exact(node.base), _exact(node.exponent)
    if exponent is None or base is None:
        return None
    if base == 0 and exponent <= 0:
        raise UndefinedError("zero to a power that is not positive")
    if base in (0, 1):
        return base
    if base == -1 and exponent.denominator == 1:
        return Fraction(-1 if exponent.numerator % 2 else 1)
    if exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent) * bits > limits.MAX_BITS:
            # Beyond 2^1000 the exponent is no float any more, and nothing but a refusal can follow.
            if exponent.numerator.bit_length() > 1000 or abs(exponent) * abs(_log2(base)) > limits.MAX_LOG2:
                raise RefusedError("power")
            return None
        return base**exponent.numerator
    if base > 0 and exponent.denominator <= 64 and abs(exponent.numerator) <= 64:
        top, bottom = _root(base.numerator, exponent.denominator), _root(base.denominator, exponent.denominator)
        if top is not None and bottom is not None:
            return _exact_power(Pow(Num(Fraction(top, bottom)), Num(Fraction(exponent.numerator))))
    return None


def _root(value: int, degree: int) -> int | None:
    """The integer root, or None; small values only, as a convenience for exactness."""
    if degree == 2:
        root = math.isqrt(value)
    elif value.bit_length() < 200:
        root = round(value ** (1 / degree))
    else:
        return None
    return root if root.bit_length() * degree < 2 * limits.MAX_BITS and root**degree == value else None


def _log2(value: Fraction) -> float:
    return abs(value.numerator).bit_length() - value.denominator.bit_length() + 0.0


def _exact_call(name: str, args: list[Fraction]) -> Fraction | None:
    first = args[0]
    whole = all(arg.denominator == 1 for arg in args)
    if name == "abs":
        return abs(first)
    if name in ("max", "min"):
        return max(args) if name == "max" else min(args)
    if name in ("floor", "ceil"):
        return Fraction(math.floor(first) if name == "floor" else math.ceil(first))
    if name in ("gcd", "lcm"):
        bottom = math.lcm(*(arg.denominator for arg in args))
        function = math.gcd if name == "gcd" else math.lcm
        return Fraction(function(*(int(arg * bottom) for arg in args)), bottom)
    if name == "mod" and len(args) == 2:
        if args[1] == 0:
            raise UndefinedError("modulo zero")
        return first % args[1]
    if name == "factorial" and whole:
        if first > limits.MAX_FACTORIAL:
            raise RefusedError("factorial")
        if first < 0:
            raise UndefinedError("the factorial of a negative number")
        return Fraction(math.factorial(int(first)))
    if name == "double factorial" and whole:
        if first > limits.MAX_FACTORIAL:
            raise RefusedError("factorial")
        if first < 0:
            raise UndefinedError("the factorial of a negative number")
        return Fraction(math.prod(range(int(first), 1, -2)))
    if name == "binom" and len(args) == 2 and whole and min(args) >= 0:
        if min(args[1], args[0] - args[1]) * max(1, int(args[0]).bit_length()) > limits.MAX_BITS:
            raise RefusedError("binomial")
        return Fraction(math.comb(int(args[0]), int(args[1])))
    if name == "sgn":
        return Fraction((first > 0) - (first < 0))
    if name in ("sin", "tan", "asin", "atan", "sinh", "tanh") and first == 0:
        return Fraction(0)
    if name == "log" and first == 1:
        return Fraction(0)
    return None
