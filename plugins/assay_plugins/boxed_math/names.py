"""Names: which values only name a quantity, what an equation is about, and the bound name of a set-builder."""

from __future__ import annotations

from dataclasses import replace

from assay_plugins.boxed_math.nodes import (
    Add,
    Call,
    Const,
    Mul,
    Node,
    Num,
    Pow,
    Ratio,
    Relation,
    Scalar,
    Seq,
    Sym,
    Text,
    Value,
)
from assay_plugins.boxed_math.vocabulary import UNKNOWN_FUNCTIONS

REALS = frozenset(["mathbb R", "mathbbR"])
INTEGERS = frozenset(["mathbb Z", "mathbb N", "mathbbZ", "mathbbN"])
_FUNCTIONS = frozenset("fghpqFGHPQT")
BOUND = "·"
"""The name that a set-builder binds: it agrees with every other name."""


def is_name(node: Node) -> bool:
    r"""Whether an expression can only be the name of a quantity: x, f(x), P(A), \frac{NO}{BO}, a product of letters.

    Sums are not names: `x + y = 5` says more than 5.
    """
    if isinstance(node, Num | Const):
        return isinstance(node, Const) and node.name in ("e", "i")
    if isinstance(node, Mul):
        return all(is_name(item) for item in node.items)
    if isinstance(node, Pow):
        return is_name(node.base) and isinstance(node.exponent, Num) and node.exponent.value == -1
    if isinstance(node, Add):
        return False
    if isinstance(node, Call):
        return node.name in UNKNOWN_FUNCTIONS or (node.name == "prime" and is_name(node.args[0]))
    return True


def is_letter_sum(node: Node) -> bool:
    """Whether an expression is m + n, a + b + c, xy or the like: letters with coefficients 1 or -1, no numerals."""
    if isinstance(node, Add):
        return all(is_letter_sum(item) for item in node.items)
    if isinstance(node, Mul):
        return all(is_letter_sum(item) or (isinstance(item, Num) and item.value == -1) for item in node.items)
    return is_name(node)


def is_name_value(value: Value) -> bool:
    """Whether a value names something: a symbol, words, or a tuple or ratio of names."""
    if isinstance(value, Text):
        return True
    if isinstance(value, Scalar):
        return is_name(value.node)
    if isinstance(value, Ratio | Seq):
        return bool(value.items) and all(is_name_value(item) for item in value.items)
    return False


def conflicting(a: Relation, b: Relation) -> bool:
    """Whether two relations are about different things: `x = 2` and `y = 2`, `(x, y) = …` and `(y, x) = …`.

    A symbol and words may mean the same: `A = 4` and `Area = 4`, `y = 2x` and `f(x) = 2x`.
    """
    left, right = _subject(a), _subject(b)
    if left is None or right is None or type(left) is not type(right):
        return False
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        if _is_call(left.node) != _is_call(right.node):
            return False
        return BOUND not in (_letters(left.node) | _letters(right.node)) and _letters(left.node) != _letters(right.node)
    return left != right


def _subject(relation: Relation) -> Value | None:
    """The side that names what the relation is about."""
    return next((side for side in relation.sides if is_name_value(side)), None)


def _is_call(node: Node) -> bool:
    """Whether a name is a function of something: f(x), P(A)."""
    if isinstance(node, Call):
        return node.name in UNKNOWN_FUNCTIONS
    return isinstance(node, Mul) and isinstance(node.items[0], Sym) and node.items[0].name in _FUNCTIONS


def _letters(node: Node) -> frozenset[object]:
    """The symbols, constants and numbers of a name, and what is under a power; AB and BA have the same."""
    if isinstance(node, Sym | Const):
        return frozenset([node.name])
    if isinstance(node, Num):
        return frozenset([node.value])
    if isinstance(node, Add | Mul):
        return frozenset().union(*map(_letters, node.items))
    if isinstance(node, Pow):
        base = _letters(node.base)
        return base | {(letter, node.exponent) for letter in base}
    if isinstance(node, Call):
        return frozenset([node.name]).union(*map(_letters, node.args))
    return frozenset()


def renamed(value: Value, name: str, new: str = BOUND) -> Value:
    """A relation, or a list of them, with another name for a symbol."""
    if isinstance(value, Relation):
        return Relation(tuple(renamed(side, name, new) for side in value.sides), value.operators)
    if isinstance(value, Seq):
        return replace(value, items=tuple(renamed(item, name, new) for item in value.items))
    return replace(value, node=_renamed(value.node, name, new)) if isinstance(value, Scalar) else value


def _renamed(node: Node, name: str, new: str) -> Node:
    if isinstance(node, Sym):
        return Sym(new) if node.name == name else node
    if isinstance(node, Add | Mul):
        return type(node)(tuple(_renamed(item, name, new) for item in node.items))
    if isinstance(node, Pow):
        return Pow(_renamed(node.base, name, new), _renamed(node.exponent, name, new))
    if isinstance(node, Call):
        return replace(node, args=tuple(_renamed(arg, name, new) for arg in node.args))
    return node
