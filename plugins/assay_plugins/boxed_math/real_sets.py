r"""Subsets of the real line, whatever way they are written: `x < 1 or x > 2` is `(-\infty, 1) \cup (2, \infty)`.

`real_set` turns inequalities in one name, intervals, finite sets, set-builders, `x \ne 2`, unions,
intersections, differences, the reals and the empty set into sorted, disjoint intervals, which are then
compared end by end. Ends are compared exactly, by `same_expression`; to sort them 200 digits are enough, and
where two ends cannot be told apart without being equal the set stays unread.

A list of inequalities is read as both at once where that leaves something and either alone would leave
everything (`x > -2, x < 3`), else as one or the other (`x < 1, x > 2`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

from assay_plugins.boxed_math.evaluation import value_at
from assay_plugins.boxed_math.expressions import same_expression
from assay_plugins.boxed_math.limits import MAX_ITEMS, RefusedError
from assay_plugins.boxed_math.names import BOUND, INTEGERS, REALS, is_name
from assay_plugins.boxed_math.nodes import (
    Add,
    Call,
    Combination,
    Const,
    Mul,
    Node,
    Num,
    Relation,
    Scalar,
    Seq,
    Sym,
    Text,
    Value,
)
from assay_plugins.boxed_math.trees import infinity, linear, symbols

_EVERYTHING = frozenset(["all real numbers", "all reals", "all real x", "the real numbers", "real numbers", "reals"])
_DIGITS = 200
"""To sort ends with; where two cannot be told apart without being equal the set stays unread."""
_MOST = 10**50
"""Size of an integer that is counted."""
_NOTHING = frozenset(
    ["no solution", "no solutions", "no real solution", "no real solutions", "empty set", "the empty set", "无解"]
)
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
INFINITY = Const("oo")
MINUS_INFINITY = Mul((Num(Fraction(-1)), INFINITY))


@dataclass(frozen=True, slots=True)
class End:
    """One end of an interval; `closed` says whether the point itself belongs to it."""

    node: Node
    place: Any
    """A real number of 200 digits, or plus or minus infinity."""
    closed: bool


Piece = tuple[End, End]
Pieces = list[Piece]


def same_real_set(a: Value, b: Value) -> bool:
    """Whether both values are subsets of the real line, and the same one."""
    if all(
        isinstance(value, Seq) and value.kind != "list" for value in (a, b)
    ):  # points, intervals and sets, which are compared as such
        return False
    names = _names(a), _names(b)
    if all(names) and not names[0] & names[1] and BOUND not in names[0] | names[1]:  # x > 3 is not y > 3
        return False
    left, right = real_set(a), real_set(b)
    if left is None or right is None or len(left) != len(right):
        return False
    return all(
        x.closed == y.closed and same_expression(x.node, y.node)
        for first, second in zip(left, right, strict=True)
        for x, y in zip(first, second, strict=True)
    )


def _names(value: Value) -> frozenset[str]:
    """The names that the relations of a value are about."""
    if isinstance(value, Relation):
        return frozenset(filter(None, [_variable(value)]))
    if isinstance(value, Seq | Combination):
        return frozenset().union(*map(_names, value.items))
    return frozenset()


def real_set(value: Value) -> Pieces | None:
    """The disjoint intervals of a value in ascending order; None where it is no set of real numbers."""
    if isinstance(value, Relation):
        return _solutions(value)
    if isinstance(value, Combination):
        return _combined(value)
    if isinstance(value, Text):
        return _everything() if value.text in _EVERYTHING else [] if value.text in _NOTHING else None
    if isinstance(value, Scalar):
        return _everything() if isinstance(value.node, Sym) and value.node.name in REALS else None
    if not isinstance(value, Seq):
        return None
    if value.kind == "tuple":
        if len(value.items) != 2:
            return None
        # (2, 1) is a point: no interval is written so that nothing lies in it
        return _interval(value.items, value.opening == "[", value.closing == "]") or None
    if len(value.items) > MAX_ITEMS:
        raise RefusedError("items")
    if value.kind == "set" and all(isinstance(item, Scalar) for item in value.items):
        points = [_interval((item, item), True, True) for item in value.items]
        return (
            None if any(point is None for point in points) else _union([p for point in points if point for p in point])
        )
    if value.kind == "list" and len(value.items) > 1 and all(isinstance(item, Relation) for item in value.items):
        return _several([item for item in value.items if isinstance(item, Relation)], value.opening)
    return None


def _everything() -> Pieces:
    low, high = float("-inf"), float("inf")
    return [(End(MINUS_INFINITY, low, False), End(INFINITY, high, False))]


@lru_cache(maxsize=512)
def _end(node: Node, closed: bool) -> End | None:
    sign = infinity(node)
    if sign:
        return End(INFINITY if sign > 0 else MINUS_INFINITY, sign * float("inf"), False)
    if symbols(node):
        return None
    result = value_at(node, 0, _DIGITS)
    if result is None or result.value.imag != 0:
        return None
    return End(node, result.value.real, closed)


def _interval(items: tuple[Value, ...], low_closed: bool, high_closed: bool) -> Pieces | None:
    low, high = items
    if not (isinstance(low, Scalar) and isinstance(high, Scalar)) or low.unit or high.unit:
        return None
    start, end = _end(low.node, low_closed), _end(high.node, high_closed)
    if start is None or end is None:
        return None
    if start.place == end.place and not same_expression(start.node, end.node):
        return None
    if start.place > end.place or (start.place == end.place and not (low_closed and high_closed)):
        return []
    return [(start, end)]


def _solutions(relation: Relation) -> Pieces | None:
    sides, operators = relation.sides, relation.operators
    if operators == ("in",):
        return real_set(sides[1])
    if not _variable(relation):
        solved = _solved(relation)
        return None if solved is None else real_set(solved)
    if operators == ("=",):
        value = sides[1] if _is_variable(sides[0]) else sides[0]
        return _interval((value, value), True, True)
    if any(operator not in _MIRROR for operator in operators):
        return None
    pieces = _everything()
    for left, operator, right in zip(sides, operators, sides[1:], strict=False):
        if _is_variable(right):
            left, operator, right = right, _MIRROR[operator], left  # noqa: PLW2901
        half = _half(operator, right)
        if half is None:
            return None
        pieces = _intersection(pieces, half)
    return pieces


def _solved(relation: Relation) -> Value | None:
    """A relation of a linear expression, or of the absolute value of one, as relations of its name alone.

    None where it is about the name alone already, or something else.
    """
    if _variable(relation):
        return None
    places = [k for k, side in enumerate(relation.sides) if isinstance(side, Scalar) and symbols(side.node)]
    others = [side for k, side in enumerate(relation.sides) if k not in places]
    if len(places) != 1 or not all(isinstance(side, Scalar) for side in others):
        return None
    side = relation.sides[places[0]]
    assert isinstance(side, Scalar)
    if isinstance(side.node, Call) and side.node.name == "abs":
        return _without_bars(relation, places[0], side.node.args[0])
    line = linear(side.node)
    if line is None:
        return None
    name, slope, intercept = line
    sides = tuple(
        Scalar(Sym(name) if k == places[0] else Mul((Add((other.node, Num(-intercept))), Num(1 / slope))))
        for k, other in enumerate(relation.sides)
        if isinstance(other, Scalar)
    )
    operators = relation.operators if slope > 0 else tuple(_MIRROR.get(each, each) for each in relation.operators)
    return Relation(sides, operators)


def _without_bars(relation: Relation, place: int, inner: Node) -> Value | None:
    """|x| < 2 as -2 < x < 2, |x| > 2 as x < -2 or x > 2."""
    if len(relation.sides) != 2:
        return None
    bound = relation.sides[1 - place]
    operator = relation.operators[0] if place == 0 else _MIRROR.get(relation.operators[0], "")
    if not isinstance(bound, Scalar) or operator not in ("<", "<=", ">", ">="):
        return None
    low = Scalar(Mul((Num(Fraction(-1)), bound.node)))
    if operator in ("<", "<="):
        return Relation((low, Scalar(inner), bound), (operator, operator))
    below, above = Relation((Scalar(inner), low), (_MIRROR[operator],)), Relation((Scalar(inner), bound), (operator,))
    return Seq("list", (below, above), "or")


def _half(operator: str, bound: Value) -> Pieces | None:
    everywhere = Scalar(INFINITY)
    if operator == "!=":
        point = _interval((bound, bound), True, True)
        return None if point is None else _complement(point)
    if operator in ("<", "<="):
        return _interval((Scalar(MINUS_INFINITY), bound), False, operator == "<=")
    return _interval((bound, everywhere), operator == ">=", False)


def _variable(relation: Relation) -> str:
    """The name that the relation is about; empty where it is about none or several, or more than a name."""
    names = [side.node.name for side in relation.sides if isinstance(side, Scalar) and isinstance(side.node, Sym)]
    return names[0] if len(names) == 1 else ""


def _is_variable(value: Value) -> bool:
    return isinstance(value, Scalar) and is_name(value.node)


def _several(relations: list[Relation], joiner: str) -> Pieces | None:
    """What relations allow: "and" is both where something is left, "or" either; for a comma see the module."""
    relations = [solved if isinstance(solved := _solved(each), Relation) else each for each in relations]
    names = {_variable(relation) for relation in relations if relation.operators != ("in",)}
    if len(names) != 1 or "" in names:
        return None
    sets = [_solutions(relation) for relation in relations]
    known = [pieces for pieces in sets if pieces is not None]
    if len(known) != len(sets):
        return None
    either = _union([piece for pieces in known for piece in pieces])
    both = reduce(_intersection, known)
    if both and (_has_exclusion(relations) or joiner == "and" or (not joiner and _is_everything(either))):
        return both
    return either


def _has_exclusion(relations: list[Relation]) -> bool:
    return any(relation.operators == ("!=",) for relation in relations)


def _is_everything(pieces: Pieces) -> bool:
    return not _complement(pieces)


def _combined(value: Combination) -> Pieces | None:
    if value.operator == r"\cap" and len(value.items) == 2:
        for domain, other in (value.items, value.items[::-1]):
            if isinstance(domain, Scalar) and isinstance(domain.node, Sym) and domain.node.name in INTEGERS:
                return _integers(real_set(other), natural="N" in domain.node.name)
    sets = [real_set(item) for item in value.items]
    known = [pieces for pieces in sets if pieces is not None]
    if len(known) != len(sets):
        return None
    if value.operator == r"\cup":
        return _union([piece for pieces in known for piece in pieces])
    if value.operator == r"\cap":
        return reduce(_intersection, known)
    return reduce(lambda whole, part: _intersection(whole, _complement(part)), known)


def _integers(pieces: Pieces | None, *, natural: bool) -> Pieces | None:
    """The integers in pieces; None where they are not few, or where it matters whether 0 is a natural number."""
    points: Pieces = []
    for low, high in pieces or ():
        if not (high.place - low.place <= MAX_ITEMS and max(-low.place, high.place) < _MOST) or (
            natural and (low.place < 0 or (low.place == 0 and low.closed))
        ):
            return None
        start, stop = math.ceil(low.place), math.floor(high.place)
        for number in range(start, stop + 1):
            if (number > low.place or low.closed) and (number < high.place or high.closed):
                end = _end(Num(Fraction(number)), True)
                assert end is not None
                points.append((end, end))
    return None if pieces is None else _union(points)


# -- algebra of pieces -----------------------------------------------------------------------------


def _union(pieces: Pieces) -> Pieces:
    merged: Pieces = []
    for low, high in sorted(pieces, key=lambda piece: (piece[0].place, not piece[0].closed)):
        if merged and _touch(merged[-1][1], low):
            start, end = merged.pop()
            merged.append((start, max(end, high, key=lambda end: (end.place, end.closed))))
        else:
            merged.append((low, high))
    return merged


def _touch(end: End, start: End) -> bool:
    """Whether two pieces leave no gap. Raises `RefusedError` where 200 digits do not tell."""
    if end.place == start.place and not same_expression(end.node, start.node):
        raise RefusedError("digits")
    return bool(end.place > start.place or (end.place == start.place and (end.closed or start.closed)))


def _complement(pieces: Pieces) -> Pieces:
    """What is missing; the pieces are disjoint and in order."""
    (low, high), *_ = _everything()
    gaps: Pieces = []
    for start, end in pieces:
        if start.place > low.place or (start.place == low.place and low.closed and not start.closed):
            gaps.append((low, End(start.node, start.place, not start.closed and start.place != float("-inf"))))
        low = End(end.node, end.place, not end.closed and end.place != float("inf"))
    if low.place < high.place:
        gaps.append((low, high))
    return gaps


def _intersection(a: Pieces, b: Pieces) -> Pieces:
    return _complement(_union(_complement(a) + _complement(b)))
