"""Plain data back to values: the counterpart of `encode`, on the side that receives."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any


def decode(data: Any, classes: Mapping[str, Any], find: Callable[[dict[str, Any]], Any]) -> Any:
    """The value for plain data.

    Args:
        data: What `encode` made.
        classes: Where the classes of nodes are looked up by name.
        find: Turns an object that `encode` does not make (a handle) into a value.
    """
    kind = type(data)
    if kind is list:
        if any(type(item) in (list, dict) for item in data):
            return [decode(item, classes, find) for item in data]
        return list(data)  # what is done to it must not be done to the request
    if kind is not dict:
        return data
    name, content = data.get("t"), data.get("v")
    if name in _SCALARS:
        return _SCALARS[name](content)
    if name in _SEQUENCES:
        return _SEQUENCES[name](decode(content, classes, find))
    if name in _MAPPINGS:
        pairs = [(decode(key, classes, find), decode(value, classes, find)) for key, value in content]
        return _mapping(name, pairs)
    if name == "deque":
        from collections import deque

        return deque(decode(content, classes, find), data.get("n"))
    if name == "range":
        return range(*decode(content, classes, find))
    if name == "complex":
        return complex(*decode(content, classes, find))
    if name in ("Decimal", "Fraction"):
        import decimal
        import fractions

        return decimal.Decimal(content) if name == "Decimal" else fractions.Fraction(content)
    if name in ("ListNode", "TreeNode", "Node"):
        return _node(name, content, classes, find)
    return find(data)


def _mapping(name: str, pairs: list[tuple[Any, Any]]) -> Any:
    if name == "dict":
        return dict(pairs)
    import collections

    if name == "OrderedDict":
        return collections.OrderedDict(pairs)
    result: Any = collections.Counter() if name == "Counter" else collections.defaultdict()
    for key, value in pairs:
        result[key] = value
    return result


def _node(name: str, content: Any, classes: Mapping[str, Any], find: Callable[[dict[str, Any]], Any]) -> Any:
    kind = classes.get(name)
    if not isinstance(kind, type):
        raise TypeError(f"there is no class {name!r} here")
    if name == "ListNode":
        head = None
        for value in reversed(content):
            node = kind(decode(value, classes, find))
            node.next = head
            head = node
        return head
    if name == "Node":
        made: Any = object.__new__(kind)
        for key, value in content:
            setattr(made, key, decode(value, classes, find))
        return made
    nodes = [None if value is None else kind(decode(value[0], classes, find)) for value in content]
    # Level by level; a missing node has no children in the list.
    children = iter(nodes[1:])
    for node in nodes:
        if node is not None:
            node.left = next(children, None)
            node.right = next(children, None)
    return nodes[0] if nodes else None


def _builtin_type(name: str) -> Any:
    kind = getattr(builtins, name, None)
    if type(kind) is not type:
        raise TypeError(f"there is no built-in type {name!r}")
    return kind


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    "int": lambda content: int(content, 16),
    "float": float,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "type": _builtin_type,
}
_SEQUENCES: dict[Any, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset, "iter": iter}
_MAPPINGS = ("dict", "Counter", "OrderedDict", "defaultdict")
