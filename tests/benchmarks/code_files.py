"""Small data files in the official formats, written by the tests of the programming benchmarks."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """A JSONL file of rows."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder the only place with data."""
    monkeypatch.setenv("ASSAY_DATA", str(folder))
    monkeypatch.setenv("ASSAY_CACHE", str(folder / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def packed(value: Any, protocol: int = 4) -> str:
    """Private tests as LiveCodeBench packs them."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(value), protocol=protocol))).decode()


def lcb_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of code_generation_lite with one public and one private stdin test."""
    return {
        "question_title": f"Problem {number}",
        "question_content": f"Read a number and print its double ({number}).",
        "platform": "atcoder",
        "question_id": f"abc{number}_a",
        "contest_id": f"abc{number}",
        "contest_date": "2024-10-05T12:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}]),
        "private_test_cases": packed([{"input": "20\n", "output": "40\n", "testtype": "stdin"}]),
        "metadata": "{}",
    } | changes


def lcb_function(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row with functional tests."""
    return (
        lcb_row(
            number,
            platform="leetcode",
            starter_code="class Solution:\n    def double(self, n: int) -> int:\n        ",
            public_test_cases=json.dumps([{"input": "1", "output": "2", "testtype": "functional"}]),
            private_test_cases=packed([{"input": "20", "output": "40", "testtype": "functional"}]),
            metadata=json.dumps({"func_name": "double"}),
        )
        | changes
    )


def cf_row(index: str = "A", **changes: Any) -> dict[str, Any]:
    """A row of open-r1/codeforces."""
    return {
        "id": f"2050/{index}",
        "aliases": None,
        "contest_id": "2050",
        "contest_name": "Codeforces Round 990 (Div. 2)",
        "contest_type": "CF",
        "contest_start": 1733000000,
        "contest_start_year": 2024,
        "index": index,
        "time_limit": 1.5,
        "memory_limit": 256.0,
        "title": "Doubling",
        "description": "Print the double of n.",
        "input_format": "One integer n.",
        "output_format": "One integer.",
        "interaction_format": None,
        "note": None,
        "examples": [{"input": "1", "output": "2"}],
        "editorial": "SECRET EDITORIAL",
        "rating": 800,
        "tags": ["math"],
        "testset_size": 3,
        "official_tests": [{"input": "1\r\n", "output": "2\r\n"}, {"input": "77\r\n", "output": "154\r\n"}],
        "official_tests_complete": True,
        "input_mode": "stdio",
        "generated_checker": None,
        "executable": True,
        "generated_tests": 0,
    } | changes
