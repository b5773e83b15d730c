"""What a problem's reference says, read once into one shape. docs/code.md describes the format.

Three kinds of problems:

    {"kind": "stdin", "tests": [{"input", "output", "public"?}], "compare"?, "checker"?, "interactor"?, "language"?,
     "prelude"?: "lcb"}
    {"kind": "functional", "entry_point", "tests": [{"arguments" | "input", "output", "public"?}], "compare"?,
     "prelude"?, "result"?: index of the argument that is the result}
    {"kind": "assertions", "entry_point": name | None, "setup", "tests": text or list, "prelude"?}

Large lists of tests may be packed: {"zlib": base64 of the compressed JSON of the list, "sha256": of that
JSON, in hex}.

and for each of them "time_limit" (CPU seconds of one test; of all of them for assertions) and "memory_limit" (MiB).
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from assay_plugins.code_tests.comparison import Rule, read_rule
from assay_plugins.code_tests.literals import read_arguments, read_value

Kind = Literal["stdin", "functional", "assertions"]
DEFAULT_TIME_LIMIT = 6.0
"""Seconds for each test, as LiveCodeBench grants."""
DEFAULT_MEMORY_LIMIT = 512
"""MiB."""
MAX_UNPACKED = 1 << 30
"""Bytes of JSON that packed tests may have."""
_KEYS = {
    "stdin": {"tests", "compare", "checker", "interactor", "language", "prelude"},
    "functional": {"tests", "compare", "entry_point", "prelude", "result"},
    "assertions": {"tests", "entry_point", "setup", "prelude"},
}
_COMMON = {"kind", "time_limit", "memory_limit"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Test:
    """One test of a problem that has inputs and outputs."""

    index: int
    """Its place in the dataset, from 0."""
    input: str = ""
    """For a program that reads standard input."""
    arguments: Any = None
    """For a function: a list, or a mapping by name, of JSON values."""
    output: Any = None
    """Expected: text, or the JSON value that the function returns."""
    public: bool = False
    """Whether the model could see it."""

    @property
    def size(self) -> int:
        """How much there is to read: what stands for how long it takes."""
        return len(self.input) if self.arguments is None else len(repr(self.arguments))


@dataclass(frozen=True, kw_only=True, slots=True)
class Helper:
    """A checker or an interactor: a program of the benchmark's, which decides."""

    language: str
    code: str
    style: str = "testlib"
    """`testlib`: the exit status decides; `open-r1`: 1 or 100 on standard output accepts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Everything that judging a program needs."""

    kind: Kind
    tests: tuple[Test, ...] = ()
    time_limit: float = DEFAULT_TIME_LIMIT
    memory_limit: int = DEFAULT_MEMORY_LIMIT
    rule: Rule = field(default_factory=Rule)
    checker: Helper | None = None
    interactor: Helper | None = None
    language: str = "python"
    """Of a block without a tag."""
    entry_point: str | None = None
    result: int | None = None
    """The argument that holds the result of a function that works in place."""
    prelude: str = ""
    """Code before the program: of definitions, or for `stdin` problems the word "lcb"."""
    setup: str = ""
    assertions: tuple[str, ...] = ()


def read_reference(value: Any) -> Reference:
    """Read a reference. Raises `ValueError` with a sentence that names what is wrong with it."""
    if not isinstance(value, Mapping):
        raise ValueError(f"the reference must be an object with a kind, got {type(value).__name__}")
    kind = value.get("kind")
    if kind not in _KEYS:
        raise ValueError(f'"kind" must be one of {", ".join(_KEYS)}, got {kind!r:.80}')
    unknown = set(value) - _KEYS[kind] - _COMMON
    if unknown:
        raise ValueError(f"a reference of kind {kind} has no {', '.join(sorted(map(str, unknown)))!r:.200}")
    fields: dict[str, Any] = {
        "kind": kind,
        "time_limit": float(_number(value, "time_limit", DEFAULT_TIME_LIMIT)),
        "memory_limit": int(_number(value, "memory_limit", DEFAULT_MEMORY_LIMIT)),
        "prelude": _text(value, "prelude", ""),
    }
    if kind == "assertions":
        return Reference(
            **fields,
            entry_point=_entry_point(value, required=False),
            setup=_text(value, "setup", ""),
            assertions=_assertions(value.get("tests")),
        )
    fields["rule"] = read_rule(value.get("compare"))
    fields["tests"] = _tests(value.get("tests"), kind)
    if kind == "functional":
        return Reference(**fields, entry_point=_entry_point(value, required=True), result=_result(value))
    if fields["prelude"] not in ("", "lcb"):
        raise ValueError('"prelude" of a stdin problem must be "lcb", the imports of LiveCodeBench')
    return Reference(
        **fields,
        checker=_helper(value, "checker"),
        interactor=_helper(value, "interactor"),
        language=_text(value, "language", "python"),
    )


