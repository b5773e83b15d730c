"""The configuration of a reward, from Python, YAML or JSON, checked field by field.

terms:
  - {name: accuracy, verifier: routed, gate: format}
  - {name: format, verifier: format_tags, options: {answer_tags: true}}
shaping:
  - {name: length, kind: overlong, options: {max_tokens: 16384, buffer: 4096}}
outcomes: {truncated: -0.5}
options:
  boxed_math: {extraction: strict}
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from assay.errors import UsageError
from assay.yaml_file import read_yaml

ROUTED = "routed"
"""The verifier of a term that asks each problem for its own (`Problem.verifier`)."""
_MAX_FILE_BYTES = 2**16
_MAX_BRACKETS = 2000
_NO_OTHER_FIELDS = {"extra": "forbid"}
"""A misspelt field must not pass for a default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One verifier with its weight."""

    __pydantic_config__: ClassVar[dict[str, str]] = _NO_OTHER_FIELDS

    name: str
    """What its part is called in results and logs; unique in a reward."""
    verifier: str = ROUTED
    """A registered verifier, or "routed"."""
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the verifier; for "routed" they stand under `RewardConfig.options`."""
    gate: str | None = None
    """Another term that must score at least `gate_at`, or else this one is worth 0 and is not checked at all."""
    gate_at: float = 1.0
    only: tuple[str, ...] = ()
    """Problem verifiers that this term is for; on problems of other verifiers it does not count. Empty: all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShapingTerm:
    """One part that looks at length or repetition; see `assay.rewards.shaping`."""

    __pydantic_config__: ClassVar[dict[str, str]] = _NO_OTHER_FIELDS

    name: str
    kind: str
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardConfig:
    """Everything that decides a reward. Its total is the weighted sum of its parts, not normalised."""

    __pydantic_config__: ClassVar[dict[str, str]] = _NO_OTHER_FIELDS

    terms: tuple[Term, ...]
    shaping: tuple[ShapingTerm, ...] = ()
    outcomes: Mapping[str, float | None] = field(default_factory=dict)
    """Worth of outcomes that have no score: changes to `assay.rewards.policy.DEFAULT_WORTH`."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of the verifiers that problems are routed to, by verifier."""

    def __post_init__(self) -> None:
        if not self.terms and not self.shaping:
            raise UsageError("a reward needs at least one term")
        parts: tuple[Term | ShapingTerm, ...] = (*self.terms, *self.shaping)
        names = Counter(part.name for part in parts)
        for name, count in names.items():
            if count > 1:
                raise UsageError(f"two parts of the reward are called {name!r}: give each its own name")
        for part in parts:
            if not part.name:
                raise UsageError("a part of the reward has an empty name: results and logs call it by that")
            if not math.isfinite(part.weight):
                raise UsageError(f"the weight of the part {part.name!r} must be a finite number, got {part.weight}")
        for term in self.terms:
            if not math.isfinite(term.gate_at):
                raise UsageError(f"the gate_at of the term {term.name!r} must be a finite number, got {term.gate_at}")
        gates = {term.name: term.gate for term in self.terms}
        for term in self.terms:
            if term.gate is not None and term.gate not in gates:
                known = ", ".join(sorted(set(gates) - {term.name})) or "none"
                raise UsageError(
                    f"the term {term.name!r} is gated by {term.gate!r}, which is no term; there are {known}"
                )
            seen = {term.name}
            gate = term.gate
            while gate is not None:
                if gate in seen:
                    raise UsageError(f"the gates of the terms form a circle through {gate!r}")
                seen.add(gate)
                gate = gates[gate]


def read_config(source: str | Path | Mapping[str, Any]) -> RewardConfig:
    """A configuration from a YAML or JSON file, or from a mapping of the same shape.

    Raises `UsageError` naming the field that is wrong and what it should be.
    """
    if isinstance(source, Mapping):
        return _checked(source, "the reward")
    data = read_yaml(Path(source), "reward configuration", max_bytes=_MAX_FILE_BYTES, max_brackets=_MAX_BRACKETS)
    return _checked(data, str(source))


def _checked(data: Any, where: str) -> RewardConfig:
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(data, Mapping):
        raise UsageError(f"{where} must be a mapping with 'terms', got {type(data).__name__}")
    try:
        return TypeAdapter(RewardConfig).validate_python(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise UsageError(f"{where}: {place}: {first['msg']}") from error
