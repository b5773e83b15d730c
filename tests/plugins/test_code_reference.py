"""The format of references, and the literals in them."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from assay_plugins.code_tests import CodeTests
from assay_plugins.code_tests.literals import read_arguments, read_value
from assay_plugins.code_tests.reference import read_reference

STDIN = {"kind": "stdin", "tests": [{"input": "1\n", "output": "2\n"}]}
FUNCTION = {"kind": "functional", "entry_point": "f", "tests": [{"arguments": [1], "output": 2}]}
ASSERTIONS = {"kind": "assertions", "entry_point": "f", "setup": "", "tests": "assert f(1) == 2"}


def test_the_three_kinds() -> None:
    assert read_reference(STDIN).tests[0].input == "1\n"
    assert read_reference(FUNCTION).tests[0].arguments == [1]
    assert read_reference(ASSERTIONS).assertions == ("assert f(1) == 2",)
    full = read_reference(
        {
            **STDIN,
            "time_limit": 1.5,
            "memory_limit": 64,
            "compare": {"rule": "floats", "abs": 0.1},
            "checker": {"language": "cpp", "code": "…"},
            "language": "cpp",
        }
    )
    assert (full.time_limit, full.memory_limit, full.rule.abs, full.language) == (1.5, 64, 0.1, "cpp")


def test_arguments_as_text() -> None:
    test = {"input": "nums = [1,2], k = 3", "output": "[3]"}
    read = read_reference({**FUNCTION, "tests": [test, {"input": "[1]\n2", "output": 5}]})
    assert read.tests[0].arguments == [[1, 2], 3]
    assert read.tests[0].output == [3]
    assert (read.tests[1].arguments, read.tests[1].output) == ([[1], 2], 5)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (None, "must be an object"),
        ("x", "must be an object"),
        ({}, "kind"),
        ({**STDIN, "kind": "magic"}, "kind"),
        ({**STDIN, "tests": []}, "never passes"),
        ({**STDIN, "tests": None}, "never passes"),
        ({**ASSERTIONS, "tests": "  "}, "never passes"),
        ({**ASSERTIONS, "tests": []}, "never passes"),
        ({**STDIN, "tests": [{"input": "1"}]}, 'test 0: "output"'),
        ({**STDIN, "tests": [{"input": 1, "output": "2"}]}, 'test 0: "input"'),
        ({**STDIN, "checkr": 1}, "checkr"),
        ({**STDIN, "checker": {"code": "x"}}, "checker"),
        ({**STDIN, "checker": {"language": "cpp", "code": "x", "style": "z"}}, "style"),
        ({**STDIN, "time_limit": -1}, "time_limit"),
        ({**STDIN, "time_limit": True}, "time_limit"),
        ({**STDIN, "memory_limit": "1G"}, "memory_limit"),
        ({**STDIN, "compare": "near"}, "compare"),
        ({**STDIN, "prelude": "import os"}, "prelude"),
        ({**FUNCTION, "entry_point": None}, "entry_point"),
        ({**FUNCTION, "entry_point": "a b"}, "entry_point"),
        ({**FUNCTION, "tests": [{"arguments": 3, "output": 1}]}, "arguments"),
        ({**FUNCTION, "tests": [{"arguments": []}]}, "output"),
        ({**FUNCTION, "tests": [{"input": "nums = __import__('os')", "output": "1"}]}, "no value"),
        ({**FUNCTION, "result": -1}, "result"),
        ({**ASSERTIONS, "tests": "assert ("}, "not Python"),
        ({**ASSERTIONS, "tests": "def check(candidate): pass", "entry_point": None}, "check"),
        ({**ASSERTIONS, "tests": "assert 1 == 1", "entry_point": None}, "no name"),
    ],
)
def test_what_cannot_be_graded_is_said(reference: Any, words: str) -> None:
    said = CodeTests().check_reference(reference)
    assert said is not None
    assert words in said


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("s = \"a = 1, b\", t = 'x'", ["a = 1, b", "x"]),
        ("a = true, b = False, c = null, d = None", [True, False, None, None]),
        ("grid = [['#','.'],[\"a\\\"b\"]]", [[["#", "."], ['a"b']]]),
        ("x = -1.5e3, y = +2", [-1500.0, 2]),
        ("m = {'a': [1], 2: (3, 4)}", [{"a": [1], 2: [3, 4]}]),
        ("a = 1\nb = 2", [1, 2]),
        ('"line\\nbreak"\n[]', ["line\nbreak", []]),
        ("", []),
        ('s = "\\u00e9\\t\'"', ["é\t'"]),
    ],
)
def test_literals(text: str, arguments: list[Any]) -> None:
    assert read_arguments(text) == arguments


@pytest.mark.parametrize(
    "text", ["a = ", "a = [1", "a = 1 2", "a = f(1)", "[1", "x", "a = [1 2]", "a = {1}", "[" * 5000]
)
def test_what_is_no_literal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"position|nest|value"):
        read_arguments(text)


def test_every_functional_statement_test_is_read(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    tests = [
        test
        for row in rows("data/lcb_problems_880.jsonl")
        if row["func_name"]
        for test in row["statement_tests"]
    ]  # fmt: skip
    assert len(tests) > 900
    for test in tests:
        assert read_arguments(test["input"])
        read_value(test["output"])


TESTS = [{"input": "1\n", "output": "\ud83d x\n", "public": True}, {"input": "2\n", "output": "3"}]


def packed(data: bytes, cut: int = 0, more: bytes = b"") -> dict[str, str]:
    text = zlib.compress(data)
    text = text[: len(text) - cut] + more
    return {"zlib": base64.b64encode(text).decode(), "sha256": hashlib.sha256(data).hexdigest()}


def test_packed_tests_are_the_same_tests() -> None:
    plain = read_reference({"kind": "stdin", "tests": TESTS})
    assert read_reference({"kind": "stdin", "tests": packed(json.dumps(TESTS).encode())}) == plain


@pytest.mark.parametrize(
    "value",
    [
        {"zlib": "?", "sha256": ""},
        {"zlib": packed(b"[]")["zlib"]},
        {**packed(json.dumps(TESTS).encode()), "sha256": "0" * 64},
        packed(json.dumps(TESTS).encode(), cut=3),
        packed(json.dumps(TESTS).encode(), more=b"more"),
        packed(b"[1"),
        packed(b"[" * 10**6),
        packed(b"{}"),
        packed(b"[]"),
        packed(b'[{"input": 1}]'),
    ],
)
def test_damaged_packed_tests_are_refused(value: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="test"):
        read_reference({"kind": "stdin", "tests": value})


def test_packed_tests_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay_plugins.code_tests import reference

    monkeypatch.setattr(reference, "MAX_UNPACKED", 1000)
    many = [{"input": "1", "output": "1"}] * 100
    with pytest.raises(ValueError, match="holds more than"):
        read_reference({"kind": "stdin", "tests": packed(json.dumps(many).encode())})
