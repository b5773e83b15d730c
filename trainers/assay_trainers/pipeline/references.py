"""What `{name}` in a stage's configuration stands for: an earlier stage's result, a file, the base model, the judge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"\{([a-z0-9][a-z0-9._-]*)\}")


def substitute(value: Any, names: Mapping[str, str]) -> Any:
    """The value with every `{name}` that is known replaced, in texts at any depth; other braces stay."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: names.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {key: substitute(inner, names) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(inner, names) for inner in value]
    return value


def names_in(value: Any) -> set[str]:
    """Every `{name}` in the texts of a value."""
    if isinstance(value, str):
        return set(_REFERENCE.findall(value))
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in names_in(inner)}
    if isinstance(value, list | tuple):
        return {name for inner in value for name in names_in(inner)}
    return set()
