"""What an expression tree holds: symbols, decimals, large numerals, shapes that change from place to place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

from assay_plugins.boxed_math.exact import UndefinedError, exact
from assay_plugins.boxed_math.nodes import Add, Call, Const, Mul, Node, Num, Pow, Sym
from assay_plugins.boxed_math.vocabulary import INVERSE


def symbols(node: Node) -> frozenset[str]:
    """Names of the free symbols."""
    return _symbols(node)


@lru_cache(maxsize=4096)
def _symbols(node: Node) -> frozenset[str]:
    if isinstance(node, Sym):
        return frozenset((node.name,))
    if isinstance(node, Add | Mul):
        return frozenset().union(*map(_symbols, node.items))
    if isinstance(node, Pow):
        return _symbols(node.base) | _symbols(node.exponent)
    if isinstance(node, Call):
        free = frozenset().union(*map(_symbols, node.args))
        return free - {node.bound} if node.bound else free
    return frozenset()


def has_decimal(node: Node) -> bool:
    """Whether a numeral of the expression was written as a decimal."""
    if isinstance(node, Num):
        return node.places is not None
    if isinstance(node, Add | Mul):
        return any(map(has_decimal, node.items))
    if isinstance(node, Pow):
        return has_decimal(node.base) or has_decimal(node.exponent)
    return isinstance(node, Call) and any(map(has_decimal, node.args))


_ROUGH = INVERSE | {"abs", "max", "min", "floor", "ceil", "sgn", "mod", "gcd", "lcm"}
MAX_WIDTH = 10**9


def is_rough(node: Node) -> bool:
    """Whether a tree holds anything that takes different shapes in different places: |x|, roots, floors."""
    if isinstance(node, Add | Mul):
        return any(map(is_rough, node.items))
    if isinstance(node, Pow):
        whole = isinstance(node.exponent, Num) and node.exponent.value.denominator == 1
        broken = not whole and not symbols(node.exponent)
        return broken or is_rough(node.base) or is_rough(node.exponent)
    return isinstance(node, Call) and (node.name in _ROUGH or any(map(is_rough, node.args)))


def largest(node: Node) -> Fraction:
    """The largest absolute value of a number in a tree, 10^4 being one, up to `MAX_WIDTH`."""
    value = None if symbols(node) else _value(node)
    if value is not None:
        return min(abs(value), Fraction(MAX_WIDTH))
    if isinstance(node, Add | Mul):
        return max(map(largest, node.items))
    if isinstance(node, Pow):
        return max(largest(node.base), largest(node.exponent))
    return max(map(largest, node.args), default=Fraction(0)) if isinstance(node, Call) else Fraction(0)


def _value(node: Node) -> Fraction | None:
    try:
        return exact(node)
    except UndefinedError:
        return None


def holds(node: Node, found: Callable[[Node], bool]) -> bool:
    """Whether some node of a tree is what is looked for."""
    if found(node):
        return True
    if isinstance(node, Add | Mul):
        return any(holds(item, found) for item in node.items)
    if isinstance(node, Pow):
        return holds(node.base, found) or holds(node.exponent, found)
    return isinstance(node, Call) and any(holds(arg, found) for arg in node.args)


def linear(node: Node) -> tuple[str, Fraction, Fraction] | None:
    """The name, slope and intercept of an expression such as 2x - 3; None where it is no such one."""
    if isinstance(node, Sym):
        return node.name, Fraction(1), Fraction(0)
    if isinstance(node, Mul):
        lines = [line for item in node.items if (line := linear(item)) is not None]
        numbers = [item.value for item in node.items if isinstance(item, Num)]
        if len(lines) != 1 or len(numbers) + 1 != len(node.items) or not all(numbers):
            return None
        factor = math.prod(numbers, start=Fraction(1))
        return lines[0][0], lines[0][1] * factor, lines[0][2] * factor
    if isinstance(node, Add):
        lines = [line for item in node.items if (line := linear(item)) is not None]
        numbers = [item.value for item in node.items if isinstance(item, Num)]
        if len(lines) != 1 or len(numbers) + 1 != len(node.items):
            return None
        return lines[0][0], lines[0][1], lines[0][2] + sum(numbers)
    return None


def nudged(node: Node) -> Iterator[Node]:
    """The tree with each of its decimals in turn changed by one unit of the last digit."""
    if isinstance(node, Num):
        if node.places is not None:
            yield Num(node.value + Fraction(10) ** -node.places, node.places)
    elif isinstance(node, Add | Mul):
        for index, item in enumerate(node.items):
            for new in nudged(item):
                yield type(node)((*node.items[:index], new, *node.items[index + 1 :]))
    elif isinstance(node, Pow):
        yield from (Pow(new, node.exponent) for new in nudged(node.base))
        yield from (Pow(node.base, new) for new in nudged(node.exponent))
    elif isinstance(node, Call):
        for index, arg in enumerate(node.args):
            for new in nudged(arg):
                yield Call(node.name, (*node.args[:index], new, *node.args[index + 1 :]), node.bound)


def is_approximated(node: Node) -> bool:
    """Whether a tree holds an integral or an infinite sum: computed to some 40 digits and no more."""
    return holds(
        node,
        lambda part: (
            isinstance(part, Call) and part.bound is not None and (part.name == "int" or any(map(infinity, part.args)))
        ),
    )


def infinity(node: Node) -> int:
    """1 for oo, -1 for -oo, else 0."""
    if node == Const("oo"):
        return 1
    if isinstance(node, Mul) and len(node.items) == 2 and node.items[1] == Const("oo"):
        head = node.items[0]
        return -1 if isinstance(head, Num) and head.value < 0 else 0
    return 0
