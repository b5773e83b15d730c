"""Equality of values: what counts as the same answer. docs/verifiers.md tells it with examples.

`same_value` is symmetric. Values of different kinds are first brought to one: `x = 5` to `5`, `x >= 5` to
`[5, oo)`, a list of one to its member, a column to a tuple. The conventions on which the sources disagree
are fields of `Rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from assay_plugins.boxed_math.expressions import difference, nearly, proportional, same_expression
from assay_plugins.boxed_math.limits import MAX_ITEMS, RefusedError
from assay_plugins.boxed_math.names import conflicting, is_letter_sum, is_name, is_name_value
from assay_plugins.boxed_math.nodes import (
    Add,
    Combination,
    Const,
    Matrix,
    Mul,
    Node,
    Num,
    Numeral,
    Pow,
    Ratio,
    Relation,
    Scalar,
    Seq,
    Text,
    Value,
)
from assay_plugins.boxed_math.trees import has_decimal, symbols
from assay_plugins.boxed_math.unit_table import SYMBOLS, Unit
from assay_plugins.boxed_math.units import pairs

_HUNDREDTH = Num(Fraction(1, 100))
_INFINITY = Const("oo")
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!=", "~": "~"}


@dataclass(frozen=True, slots=True)
class Rules:
    """Conventions on which sources disagree."""

    percent: str = "either"
    """`10%` is 10 and 0.1 ("either"), only 0.1 ("fraction"), or only 10 ("number")."""
    ordered: bool = False
    """Whether the order of a list without brackets matters."""


def same_value(a: Value, b: Value, rules: Rules) -> bool:
    """Whether two values are equal. Raises `RefusedError` over a cap."""
    if a == b:
        return True
    if isinstance(a, Text) or isinstance(b, Text):
        return isinstance(a, Text) and isinstance(b, Text) and a.text == b.text
    if isinstance(a, Relation) or isinstance(b, Relation):
        return _same_relation(a, b, rules)
    a, b = _unwrapped(a, b), _unwrapped(b, a)
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return _same_scalar(a, b, rules)
    if isinstance(a, Combination) or isinstance(b, Combination):
        return _same_combination(a, b, rules)
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        return _same_matrix(a, b, rules)
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        return _same_ratio(a, b)
    if isinstance(a, Numeral) or isinstance(b, Numeral):
        return _same_numeral(a, b)
    if isinstance(a, Seq) and isinstance(b, Seq):
        return _same_seq(a, b, rules)
    return False


def _unwrapped(value: Value, other: Value) -> Value:
    """A list of one is its member; so is a set of one beside a value that is no set: {5} is 5, {{5}} is not {5}."""
    while isinstance(value, Seq) and len(value.items) == 1 and value.kind in ("list", "set"):
        if value.kind == "set" and (isinstance(other, Seq) or isinstance(value.items[0], Seq)):
            break
        value = value.items[0]
    return value


def _same_scalar(a: Scalar, b: Scalar, rules: Rules) -> bool:
    if (a.percent and b.unit) or (b.percent and a.unit):
        return False
    if a.unit and b.unit:
        # In either unit: a decimal is known to its own last digit only in its own.
        return any(
            _same_plain(replace(a, node=_converted(a.node, x, y)), b, rules)
            or _same_plain(a, replace(b, node=_converted(b.node, y, x)), rules)
            for x, y in pairs(a.unit, b.unit)
        )
    if bool(a.unit) != bool(b.unit):
        angle, other = (a, b) if a.unit else (b, a)
        if angle.unit == SYMBOLS["deg"] and _holds_pi(other.node):  # 45° is pi/4
            return same_expression(Mul((angle.node, Const("pi"), Num(Fraction(1, 180)))), other.node)
    return _same_plain(a, b, rules)


def _converted(node: Node, unit: Unit, other: Unit) -> Node:
    """A value in one unit as the value in another."""
    if (unit.offset, unit.size, unit.pi) == (other.offset, other.size, other.pi):
        return node
    if unit.offset != other.offset:
        node = Add((node, Num(unit.offset - other.offset * other.size / unit.size)))
    pi = Pow(Const("pi"), Num(Fraction(unit.pi - other.pi)))
    return Mul((node, Num(unit.size / other.size), pi) if unit.pi != other.pi else (node, Num(unit.size / other.size)))


def _holds_pi(node: Node) -> bool:
    if isinstance(node, Add | Mul):
        return any(map(_holds_pi, node.items))
    return node == Const("pi") or (isinstance(node, Pow) and _holds_pi(node.base))


def _same_plain(a: Scalar, b: Scalar, rules: Rules) -> bool:
    left, right = a.node, b.node
    if a.percent == b.percent or rules.percent == "number":
        return same_expression(left, right)
    scaled = Mul((left if a.percent else right, _HUNDREDTH))
    if same_expression(scaled, right if a.percent else left):
        return True
    return rules.percent == "either" and same_expression(left, right)


# -- sequences -------------------------------------------------------------------------------------


def _same_seq(a: Seq, b: Seq, rules: Rules) -> bool:
    if a.kind == b.kind == "tuple":
        if (a.opening, a.closing) != (b.opening, b.closing) and (len(a.items) == 2 or not a.items):
            return False
        return _in_order(a.items, b.items, rules)
    if a.kind == b.kind == "set":
        return _covers(a.items, b.items, rules) and _covers(b.items, a.items, rules)
    if "tuple" in (a.kind, b.kind):
        bracketed, other = (a, b) if a.kind == "tuple" else (b, a)
        return _is_point(bracketed, other) and _in_order(a.items, b.items, rules)
    if a.opening != b.opening and a.opening and b.opening and any(map(_is_inequality, a.items + b.items)):
        return False  # "and" is not "or": as sets of real numbers they may still be equal
    assigned = _assigned(a), _assigned(b)
    if all(assigned):  # x = 1, y = 2 may come in any order but says which is which
        return set(assigned[0]) == set(assigned[1]) and all(
            same_value(value, assigned[1][name], rules) for name, value in assigned[0].items()
        )
    if any(assigned) and a.kind == b.kind == "list":
        return _in_order(a.items, b.items, rules)
    if rules.ordered and a.kind == b.kind:
        return _in_order(a.items, b.items, rules)
    if all(isinstance(item, Seq) for item in a.items + b.items):  # points: named twice is named once
        return _covers(a.items, b.items, rules) and _covers(b.items, a.items, rules)
    return _in_any_order(a.items, b.items, rules)


def _is_inequality(value: Value) -> bool:
    return isinstance(value, Relation) and not {"=", "~"} & set(value.operators)


def _is_point(value: Seq, other: Seq) -> bool:
    """Whether a tuple may be written as this list: not where it may be an interval, which its two ends are not."""
    if (other.kind == "set" and not other.opening) or (value.opening, value.closing) not in (("(", ")"), ("[", "]")):
        return False
    return len(value.items) != 2 or bool(other.kind == "set" or (value.opening == "(" and _assigned(other)))


def _assigned(value: Seq) -> dict[Value, Value]:
    """The values that a list of equations gives to different names; empty where it is anything else."""
    values: dict[Value, Value] = {}
    for item in value.items:
        if not isinstance(item, Relation) or item.operators != ("=",) or not is_name_value(item.sides[0]):
            return {}
        values[item.sides[0]] = item.sides[1]
    return values if len(values) == len(value.items) > 1 else {}


def _in_order(a: tuple[Value, ...], b: tuple[Value, ...], rules: Rules) -> bool:
    return len(a) == len(b) and all(_same_member(x, y, rules) for x, y in zip(a, b, strict=True))


def _same_member(a: Value, b: Value, rules: Rules) -> bool:
    """Equality inside a list, tuple or set, where {2} is no 2."""
    return _is_set(a) == _is_set(b) and same_value(a, b, rules)


def _is_set(value: Value) -> bool:
    return isinstance(value, Seq) and value.kind == "set"


def _in_any_order(
    a: tuple[Value, ...], b: tuple[Value, ...], rules: Rules, same: Callable[[Value, Value, Rules], bool] = _same_member
) -> bool:
    if len(a) > MAX_ITEMS:
        raise RefusedError("items")
    rest = list(b)
    for item in a:
        found = next((k for k, other in enumerate(rest) if same(item, other, rules)), None)
        if found is None:
            return False
        rest.pop(found)
    return not rest


def _covers(a: tuple[Value, ...], b: tuple[Value, ...], rules: Rules) -> bool:
    if max(len(a), len(b)) > MAX_ITEMS:
        raise RefusedError("items")
    return all(any(_same_member(x, y, rules) for y in b) for x in a)


def _same_combination(a: Value, b: Value, rules: Rules) -> bool:
    if not (isinstance(a, Combination) and isinstance(b, Combination)) or a.operator != b.operator:
        return False
    if a.operator == r"\setminus":
        return len(a.items) == len(b.items) and all(map(same_value, a.items, b.items, [rules] * len(a.items)))
    return _in_any_order(_flat(a), _flat(b), rules, same_value)


def _flat(value: Combination) -> tuple[Value, ...]:
    """Members of nested unions (or intersections), which may be bracketed in any way."""
    items: list[Value] = []
    for item in value.items:
        items += _flat(item) if isinstance(item, Combination) and item.operator == value.operator else (item,)
    return tuple(items)


def _same_matrix(a: Value, b: Value, rules: Rules) -> bool:
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        if a.kind != b.kind or len(a.rows) != len(b.rows):
            return False
        if a.kind == "cases":
            left, right = (tuple(Seq("tuple", row, "|", "|") for row in each.rows) for each in (a, b))
            return _in_any_order(left, right, rules)
        return all(_in_order(x, y, rules) for x, y in zip(a.rows, b.rows, strict=True))
    matrix, other = (a, b) if isinstance(a, Matrix) else (b, a)
    if not isinstance(matrix, Matrix) or not isinstance(other, Seq) or other.kind == "set" or matrix.kind:
        return False
    rows = tuple(row.items for row in other.items if isinstance(row, Seq) and (row.opening, row.closing) == ("[", "]"))
    if rows and len(rows) == len(other.items):
        return len(rows) == len(matrix.rows) and all(map(_in_order, matrix.rows, rows, [rules] * len(rows)))
    if other.kind == "tuple" and (other.opening, other.closing) not in (("(", ")"), ("[", "]")):
        return False
    flat = matrix.rows[0] if len(matrix.rows) == 1 else tuple(row[0] for row in matrix.rows if len(row) == 1)
    return len(flat) in (len(matrix.rows), len(matrix.rows[0])) and _in_order(flat, other.items, rules)


def _same_ratio(a: Value, b: Value) -> bool:
    """3:4 is 6:8 and 3/4; with more than two members they must be proportional."""
    left, right = _ratio_nodes(a), _ratio_nodes(b)
    if left is None or right is None or len(left) != len(right) or len(left) < 2:
        return False
    if Num(Fraction(0)) in left + right:  # a time of day such as 12:00 has no proportion
        return all(same_expression(x, y) for x, y in zip(left, right, strict=True))
    return all(same_expression(Mul((left[0], y)), Mul((right[0], x))) for x, y in zip(left[1:], right[1:], strict=True))


def _ratio_nodes(value: Value) -> list[Node] | None:
    if isinstance(value, Scalar):
        return [value.node, Num(Fraction(1))]
    if isinstance(value, Ratio) and all(isinstance(item, Scalar) for item in value.items):
        return [item.node for item in value.items if isinstance(item, Scalar)]
    return None


def _same_numeral(a: Value, b: Value) -> bool:
    """4210_7 is 4210_7, and 4210 where the question names the base; never a number of another value."""
    if isinstance(a, Numeral) and isinstance(b, Numeral):
        return a == b
    numeral, other = (a, b) if isinstance(a, Numeral) else (b, a)
    if not isinstance(numeral, Numeral) or not isinstance(other, Scalar) or not numeral.digits.lstrip("-").isdecimal():
        return False
    return same_expression(Num(Fraction(int(numeral.digits))), other.node)


# -- relations -------------------------------------------------------------------------------------


def _same_relation(a: Value, b: Value, rules: Rules) -> bool:
    both = isinstance(a, Relation) and isinstance(b, Relation)
    if isinstance(a, Relation) and isinstance(b, Relation):
        if _same_chain(a, b, rules):
            return True
        if conflicting(a, b):
            return False
    left, right = _reduced(a, b), _reduced(b, a)
    if left == a and right == b:
        return False
    if isinstance(left, Relation) or isinstance(right, Relation):
        return both and isinstance(left, Relation) and isinstance(right, Relation) and _same_chain(left, right, rules)
    return same_value(left, right, rules)


def _reduced(value: Value, other: Value) -> Value:
    """A relation as the value that it states: x = 5 as 5, x in S as S, x >= 5 as [5, oo)."""
    if not isinstance(value, Relation):
        return value
    if set(value.operators) <= {"=", "~"}:
        stated = _stated(value, other)
        return value if stated is None else stated
    if value.operators == ("in",):
        return value.sides[1]
    interval = _interval(value)
    return value if interval is None else interval


def _stated(value: Relation, other: Value) -> Value | None:
    """The value that an equation gives to a name: the last exact side, or None where it names nothing."""
    sides = [side for side in value.sides if not is_name_value(side)]
    if not sides:
        return value.sides[-1] if len(value.sides) == 2 else None
    if not _is_consistent(value):
        return None
    first = value.sides[0]
    if sides[0] is first and len(value.operators) == 1 and value.operators[0] == "=":
        return sides[-1] if _both_numbers(first, sides[-1]) or _is_sum_of_letters(first, other) else None
    if "~" in value.operators and "=" not in value.operators:
        return sides[0]
    exact = sides[: 1 + len(sides) - 1 - value.operators[::-1].index("~") - 1] if "~" in value.operators else sides
    return (exact or sides)[-1]


def _is_consistent(value: Relation) -> bool:
    """Whether the numbers of a chain agree: x = 4 = 5 states nothing. What stands behind "~" may be rounded to 5%."""
    numbers = [
        (side.node, operator)
        for side, operator in zip(value.sides, ("=", *value.operators), strict=True)
        if isinstance(side, Scalar) and not (side.percent or side.unit or symbols(side.node) or is_name(side.node))
    ]
    return all(
        nearly(numbers[0][0], node, 0.05 if operator == "~" else 0.01)
        if operator == "~" or has_decimal(node) or has_decimal(numbers[0][0])
        else same_expression(numbers[0][0], node)
        for node, operator in numbers[1:]
    )


def _both_numbers(a: Value, b: Value) -> bool:
    """Whether both sides are numbers and equal, as in 2 + 3 = 5."""
    if not (isinstance(a, Scalar) and isinstance(b, Scalar)) or symbols(a.node) or symbols(b.node):
        return False
    return same_expression(a.node, b.node)


def _is_sum_of_letters(side: Value, other: Value) -> bool:
    """Whether a side is m + n or the like and the other answer is a plain number that it may equal."""
    return (
        isinstance(side, Scalar) and isinstance(other, Scalar) and is_letter_sum(side.node) and not symbols(other.node)
    )


def _interval(value: Relation) -> Value | None:
    """The interval that an inequality in one name describes, or None."""
    sides, operators = value.sides, value.operators
    if operators[0] in (">", ">="):
        sides, operators = sides[::-1], tuple(_MIRROR.get(operator, operator) for operator in operators[::-1])
    if any(operator not in ("<", "<=") for operator in operators):
        return None
    if len(sides) == 3 and is_name_value(sides[1]):
        return Seq(
            "tuple", (sides[0], sides[2]), "[" if operators[0] == "<=" else "(", "]" if operators[1] == "<=" else ")"
        )
    if len(sides) != 2:
        return None
    low, high = sides
    if is_name_value(low) and not is_name_value(high):
        return Seq(
            "tuple", (Scalar(Mul((Num(Fraction(-1)), _INFINITY))), high), "(", "]" if operators[0] == "<=" else ")"
        )
    if is_name_value(high) and not is_name_value(low):
        return Seq("tuple", (low, Scalar(_INFINITY)), "[" if operators[0] == "<=" else "(", ")")
    return None


def _same_chain(a: Relation, b: Relation, rules: Rules) -> bool:
    for chain in (b, _mirrored(b)) if _MIRROR.keys() >= set(b.operators) else (b,):
        if a.operators == chain.operators and _in_order(a.sides, chain.sides, rules):
            return True
    if len(a.sides) != 2 or len(b.sides) != 2 or not all(map(_is_bare, a.sides + b.sides)):
        return False
    left = difference(_node(a.sides[0]), _node(a.sides[1]))
    right = difference(_node(b.sides[0]), _node(b.sides[1]))
    if not symbols(left) or symbols(left) != symbols(right):
        return False
    (operator_a,), (operator_b,) = a.operators, b.operators
    if operator_a in ("=", "!="):
        return operator_a == operator_b and _isolated_agree(a, b) and proportional(left, right) != 0
    wanted = {operator_b: 1, _MIRROR.get(operator_b, ""): -1}.get(operator_a, 0)
    return wanted != 0 and proportional(left, right) == wanted


def _is_bare(value: Value) -> bool:
    """Whether a value is an expression and nothing else: one that may be multiplied."""
    return isinstance(value, Scalar) and not value.unit and not value.percent


def _isolated_agree(a: Relation, b: Relation) -> bool:
    """Definitions of a function, f(x) = …, compare sides; only other equations may be scaled."""
    calls: Callable[[Relation], bool] = lambda relation: isinstance(relation.sides[0], Text)  # noqa: E731
    return not calls(a) and not calls(b)


def _mirrored(relation: Relation) -> Relation:
    operators = tuple(_MIRROR.get(operator, operator) for operator in relation.operators[::-1])
    return Relation(relation.sides[::-1], operators)


def _node(value: Value) -> Node:
    assert isinstance(value, Scalar)
    return value.node
