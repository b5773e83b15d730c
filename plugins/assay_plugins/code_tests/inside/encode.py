"""Values to plain data, by their exact type, so that nothing of the program's own has a say in a comparison.

JSON carries None, booleans, integers of 64 bits, finite floats, strings and lists as they are; everything else is
an object `{"t": type, "v": content}`. An instance of a class of the program's own is refused.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

MAX_DEPTH = 100
MAX_ITEMS = 200_000
"""Items of an iterator that are taken; one with more is refused."""
_AS_IS = {type(None), bool, str}
_NODES = ("ListNode", "TreeNode", "Node")
_VIEWS = {type({}.keys()): "set", type({}.values()): "iter", type({}.items()): "set"}


def encode(value: Any, depth: int = 0) -> Any:
    """Plain data for a value. Raises `TypeError` for what is not data, or nests too deep."""
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**63 else {"t": "int", "v": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"t": "float", "v": repr(value)}
    if depth > MAX_DEPTH:
        raise TypeError(f"a value nests deeper than {MAX_DEPTH} levels, or contains itself")
    if kind is list:
        return encode_items(value, depth)
    handler: Any = _ENCODERS.get(kind)
    if handler is not None:
        return handler(value, depth)
    if kind is type and value.__module__ == "builtins":
        return {"t": "type", "v": value.__name__}
    if kind in _VIEWS:
        return {"t": _VIEWS[kind], "v": encode_items(list(value), depth)}
    return _encode_other(value, kind, depth)


def encode_items(items: Any, depth: int) -> list[Any]:
    """The items of a sequence; a long one of plain values in one step."""
    kinds = set(map(type, items))
    if kinds <= _AS_IS or (kinds == {int} and min(items) >= -(2**63) and max(items) < 2**63):
        return list(items)
    return [encode(item, depth + 1) for item in items]


def _pairs(value: Any, depth: int) -> list[Any]:
    return [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in dict.items(value)]


def _encode_other(value: Any, kind: Any, depth: int) -> Any:
    name = getattr(kind, "__name__", "?")
    module = str(getattr(kind, "__module__", "")).partition(".")[0]
    if module == "collections" and name in ("deque", "Counter", "OrderedDict", "defaultdict"):
        if name == "deque":
            return {"t": name, "v": encode_items(list(value), depth), "n": value.maxlen}
        return {"t": name, "v": _pairs(value, depth)}
    if module in ("decimal", "_decimal", "fractions") and name in ("Decimal", "Fraction"):
        return {"t": name, "v": str(value)}
    if module == "numpy" and hasattr(value, "tolist"):
        return encode(value.tolist(), depth + 1)
    # Subclasses of built-in types (named tuples, enums of integers): what their base holds, read by the base itself.
    for base, handler in _BASES:
        if isinstance(value, base):
            return handler(value, depth)
    if hasattr(kind, "__next__"):
        items = list(islice(value, MAX_ITEMS + 1))
        if len(items) > MAX_ITEMS:
            raise TypeError(f"an iterator yields more than {MAX_ITEMS} items")
        return {"t": "iter", "v": encode_items(items, depth)}
    if name in _NODES:
        return _encode_node(value, name, depth)
    raise TypeError(f"a value of type {name!r} is not plain data")


def _encode_node(value: Any, name: str, depth: int) -> Any:
    seen = set()
    values: list[Any] = []
    if name == "ListNode":
        while value is not None:
            if id(value) in seen or len(values) > MAX_ITEMS:
                raise TypeError(f"a linked list has a cycle or more than {MAX_ITEMS} nodes")
            seen.add(id(value))
            values.append(encode(value.val, depth + 1))
            value = value.next
        return {"t": name, "v": values}
    if name == "TreeNode":
        level = [value]
        while any(node is not None for node in level):
            following = []
            for node in level:
                if node is None:
                    values.append(None)
                    continue
                if id(node) in seen or len(values) > MAX_ITEMS:
                    raise TypeError(f"a tree has a cycle or more than {MAX_ITEMS} nodes")
                seen.add(id(node))
                values.append([encode(node.val, depth + 1)])
                following += [node.left, node.right]
            level = following
        while values and values[-1] is None:
            values.pop()
        return {"t": name, "v": values}
    fields = [[str(key), encode(item, depth + 1)] for key, item in vars(value).items()]
    return {"t": name, "v": fields}


_ENCODERS = {
    tuple: lambda value, depth: {"t": "tuple", "v": encode_items(value, depth)},
    set: lambda value, depth: {"t": "set", "v": encode_items(list(value), depth)},
    frozenset: lambda value, depth: {"t": "frozenset", "v": encode_items(list(value), depth)},
    dict: lambda value, depth: {"t": "dict", "v": _pairs(value, depth)},
    complex: lambda value, _: {"t": "complex", "v": [encode(value.real), encode(value.imag)]},
    bytes: lambda value, _: {"t": "bytes", "v": value.hex()},
    bytearray: lambda value, _: {"t": "bytearray", "v": value.hex()},
    range: lambda value, _: {"t": "range", "v": [encode(value.start), encode(value.stop), encode(value.step)]},
}
_BASES = (
    (int, lambda value, _: encode(int.__add__(value, 0))),
    (float, lambda value, _: encode(float.__add__(value, 0.0))),
    (str, lambda value, _: str.__str__(value) + ""),
    (tuple, lambda value, depth: {"t": "tuple", "v": encode_items(list(tuple.__iter__(value)), depth)}),
    (list, lambda value, depth: encode_items(list(list.__iter__(value)), depth)),
    (dict, lambda value, depth: {"t": "dict", "v": _pairs(value, depth)}),
    (set, lambda value, depth: {"t": "set", "v": encode_items(list(set.__iter__(value)), depth)}),
    (frozenset, lambda value, depth: {"t": "frozenset", "v": encode_items(list(frozenset.__iter__(value)), depth)}),
)
