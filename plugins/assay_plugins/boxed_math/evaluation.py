"""The value of an expression: exactly where it is rational, otherwise as a complex number of many digits.

`Evaluator(context)` works over an mpmath context: `fp` (machine floats, microseconds, to see that two
expressions differ) or a private `MPContext` (60 digits and more, to see that they agree). Symbols get fixed
pseudo-random values, derived from their names, so that equal expressions agree at each point and different
ones agree at none but by an accident of probability below 1e-25.

`Work` bounds what one decision may cost, however many expressions it compares.

What is not computed (indefinite integrals, limits, derivatives, unknown functions) becomes a pseudo-random
number derived from the values of its arguments: `int (a+x) dx` equals `int (x+a) dx` and nothing else.

Rational parts are folded exactly first, with `MAX_BITS` checked before each power, factorial and binomial.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from assay_plugins.boxed_math import limits
from assay_plugins.boxed_math.exact import UndefinedError, exact
from assay_plugins.boxed_math.limits import RefusedError
from assay_plugins.boxed_math.nodes import Add, Call, Const, Mul, Node, Num, Pow, Sym
from assay_plugins.boxed_math.series import bound_value
from assay_plugins.boxed_math.trees import infinity
from assay_plugins.boxed_math.vocabulary import DIRECT

DIGITS = 60
_COSTLY = 4
"""Steps that a transcendental function counts for."""
_PRECISE = 5
"""Steps that one step with many digits counts for."""
_local = threading.local()


class Work:
    """What one decision may still cost, and the values that it has computed.

    Attributes:
        left: Steps left of `limits.MAX_WORK`.
        values: The results of `Evaluator`, by node, point and digits: in a list each is compared with many.
    """

    def __init__(self) -> None:
        self.left = limits.MAX_WORK
        self.values: dict[Any, Any] = {}


def work() -> Work:
    """The work of this thread's decision."""
    found: Work | None = getattr(_local, "work", None)
    return begin() if found is None else found


def begin() -> Work:
    """Start a decision: its budget is full and nothing is computed yet."""
    started = _local.work = Work()
    return started


def spend(steps: int) -> None:
    """Take steps from the budget of the decision. Raises `RefusedError` where there are none left."""
    budget = work()
    budget.left -= steps
    if budget.left < 0:
        raise RefusedError("steps")


def high_precision(digits: int = DIGITS) -> Any:
    """This thread's own mpmath context, set to a number of digits (mpmath's global one is shared by threads)."""
    context = getattr(_local, "context", None)
    if context is None:
        import mpmath

        context = _local.context = mpmath.MPContext()
    context.dps = digits
    return context


_FIRST_WIDE_POINT = 3
_FIRST_WIDEST_POINT = 7
INTEGER_POINT = 9
_WIDTHS = (1, 4, 17, 52)
_LONG = 2**64


def sample(name: str, point: int, width: Fraction = Fraction(0)) -> Fraction:
    """The value of a symbol at a point: in (0.3, 2.5); negative at point 2; the same in every process.

    From point 3 on, of either sign and in (0.3, 130): where |x|, roots and floors show what they are. From point
    7 on beyond `width`, the largest number: where min(x, 1000) is not x; at point 8 all are positive, so that
    products of symbols are as large. At point 9 a small integer.
    """
    seed = zlib.crc32(f"{name}|{point}".encode())
    if point == INTEGER_POINT:
        return Fraction(seed % 40 - 20)
    value = Fraction(300_000_007 + seed % 2_200_000_000, 1_000_000_009)
    if point < _FIRST_WIDE_POINT:
        return -value if point == 2 else value
    wide = max(Fraction(_WIDTHS[point % len(_WIDTHS)]), 4 * width if point >= _FIRST_WIDEST_POINT else Fraction(0))
    return value * wide * (-1 if seed & 1 and point != INTEGER_POINT - 1 else 1)


@dataclass(frozen=True, slots=True)
class Result:
    """The value of an expression at a point, with `Evaluator`'s attributes."""

    value: Any
    peak: Any
    trough: Any
    real: bool


