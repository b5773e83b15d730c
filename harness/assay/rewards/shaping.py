r"""Shaping: parts of a reward that look at the length and the repetitions of a response, not at its answer.

Pure functions of a completion; each may be negative, which a verdict's score may not. Lengths are in generated
tokens, the end-of-sequence token included.

| kind         | value                                                                                  | source |
|--------------|----------------------------------------------------------------------------------------|--------|
| `overlong`   | 0 up to L−c tokens, then falling linearly to −1 at L tokens, −1 beyond                 | DAPO (arXiv 2503.14476), eq. 13 |
| `cosine`     | half a cosine over length from the value at 0 tokens to the value at L: short right answers earn more, short wrong ones lose more; beyond L one fixed value | Yeo et al. (arXiv 2502.03373), eq. 1 |
| `repetition` | −penalty × share of the n-grams (of words) that repeat an earlier one                  | Yeo et al., appendix |
"""  # noqa: E501  # a table

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from assay.errors import UsageError
from assay.metrics.repetition import repeated_share
from assay.types import Completion


class Shaping(Protocol):
    """One shaping part."""

    def value(self, completion: Completion, correct: bool | None) -> float:
        """Its contribution before the weight. `correct` is None where no answer was graded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlong:
    """DAPO's soft punishment of overlong responses, in [-1, 0]."""

    max_tokens: int
    """L: at this length and beyond the punishment is whole."""
    buffer: int
    """c: tokens before L over which it grows from 0; 0 makes it a step at L."""

    def __post_init__(self) -> None:
        if not 0 <= self.buffer <= self.max_tokens or self.max_tokens < 1:
            raise UsageError(
                f"shaping 'overlong' needs 0 <= buffer <= max_tokens, got buffer={self.buffer}, "
                f"max_tokens={self.max_tokens}"
            )

    def value(self, completion: Completion, correct: bool | None) -> float:  # noqa: ARG002  # length alone decides
        """In [-1, 0]."""
        over = _tokens(completion, "overlong") - (self.max_tokens - self.buffer)
        if over <= 0:
            return 0.0
        return -1.0 if over >= self.buffer else -over / self.buffer


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosine:
    """The cosine length reward: what a right and a wrong answer are worth at a length."""

    max_tokens: int
    """L: up to here the half cosine runs."""
    correct_short: float = 1.0
    correct_long: float = 0.5
    wrong_short: float = -1.0
    wrong_long: float = -0.5
    exceeded: float = -1.0
    """Value of a response of L tokens or more."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise UsageError(f"shaping 'cosine' needs max_tokens of at least 1, got {self.max_tokens}")

    def value(self, completion: Completion, correct: bool | None) -> float:
        """Between the four corner values, or `exceeded`. A response without a graded answer counts as wrong."""
        length = _tokens(completion, "cosine")
        if length >= self.max_tokens:
            return self.exceeded
        short, long = (self.correct_short, self.correct_long) if correct else (self.wrong_short, self.wrong_long)
        return long + 0.5 * (short - long) * (1.0 + math.cos(math.pi * length / self.max_tokens))


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """A penalty for repeated n-grams of words, in [-penalty, 0].

    Words are what white space separates, and each character of a script without spaces.
    """

    ngram: int = 20
    penalty: float = 1.0
    """Most that is taken off; at least 0."""

    def __post_init__(self) -> None:
        if self.ngram < 1 or self.penalty < 0:
            raise UsageError(
                f"shaping 'repetition' needs ngram >= 1 and penalty >= 0, got {self.ngram} and {self.penalty}"
            )

    def value(self, completion: Completion, correct: bool | None) -> float:  # noqa: ARG002  # the words alone decide
        """In [-penalty, 0]; 0 for a response of fewer words than one n-gram."""
        return -self.penalty * repeated_share(completion.text, self.ngram)


KINDS: Mapping[str, type[Overlong | Cosine | Repetition]] = {
    "overlong": Overlong,
    "cosine": Cosine,
    "repetition": Repetition,
}


_WHOLE = {"max_tokens", "buffer", "ngram"}
"""Options that count something."""


def make_shaping(kind: str, options: Mapping[str, Any]) -> Shaping:
    """A shaping part by the name of its kind.

    Raises `UsageError` for an unknown kind or option, or a value that is no finite number.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no shaping {kind!r}; there are {', '.join(KINDS)}")
    for name, value in options.items():
        whole = name in _WHOLE
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
            wanted = "whole" if whole else "finite"
            raise UsageError(f"shaping {kind!r}: {name} must be a {wanted} number, got {value!r}")
    try:
        return KINDS[kind](**options)
    except TypeError as error:
        known = ", ".join(KINDS[kind].__slots__)
        raise UsageError(f"shaping {kind!r} takes the options {known}; {error}") from error


def _tokens(completion: Completion, kind: str) -> int:
    if completion.num_tokens is not None:
        return completion.num_tokens
    if completion.token_ids is not None:
        return len(completion.token_ids)
    raise UsageError(
        f"shaping {kind!r} counts tokens, and this completion does not say how many it has: pass num_tokens "
        "(a trainer's door takes them from the trainer), or leave this part out"
    )
