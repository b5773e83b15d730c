"""Reading rows of programming benchmarks: typed fields, tests and limits, each refused with file, line and remedy.

Data files come from elsewhere and may be cut off, mistyped or hostile. A field that is not what its format says
is a `DataError` that names the file, the line, the field and what to do; texts are never quoted, because some are
long and some must not be reprinted. Texts are left exactly as they are, line ends included.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from assay import DataError

if TYPE_CHECKING:
    from assay.data import Record

MAX_SECONDS = 3600.0
"""A time limit beyond this is damage: no problem set gives a test an hour."""
MAX_MEBIBYTES = 65_536.0
"""A memory limit beyond this is damage."""
MAX_TESTS = 100_000
"""Tests of one problem."""
PACKED_FROM = 1 << 16
"""Bytes of tests from which on a reference holds them compressed."""


def flaw(where: str, what: str) -> DataError:
    """The error for something wrong at a place, with the remedy."""
    return DataError(
        f"{where}: {what}. The file is damaged or of another format: restore it from its source, or delete it and "
        "get it again (`assay data fetch --force NAME` where the hub has it)."
    )


def text(record: Record, *names: str) -> str:
    """The first of the fields that the row has, which must hold text that is not blank."""
    name = next((name for name in names if name in record.values), names[0])
    value = record.values.get(name)
    if not isinstance(value, str) or not value.strip():
        found = "missing" if name not in record.values else "empty" if isinstance(value, str) else _kind(value)
        raise flaw(record.where, f"the field {name!r} must hold text and is {found}")
    return value


def optional_text(record: Record, *names: str) -> str:
    """The first of the fields that the row has, or "": null and absence count as empty."""
    value = next((record.values[name] for name in names if record.values.get(name) is not None), "")
    if not isinstance(value, str):
        raise flaw(record.where, f"the field {names[0]!r} must hold text and is {_kind(value)}")
    return value


def texts(record: Record, *names: str) -> list[str]:
    """The first of the fields that the row has, which must hold a list of texts; absence and null are an empty one."""
    value: Any = next((record.values[name] for name in names if record.values.get(name) is not None), [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise flaw(record.where, f"the field {names[0]!r} must hold a list of texts and is {_kind(value)}")
    return value


def identity(record: Record, *names: str) -> str:
    """An id: text, or a whole number as the official files of some sets have it."""
    name = next((name for name in names if name in record.values), names[0])
    value = record.values.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(record, name)


def number(record: Record, name: str, highest: float) -> float | None:
    """A number above 0 and up to `highest`; None where the row has none."""
    value = record.values.get(name)
    return None if value is None else positive(record.where, name, value, highest)


def positive(where: str, name: str, value: object, highest: float) -> float:
    """The value as a number above 0 and up to `highest`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _fits(value, highest):
        shown = repr(value)[:40] if isinstance(value, int | float) else _kind(value)
        raise flaw(where, f"{name!r} must be a number above 0 and at most {highest:g}, and is {shown}")
    return float(value)


def read_tests(where: str, field: str, value: object, *, public: bool | None = None) -> list[dict[str, Any]]:
    """Tests in the form `{"input": text, "output": text}` of a list of such objects; other keys are dropped.

    Args:
        where: The place, for errors.
        field: The field's name, for errors.
        value: What the row holds; null counts as no tests.
        public: Marks each test as shown in the statement; None leaves the mark out.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise flaw(where, f"the field {field!r} must hold a list of tests and is {_kind(value)}")
    if len(value) > MAX_TESTS:
        raise flaw(where, f"the field {field!r} holds {len(value)} tests, more than {MAX_TESTS}")
    return [_test(where, f"{field}[{index}]", item, public) for index, item in enumerate(value)]


def paired_tests(where: str, field: str, value: object, *, public: bool | None = None) -> list[dict[str, Any]]:
    """Tests of the form `{"input": [texts], "output": [texts]}`, as DeepMind's CodeContests has them."""
    if value is None:
        return []
    if not isinstance(value, Mapping) or set(value) < {"input", "output"}:
        raise flaw(where, f"the field {field!r} must hold an object with the lists 'input' and 'output'")
    inputs, outputs = value["input"], value["output"]
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise flaw(where, f"the lists 'input' and 'output' of {field!r} must be of one length")
    joined = [{"input": given, "output": wanted} for given, wanted in zip(inputs, outputs, strict=True)]
    return read_tests(where, field, joined, public=public)


def in_reference(tests: list[dict[str, Any]]) -> list[dict[str, Any]] | dict[str, str]:
    """Tests as a reference holds them: large ones compressed, as `code_tests` reads them.

    Some problems have a hundred megabytes of tests, all problems are in memory, and each verdict sends its problem to
    a worker. The hash stands for the content wherever problems are told apart by it.
    """
    text = json.dumps(tests).encode()
    if len(text) < PACKED_FROM:
        return tests
    packed = base64.b64encode(zlib.compress(text, 1)).decode()
    return {"zlib": packed, "sha256": hashlib.sha256(text).hexdigest()}


def shown_in(statement: str, tests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tests, with those marked public that the statement shows as "Input … Output …", white space aside."""
    words = " ".join(statement.split())
    marked = []
    for test in tests:
        sample = " ".join(f"Input {test['input']} Output {test['output']}".split())
        marked.append({**test, "public": True} if sample in words else test)
    return marked


def functions_of(where: str, field: str, source: str) -> set[str]:
    """Names of the functions that a piece of Python defines at its top level; it is parsed and never run.

    Raises `DataError` where it is not Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise flaw(where, f"the field {field!r} is not Python ({type(error).__name__})") from error
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _test(where: str, field: str, item: object, public: bool | None) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise flaw(where, f"{field} must be an object with 'input' and 'output' and is {_kind(item)}")
    for key in ("input", "output"):
        if not isinstance(item.get(key), str):
            found = "missing" if key not in item else _kind(item[key])
            raise flaw(where, f"{key!r} of {field} must be text and is {found}")
    test: dict[str, Any] = {"input": item["input"], "output": item["output"]}
    return test if public is None else {**test, "public": public}


def _fits(value: float, highest: float) -> bool:
    return math.isfinite(value) and 0 < value <= highest if isinstance(value, float) else 0 < value <= highest


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