def _tests(value: Any, kind: str) -> tuple[Test, ...]:
    if isinstance(value, Mapping) and all(isinstance(value.get(name), str) for name in ("zlib", "sha256")):
        return _packed_tests(value["zlib"], value["sha256"], kind)
    if not isinstance(value, list | tuple) or not value:
        raise ValueError('"tests" must be a list of at least one test: a program that no test looks at never passes')
    read = _stdin_test if kind == "stdin" else _functional_test
    tests = []
    for index, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise ValueError(f"test {index} must be an object, got {type(item).__name__}")
        try:
            tests.append(read(index, item))
        except ValueError as error:
            raise ValueError(f"test {index}: {error}") from None
    return tuple(tests)


@lru_cache(maxsize=1)  # samples of one problem come one after another
def _packed_tests(text: str, digest: str, kind: str) -> tuple[Test, ...]:
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text, validate=True), MAX_UNPACKED)
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError(f"it is cut off, or holds more than {MAX_UNPACKED >> 20} MiB")
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError('it is not what its "sha256" says')
        tests = json.loads(data)
    except (ValueError, zlib.error, RecursionError) as error:
        raise ValueError(f'packed "tests" cannot be read: {error}') from None
    if not isinstance(tests, list):
        raise ValueError('packed "tests" must be a list')
    return _tests(tests, kind)


def _stdin_test(index: int, item: Mapping[str, Any]) -> Test:
    for name in ("input", "output"):
        if not isinstance(item.get(name), str):
            raise ValueError(f'"{name}" must be a text, got {type(item.get(name)).__name__}')
    return Test(index=index, input=item["input"], output=item["output"], public=bool(item.get("public", False)))


def _functional_test(index: int, item: Mapping[str, Any]) -> Test:
    public = bool(item.get("public", False))
    if "output" not in item:
        raise ValueError('it has no "output"')
    if "arguments" in item:
        if not isinstance(item["arguments"], list | tuple | Mapping):
            raise ValueError('"arguments" must be a list, or an object by name')
        return Test(index=index, arguments=item["arguments"], output=item["output"], public=public)
    if not isinstance(item.get("input"), str):
        raise ValueError('it needs "arguments", or their text as "input"')
    output = item["output"]
    return Test(
        index=index,
        arguments=read_arguments(item["input"]),
        output=read_value(output) if isinstance(output, str) else output,
        public=public,
    )


def _assertions(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError('"tests" must be a text of code, or a list of such texts')
    if not any(text.strip() for text in texts):
        raise ValueError('"tests" is empty: a program that no test looks at never passes')
    return tuple(text.replace("\r\n", "\n") for text in texts)


def _entry_point(value: Mapping[str, Any], *, required: bool) -> str | None:
    name = value.get("entry_point")
    if name is None and not required:
        return None
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f'"entry_point" must be the name of a function, got {name!r:.80}')
    return name


def _result(value: Mapping[str, Any]) -> int | None:
    index = value.get("result")
    if index is not None and (isinstance(index, bool) or not isinstance(index, int) or index < 0):
        raise ValueError(f'"result" must be the place of an argument, from 0, got {index!r:.80}')
    return index


def _helper(value: Mapping[str, Any], name: str) -> Helper | None:
    helper = value.get(name)
    if helper is None:
        return None
    if not isinstance(helper, Mapping) or not all(isinstance(helper.get(key), str) for key in ("language", "code")):
        raise ValueError(f'"{name}" must be an object with "language" and "code"')
    style = helper.get("style", "testlib")
    if style not in ("testlib", "open-r1"):
        raise ValueError(f'"{name}": style must be testlib or open-r1, got {style!r:.80}')
    return Helper(language=helper["language"], code=helper["code"], style=style)


def _text(value: Mapping[str, Any], name: str, default: str) -> str:
    text = value.get(name)
    if text is None:
        return default
    if not isinstance(text, str):
        raise ValueError(f'"{name}" must be a text, got {type(text).__name__}')
    return text.replace("\r\n", "\n")


def _number(value: Mapping[str, Any], name: str, default: float) -> float:
    number = value.get(name)
    if number is None:
        return default
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 1e6:
        raise ValueError(f'"{name}" must be a positive number, got {number!r:.80}')
    return number
