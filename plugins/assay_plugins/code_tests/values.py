"""Comparing values as plain data: what a program returned, as `inside.encode` wrote it, with what was expected.

Nothing here becomes an object with behaviour. Sets and dictionaries are matched by the text of their keys, since
numbers can be chosen so that building a set of them takes quadratic time.

- `equal_in_python`: what `==` says in Python: 1 == 1.0 == True, a list is no tuple, NaN equals nothing.
- `equal_as_json`: for expected values that are JSON: a tuple counts as a list, objects have strings as keys.
"""

from __future__ import annotations

import json
import math
from itertools import count
from typing import Any

from assay_plugins.code_tests.comparison import Rule

_MAX_TEXT = 300
_SETS = ("set", "frozenset")
_DICTS = ("dict", "Counter", "OrderedDict", "defaultdict")
_BYTES = ("bytes", "bytearray")
_NUMBERS = (bool, int, float)


def equal_in_python(a: Any, b: Any) -> bool:
    """Whether two values, both as plain data, are equal as Python says. False where they nest too deep to compare."""
    try:
        return _same(a, b, None, loose=False)
    except (RecursionError, ValueError, TypeError, KeyError, IndexError, OverflowError):
        return False  # not what `encode` makes


def equal_as_json(expected: Any, got: Any, rule: Rule) -> bool:
    """Whether a returned value, as plain data, is the expected JSON value.

    Args:
        expected: A JSON value.
        got: Plain data.
        rule: `floats` lets numbers differ by its tolerances, `unordered_lines` lets the items of the outermost list
            come in any order; every other rule is exact.
    """
    try:
        expected = _from_json(expected)
        if rule.name == "unordered_lines" and _is_list(expected) and _is_list(got):
            return sorted(map(_key, _items(expected))) == sorted(map(_key, _items(got)))
        return _same(expected, got, rule if rule.name == "floats" else None, loose=True)
    except (RecursionError, ValueError, TypeError, KeyError, IndexError, OverflowError):
        return False  # not what `encode` makes


def is_true(value: Any) -> bool:
    """Whether a value, as plain data, counts as true."""
    if isinstance(value, dict):
        content = value.get("v")
        if value.get("t") == "complex":
            return any(number not in (0, 0.0) for number in content or ())
        if value.get("t") in ("iter", "float", "int", "Node"):
            return True
        if value.get("t") == "range":
            return bool(range(*content)) if content else False
        if value.get("t") in ("Decimal", "Fraction"):
            return str(content).strip("-+0.eE") != ""
        return bool(content)
    return bool(value)


def show(value: Any) -> str:
    """A value, as plain data, the way Python writes it; cut."""
    try:
        text = _shown(value, count())
    except (RecursionError, ValueError, TypeError, KeyError):
        text = str(value)[: 2 * _MAX_TEXT]
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + " …"


def _same(a: Any, b: Any, rule: Rule | None, *, loose: bool) -> bool:
    a, b = _number(a), _number(b)
    if isinstance(a, _NUMBERS) and isinstance(b, _NUMBERS):
        if a == b:
            return True
        return rule is not None and not _both_bool(a, b) and abs(a - b) <= max(rule.abs, rule.rel * abs(a))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y, rule, loose=loose) for x, y in zip(a, b, strict=True))
    if not (isinstance(a, dict) or isinstance(b, dict)):
        return type(a) is type(b) and bool(a == b)
    if loose and _is_list(a) and _is_list(b):
        return _same(_items(a), _items(b), rule, loose=loose)
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return False
    return _same_tagged(a, b, rule, loose)


def _same_tagged(a: dict[str, Any], b: dict[str, Any], rule: Rule | None, loose: bool) -> bool:
    kinds = a["t"], b["t"]
    if kinds[0] in _SETS and kinds[1] in _SETS:
        return sorted({_key(item) for item in a["v"]}) == sorted({_key(item) for item in b["v"]})
    if kinds[0] in _DICTS and kinds[1] in _DICTS:
        return _same_mapping(a, b, rule, loose)
    if kinds[0] in _BYTES and kinds[1] in _BYTES:
        return bool(a["v"] == b["v"])
    if kinds[0] != kinds[1] or kinds[0] == "iter":
        return False
    if kinds[0] in ("Decimal", "Fraction"):
        return _key(a) == _key(b)
    return _same(a["v"], b["v"], rule, loose=loose)


def _same_mapping(a: dict[str, Any], b: dict[str, Any], rule: Rule | None, loose: bool) -> bool:
    left = {_key(key): value for key, value in a["v"]}
    right = {_key(key): value for key, value in b["v"]}
    ordered = a["t"] == b["t"] == "OrderedDict" and list(left) != list(right)
    return (
        not ordered
        and left.keys() == right.keys()
        and all(_same(value, right[key], rule, loose=loose) for key, value in left.items())
    )


def _key(value: Any) -> str:
    """A text that two values share exactly where Python says that they are equal."""
    value = _number(value)
    if isinstance(value, _NUMBERS):
        if isinstance(value, float) and not value.is_integer():
            return "f" + (value.hex() if not math.isnan(value) else f"nan{next(_NANS)}")
        return f"n{int(value):x}"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_key, value)) + "]"
    if value is None:
        return "null"
    kind = value["t"]
    if kind in _SETS:
        return "{" + ",".join(sorted({_key(item) for item in value["v"]})) + "}"
    if kind in _DICTS:
        return "d{" + ",".join(sorted(_key(key) + ":" + _key(item) for key, item in value["v"])) + "}"
    return f"{kind}({_key(value['v'])})"


_NANS = count()


def _number(value: Any) -> Any:
    """Numbers that JSON cannot carry, as numbers."""
    if isinstance(value, dict) and value.get("t") in ("int", "float"):
        return int(value["v"], 16) if value["t"] == "int" else float(value["v"])
    return value


def _both_bool(a: Any, b: Any) -> bool:
    return isinstance(a, bool) and isinstance(b, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and value.get("t") in ("tuple", "ListNode", "TreeNode"))


def _items(value: Any) -> Any:
    if isinstance(value, list):
        return value
    if value["t"] == "TreeNode":
        return [None if item is None else item[0] for item in value["v"]]
    return value["v"]


def _from_json(value: Any) -> Any:
    """A JSON value as plain data."""
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if isinstance(value, dict):
        return {"t": "dict", "v": [[key, _from_json(item)] for key, item in value.items()]}
    return value


def _shown(value: Any, budget: Any) -> str:
    if next(budget) > _MAX_TEXT:
        return "…"
    if isinstance(value, list):
        return "[" + _shown_items(value, budget) + "]"
    if not isinstance(value, dict):
        return repr(value if not isinstance(value, str) else value[:_MAX_TEXT])
    kind, content = value["t"], value["v"]
    if kind in ("int", "float"):
        return str(content)[: _MAX_TEXT + 1]
    if kind == "tuple":
        return "(" + _shown_items(content, budget) + ("," if len(content) == 1 else "") + ")"
    if kind in ("set", "dict"):
        if kind == "set":
            return "{" + _shown_items(content, budget) + "}" if content else "set()"
        pairs = (f"{_shown(key, budget)}: {_shown(item, budget)}" for key, item in content[:_MAX_TEXT])
        return "{" + ", ".join(pairs) + "}"
    return f"{kind}({_shown(content, budget)})"


def _shown_items(items: list[Any], budget: Any) -> str:
    return ", ".join(_shown(item, budget) for item in items[:_MAX_TEXT])