def value_at(node: Node, point: int, digits: int, width: Fraction = Fraction(0)) -> Result | None:
    """The value at a point, to a number of digits (0: in machine floats); None where there is none.

    Raises `RefusedError` over a cap. Results are kept for the length of the decision.
    """
    values, key = work().values, (node, point, digits, width)
    if key not in values:
        if digits:
            context = high_precision(digits)
        else:
            import mpmath

            context = mpmath.fp
        evaluator = Evaluator(context, point, width)
        try:
            value = evaluator.value(node)
        except UndefinedError:
            values[key] = None
        else:
            values[key] = Result(value, evaluator.peak, evaluator.trough, evaluator.real)
    found: Result | None = values[key]
    return found


class Evaluator:
    """Evaluates expressions at one point over one mpmath context.

    Attributes:
        peak: The largest absolute value of any intermediate result: measures cancellation.
        trough: The smallest one that is not zero: what a sum may have swallowed.
        real: Whether every intermediate result was real.
    """

    def __init__(self, context: Any, point: int, width: Fraction = Fraction(0)) -> None:
        self.context = context
        self.point = point
        self.width = width
        self.bindings: dict[str, Any] = {}
        self.steps = 0
        self.cost = _PRECISE if context.prec > 53 else 1
        self.peak = 1.0
        self.trough = 1.0
        self.real = True

    def value(self, node: Node) -> Any:
        """The value. Raises `UndefinedError` where there is none and `RefusedError` over a cap."""
        try:
            return self.compute(node)
        except (ZeroDivisionError, OverflowError, ValueError, ArithmeticError, TypeError) as error:
            raise UndefinedError(str(error)) from error

    def number(self, value: Fraction) -> Any:
        """A rational number in this context."""
        if value.denominator > _LONG:
            self.trough = min(self.trough, self.context.mpf(1) / value.denominator)
        return self.context.mpf(value.numerator) / value.denominator

    def compute(self, node: Node) -> Any:
        """`value` for a part of the tree: the exceptions of arithmetic come through."""
        self.steps += 1
        if self.steps > limits.MAX_STEPS:
            raise RefusedError("steps")
        spend(self.cost)
        result = self._computed(node)
        size = abs(result)
        if not size < float("inf"):
            raise UndefinedError("infinite")
        if size > self.peak:
            self.peak = size
        elif 0 < size < self.trough:
            self.trough = size
        if self.real and result.imag:
            self.real = False
        return result

    def _computed(self, node: Node) -> Any:
        rational = exact(node) if not self.bindings else None
        if rational is not None:
            return self.number(rational)
        if isinstance(node, Num):
            return self.number(node.value)
        if isinstance(node, Sym):
            bound = self.bindings.get(node.name)
            return bound if bound is not None else self.number(sample(node.name, self.point, self.width))
        if isinstance(node, Const):
            return self._constant(node.name)
        if isinstance(node, Add):
            return sum((self.compute(item) for item in node.items), self.context.mpf(0))
        if isinstance(node, Mul):
            product = self.context.mpf(1)
            for item in node.items:
                product = product * self.compute(item)
            return product
        if isinstance(node, Pow):
            return self._power(node)
        return self._call(node)

    def _constant(self, name: str) -> Any:
        if name == "pi":
            return +self.context.pi
        if name == "e":
            return +self.context.e
        if name == "i":
            return self.context.mpc(0, 1)
        raise UndefinedError("infinite")

    def _power(self, node: Pow) -> Any:
        base = self.compute(node.base)
        if isinstance(node.exponent, Num) and node.exponent.value == -1:
            return 1 / base
        exponent = self.compute(node.exponent)
        size = abs(base)
        if size == 0:
            if self.context.re(exponent) <= 0:
                raise UndefinedError("zero to a power that is not positive")
            return base
        if abs(exponent) * (abs(self.context.log(size)) * 1.4427 + 5) > limits.MAX_LOG2:
            if self.bindings and self.context.re(exponent * self.context.log(size)) < 0:
                return self.context.mpf(0)  # far out in an integral, below any digit
            raise RefusedError("power")
        root = self._odd_root(base, node.exponent)
        return root if root is not None else base**exponent

    def _odd_root(self, base: Any, exponent: Node) -> Any:
        """The real root of a negative number, where the exponent is written 1/3, 1/5, …: school convention."""
        degree = exact(exponent)
        if degree is None or degree.denominator % 2 == 0 or degree.denominator == 1:
            return None
        if self.context.im(base) != 0 or self.context.re(base) >= 0:
            return None
        size = (-self.context.re(base)) ** self.number(degree)
        return -size if degree.numerator % 2 else size

    def _call(self, node: Call) -> Any:
        if node.bound is not None:
            return self._bound(node)
        args = [self.compute(arg) for arg in node.args]
        context, first = self.context, args[0]
        if node.name in DIRECT and len(args) == 1:
            if abs(first) > 1e6:
                raise RefusedError("argument")
            spend(_COSTLY * self.cost)
            if node.name in ("tanh", "coth"):
                self.trough = min(self.trough, self.context.exp(-2 * abs(first)))
            return getattr(context, node.name)(first)
        if node.name == "log":
            return context.log(first) if len(args) == 1 else context.log(first) / context.log(args[1])
        if node.name == "abs":
            return abs(first)
        if node.name in ("max", "min") and all(context.im(arg) == 0 for arg in args):
            return (max if node.name == "max" else min)(context.re(arg) for arg in args)
        if node.name in ("floor", "ceil"):
            return getattr(context, node.name)(first)
        if node.name == "mod" and len(args) == 2:
            return first - args[1] * context.floor(first / args[1])
        if node.name == "factorial":
            if abs(first) > limits.MAX_FACTORIAL:
                raise RefusedError("factorial")
            spend(_COSTLY * self.cost)
            return context.gamma(first + 1)
        if node.name == "binom" and len(args) == 2:
            if max(map(abs, args)) > limits.MAX_FACTORIAL:
                raise RefusedError("binomial")
            spend(3 * _COSTLY * self.cost)
            return context.gamma(first + 1) / context.gamma(args[1] + 1) / context.gamma(first - args[1] + 1)
        if node.name in ("Re", "Im", "arg"):
            return getattr(context, node.name.lower())(first)
        if node.name in ("gcd", "lcm"):
            if all(arg == first for arg in args):
                return first
            return self._opaque(node.name, sorted(args, key=lambda value: (context.re(value), context.im(value))))
        return self._opaque(node.name, args)

    def _bound(self, node: Call) -> Any:
        """A sum, product or definite integral is computed where it can be; limits and the rest stay opaque."""
        value = bound_value(self, node)
        if value is not None:
            return value
        outer = self.bindings
        self.bindings = {**outer, node.bound or "": self.number(sample("bound variable", self.point))}
        body = self.compute(node.args[0])
        self.bindings = outer
        ends = [arg for arg in node.args[1:] if not infinity(arg)]
        extra = [self.number(sample(node.bound or "", self.point))] if node.name == "int" and not node.args[1:] else []
        name = node.name + "".join("+-"[infinity(arg) < 0] + "oo" if infinity(arg) else "." for arg in node.args[1:])
        return self._opaque(name, [body, *map(self.compute, ends), *extra])

    def _opaque(self, name: str, args: list[Any]) -> Any:
        """A number that stands for an uncomputed function: the same for the same argument values."""
        digits = self.context.dps // 2
        if digits < DIGITS // 2:
            raise UndefinedError("an unknown function in machine floats")
        tiny = self.peak * self.context.mpf(10) ** -digits
        parts = (
            0 if abs(part) < tiny else part for arg in args for part in (self.context.re(arg), self.context.im(arg))
        )
        text = "|".join(self.context.nstr(part, digits) if part else "0" for part in parts)
        return self.number(sample(f"{name}({text})", 0))
