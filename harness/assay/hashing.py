"""Canonical hashes: the same value has the same hash on every machine and in every version of Python."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from assay.types import Problem


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces; dataclasses become objects. Lone surrogates are replaced."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, UnicodeEncodeError):
        return orjson.dumps(replace_surrogates(value), option=orjson.OPT_SORT_KEYS)


def hash_value(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def hash_problems(problems: Iterable[Problem]) -> str:
    """SHA-256 over everything of the problems that a score depends on, in their order."""
    digest = hashlib.sha256()
    for problem in problems:
        reference = _without_packing(problem.reference)
        digest.update(canonical_json([problem.id, problem.prompt, reference, problem.verifier]))
        digest.update(b"\n")
    return digest.hexdigest()


def _without_packing(reference: Any) -> Any:
    """A reference whose packed parts, `{"zlib", "sha256"}`, count by their content: zlib's bytes differ by version."""
    if not isinstance(reference, dict):
        return reference
    return {
        key: {"sha256": part["sha256"]} if isinstance(part, dict) and part.keys() == {"zlib", "sha256"} else part
        for key, part in reference.items()
    }


def replace_surrogates(value: Any) -> Any:
    """The value with every lone surrogate (half a character, from a broken JSON escape) as U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_surrogate(value) else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return replace_surrogates(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {replace_surrogates(key): replace_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_surrogates(item) for item in value]
    return value


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
