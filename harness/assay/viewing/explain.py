"""What a verdict's details say, made ready to be shown: the test that failed, its outputs, and everything else.

Details are whatever a verifier wrote, a third party's too: any JSON, of any depth and size. What is known by name is
shown well (`failure` with `expected` and `got`, as code_tests writes it), the rest as a list of names and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from markupsafe import Markup

from assay.rendering import diff_table

_MAX_VALUE = 2_000
_MAX_ITEMS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The first test that failed."""

    test: str
    """Its number, empty where unknown."""
    diff: Markup
    """Rows of a table: expected beside got; empty where there was nothing to compare."""
    texts: tuple[tuple[str, str], ...]
    """What else is known of it (input, assertion, standard error), by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """The details of a verdict."""

    language: str
    """Of the program that was judged; empty where it was none."""
    failure: Failure | None
    facts: tuple[tuple[str, str], ...]
    """Everything else, name and value."""


def explain(details: str | None) -> Explained:
    """The details of a stored verdict; damaged ones are one fact."""
    try:
        found = orjson.loads(details or "{}")
    except orjson.JSONDecodeError:
        return Explained(language="", failure=None, facts=(("details", (details or "")[:_MAX_VALUE]),))
    if not isinstance(found, dict):
        return Explained(language="", failure=None, facts=(("details", _shown(found)),) if found else ())
    language = found.get("language")
    failed = found.pop("failure", None)
    failure = None
    if isinstance(failed, dict) and failed:
        failure = _failure(failed, found.get("first_failing_test"))
    elif failed:
        found["failure"] = failed
    facts = [(str(name), _shown(value)) for name, value in list(found.items())[:_MAX_ITEMS]]
    return Explained(language=language if isinstance(language, str) else "", failure=failure, facts=tuple(facts))


def _failure(failed: Mapping[str, Any], test: Any) -> Failure:
    line = failed.get("line")
    compared = "expected" in failed or "got" in failed
    expected, got = failed.get("expected"), failed.get("got")
    diff = Markup("")
    if compared and ("expected" in failed):
        first = line if isinstance(line, int) and 0 < line < 2**31 else 1
        diff = diff_table(_optional(expected), _optional(got), first_line=first)
    left = [(str(name), _shown(value)) for name, value in list(failed.items())[:_MAX_ITEMS]]
    shown_above = {"expected", "got", "line"} if diff else set()
    return Failure(
        test="" if test is None else _shown(test)[:40],
        diff=diff,
        texts=tuple((name, value) for name, value in left if name not in shown_above),
    )


def _optional(value: Any) -> str | None:
    return None if value is None else _shown(value, limit=100_000)


def _shown(value: Any, limit: int = _MAX_VALUE) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= limit else text[:limit] + " …"
