"""Reading the values of functional tests: JSON, LiveCodeBench's lines of JSON, and LeetCode's `name = value, …`.

A parser of literals and nothing else: numbers, strings in single or double quotes, lists, tuples, dictionaries,
`true`/`True`, `false`/`False`, `null`/`None`. No name is looked up and nothing is evaluated.
"""

from __future__ import annotations

import json
import re
from typing import Any

_ASSIGNED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_WORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SPACE = re.compile(r"[\s]*")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
_MAX_DEPTH = 200


def read_arguments(text: str) -> list[Any]:
    r"""The arguments of a call from the text of a test's input.

    >>> read_arguments("nums = [1, 2], k = 3")
    [[1, 2], 3]
    >>> read_arguments('[1, 2]\n3')
    [[1, 2], 3]

    Raises `ValueError` with what cannot be read and where.
    """
    if _ASSIGNED.match(text):
        return _assigned(text)
    if not text.strip():
        return []
    try:
        return [json.loads(line) for line in text.strip("\n").split("\n")]
    except (ValueError, RecursionError):
        return [read_value(line) for line in text.strip("\n").split("\n")]


def read_value(text: str) -> Any:
    """One value: JSON, or a literal of Python. Raises `ValueError` where it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        value, end = _value(text, 0, 0)
    end = _skip(text, end)
    if end != len(text):
        raise ValueError(f"{text[end : end + 40]!r} follows the value at position {end}")
    return value


def _assigned(text: str) -> list[Any]:
    values, position = [], 0
    while True:
        match = _ASSIGNED.match(text, position)
        if match is None:
            raise ValueError(
                f"expected `name = value` at position {position}, found {text[position : position + 40]!r}"
            )
        value, position = _value(text, match.end(), 0)
        values.append(value)
        position = _skip(text, position)
        if position == len(text):
            return values
        if text[position] == ",":
            position += 1
        elif not _ASSIGNED.match(text, position):
            raise ValueError(f"expected a comma at position {position}, found {text[position : position + 40]!r}")


def _value(text: str, position: int, depth: int) -> tuple[Any, int]:
    position = _skip(text, position)
    if depth > _MAX_DEPTH:
        raise ValueError(f"values nest deeper than {_MAX_DEPTH}")
    char = text[position : position + 1]
    if char in ("[", "("):
        return _sequence(text, position, depth)
    if char == "{":
        return _mapping(text, position, depth)
    match = _QUOTED.match(text, position)
    if match is not None:
        return _ESCAPE.sub(_unescaped, match[0][1:-1]), match.end()
    match = _NUMBER.match(text, position)
    if match is not None:
        return (int(match[0]) if match[0].lstrip("+-").isdigit() else float(match[0])), match.end()
    match = _WORD.match(text, position)
    if match is not None and match[0] in _WORDS:
        return _WORDS[match[0]], match.end()
    raise ValueError(f"no value at position {position}: {text[position : position + 40]!r}")


def _sequence(text: str, position: int, depth: int) -> tuple[Any, int]:
    closing = "]" if text[position] == "[" else ")"
    items: list[Any] = []
    position = _skip(text, position + 1)
    while text[position : position + 1] != closing:
        item, position = _value(text, position, depth + 1)
        items.append(item)
        position = _separator(text, position, closing)
    return items, position + 1


def _mapping(text: str, position: int, depth: int) -> tuple[Any, int]:
    items: dict[Any, Any] = {}
    position = _skip(text, position + 1)
    while text[position : position + 1] != "}":
        key, position = _value(text, position, depth + 1)
        position = _skip(text, position)
        if text[position : position + 1] != ":" or isinstance(key, list | dict):
            raise ValueError(f"expected `key: value` at position {position}, found {text[position : position + 40]!r}")
        items[key], position = _value(text, position + 1, depth + 1)
        position = _separator(text, position, "}")
    return items, position + 1


def _separator(text: str, position: int, closing: str) -> int:
    position = _skip(text, position)
    if text[position : position + 1] == ",":
        return _skip(text, position + 1)
    if text[position : position + 1] != closing:
        raise ValueError(
            f"expected a comma or {closing} at position {position}, found {text[position : position + 40]!r}"
        )
    return position


def _skip(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]  # always matches


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if code[0] in "ux" and len(code) > 1 else _SIMPLE.get(code, code)
