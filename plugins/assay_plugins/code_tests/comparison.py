r"""Whether an output is right: the rules by which what a program printed is compared with what was expected.

| rule              | what is the same                                                                                |
|-------------------|-------------------------------------------------------------------------------------------------|
| `lcb`             | LiveCodeBench's: as many lines, stripped, each equal as text or as a list of decimals           |
| `tokens`          | the same words, however they are spaced                                                         |
| `exact`           | the same bytes; one line feed at the very end may be there or not                               |
| `floats`          | the same words, but numbers may differ by `abs` or by `rel` of the expected; NaN equals nothing |
| `unordered_lines` | the same lines, each as often, in any order; spaces within a line count as one                  |
| `yes_no`          | the same words, "yes" and "no" in any case where they are expected                              |

`lcb` after `grade_stdio` of github.com/LiveCodeBench/LiveCodeBench at 28fef95 (`lcb_runner/evaluation/
testing_util.py`), but that digits of other scripts and underscores make no number. Numbers written by a program are as
long as it likes: they are compared in linear time, never turned into integers. All rules are linear in both texts
(`unordered_lines` sorts) and none runs anything of the program's: both sides are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any

RULES = ("lcb", "tokens", "exact", "floats", "unordered_lines", "yes_no")
_WORD = re.compile(rb"\S+")
_SPACES = re.compile(rb"\s+")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MAX_NUMBER = 4096  # digits of a double that can matter: 767
_SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How outputs are compared."""

    name: str = "lcb"
    abs: float = 1e-6
    """Largest absolute difference of two numbers; for `floats`."""
    rel: float = 1e-6
    """Largest difference as a share of the expected number; for `floats`."""
    ignore_case: bool = False
    """Whether ASCII letters count as the same in either case, as in DeepMind's tester; for `floats`."""


def read_rule(value: Any) -> Rule:
    """The rule that a reference names: a name, or `{"rule": "floats", "abs": …, "rel": …}`.

    Raises `ValueError` where it is neither.
    """
    if value is None:
        return Rule()
    fields = {"rule": value} if isinstance(value, str) else value
    if not isinstance(fields, dict) or fields.get("rule") not in RULES:
        raise ValueError(
            f'"compare" must be one of {", ".join(RULES)}, or an object with one as "rule"; got {value!r:.80}'
        )
    unknown = set(fields) - {"rule", "abs", "rel", "ignore_case"}
    if unknown:
        raise ValueError(f'"compare" takes "rule", "abs", "rel" and "ignore_case", got {sorted(unknown)}')
    if not isinstance(fields.get("ignore_case", False), bool):
        raise ValueError(f'"compare": ignore_case must be true or false, got {fields["ignore_case"]!r:.80}')
    tolerances: dict[str, float] = {}
    for name in ("abs", "rel"):
        tolerance = fields.get(name, 1e-6)
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < float("inf"):
            raise ValueError(f'"compare": {name} must be a number of at least 0, got {tolerance!r:.80}')
        tolerances[name] = float(tolerance)
    return Rule(name=fields["rule"], ignore_case=fields.get("ignore_case", False), **tolerances)


def same_output(expected: bytes, got: bytes, rule: Rule) -> bool:
    """Whether a program's output is as expected."""
    return _COMPARE[rule.name](expected, got, rule)


def _lcb(expected: bytes, got: bytes, _: Rule) -> bool:
    wanted = expected.decode("utf-8", "surrogateescape").strip()
    found = got.decode("utf-8", "surrogateescape").strip()
    if wanted == found:
        return True
    if wanted.count("\n") != found.count("\n"):
        return False
    lines = zip(wanted.split("\n"), found.split("\n"), strict=True)
    return all(_same_line(a.strip(), b.strip()) for a, b in lines)


def _same_line(wanted: str, found: str) -> bool:
    return wanted == found or _same_decimals(wanted, found)


