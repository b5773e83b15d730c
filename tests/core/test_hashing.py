"""Hashes of problems: by content, whatever packed it."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from typing import Any

from assay import Problem
from assay.hashing import hash_problems


def problem(level: int, output: str = "2") -> Problem:
    text = json.dumps([{"input": "1" * 5000, "output": output}] * 9).encode()
    packed = {"zlib": base64.b64encode(zlib.compress(text, level)).decode(), "sha256": hashlib.sha256(text).hexdigest()}
    reference: dict[str, Any] = {"kind": "stdin", "tests": packed}
    return Problem(id="p", prompt=(), reference=reference, verifier="code_tests")


def test_packed_parts_count_by_their_content() -> None:
    one, nine = problem(1), problem(9)
    assert one.reference != nine.reference
    assert hash_problems([one]) == hash_problems([nine])
    assert hash_problems([one]) != hash_problems([problem(1, output="3")])