def _same_decimals(wanted: str, found: str) -> bool:
    words, others = wanted.split(), found.split()
    if not found.isascii() or "_" in found:
        return False  # digits of other scripts and 1_000: numbers to Python, which nobody asked for
    # Nothing is computed with them: constructing and comparing decimals is linear in their digits.
    try:
        values = [Decimal(word) for word in words]
        numbers = [Decimal(word) for word in others]
    except (InvalidOperation, ValueError):
        return False
    return len(values) == len(numbers) and all(
        not (a.is_nan() or b.is_nan()) and a == b for a, b in zip(values, numbers, strict=True)
    )


def _tokens(expected: bytes, got: bytes, _: Rule) -> bool:
    return expected == got or _single_spaced(expected) == _single_spaced(got)


def _exact(expected: bytes, got: bytes, _: Rule) -> bool:
    return expected.removesuffix(b"\n") == got.removesuffix(b"\n")


def _floats(expected: bytes, got: bytes, rule: Rule) -> bool:
    if rule.ignore_case:
        expected, got = expected.lower(), got.lower()
    return all(
        wanted is not None and found is not None and _close(wanted, found, rule)
        for wanted, found in zip_longest(_words(expected), _words(got))
    )


def _close(wanted: bytes, found: bytes, rule: Rule) -> bool:
    if wanted.lstrip(b"+-").lower() == b"nan":
        return False
    if wanted == found:
        return True
    if max(len(wanted), len(found)) > _MAX_NUMBER:
        return False
    if not (_NUMBER.fullmatch(wanted) and _NUMBER.fullmatch(found)):
        return False
    a, b = float(wanted), float(found)
    return abs(a - b) <= max(rule.abs, rule.rel * abs(a)) if abs(b) != float("inf") else a == b


def _yes_no(expected: bytes, got: bytes, rule: Rule) -> bool:
    return _tokens(expected, got, rule) or all(
        wanted is not None
        and found is not None
        and (wanted == found or (wanted.lower() == found.lower() and wanted.lower() in (b"yes", b"no")))
        for wanted, found in zip_longest(_words(expected), _words(got))
    )


def _unordered_lines(expected: bytes, got: bytes, _: Rule) -> bool:
    return sorted(_plain_lines(expected)) == sorted(_plain_lines(got))


def _plain_lines(text: bytes) -> list[bytes]:
    return [_single_spaced(line) for line in text.strip().split(b"\n")]


def _single_spaced(text: bytes) -> bytes:
    return _SPACES.sub(b" ", text.strip())


def _words(text: bytes) -> Iterator[bytes]:
    # Not `split`: the words of a large output take twenty times its memory.
    return (match[0] for match in _WORD.finditer(text))


_COMPARE: dict[str, Callable[[bytes, bytes, Rule], bool]] = {
    "lcb": _lcb,
    "tokens": _tokens,
    "exact": _exact,
    "floats": _floats,
    "unordered_lines": _unordered_lines,
    "yes_no": _yes_no,
}


def difference(expected: bytes, got: bytes, rule: Rule) -> dict[str, Any]:
    """The first line in which two outputs differ, cut for a person to read.

    Its keys: `line` (from 1; of the output), `expected` and `got` (None where that side has ended).
    """
    wanted_lines, found_lines = expected.rstrip().split(b"\n"), got.rstrip().split(b"\n")
    number = 0
    for number, (wanted, found) in enumerate(zip_longest(wanted_lines, found_lines), start=1):
        if wanted is None or found is None or not same_output(wanted, found, rule):
            return {"line": number, "expected": shown(wanted), "got": shown(found)}
    return {"line": number, "expected": shown(expected), "got": shown(got)}


def shown(data: bytes | None, limit: int = _SHOWN) -> str | None:
    """Bytes as a short text without control characters that would upset a terminal."""
    if data is None:
        return None
    text = data[: 4 * limit].decode("utf-8", "replace")
    text = "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= limit and len(data) <= 4 * limit else text[:limit] + " …"
