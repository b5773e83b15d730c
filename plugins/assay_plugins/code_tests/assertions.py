"""Tests that are Python code: what they ask of the program, read without running them.

Most are `assert f(literals) == literal`, alone or in a `check(candidate)`. Those become `Check`s: a call whose
arguments are plain data, and what must hold for its result, decided by the judge on plain data. Whatever else the
tests do (loops, random arguments, helpers, exceptions) needs the tests to run, and they do so in a sandbox of their own
(`inside.tester`), where `names` stand in for the program. Either way no expected value gets to the program.

Reading is parsing: the text is a benchmark's, its literals are built by `ast.literal_eval`, nothing is executed.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from assay_plugins.code_tests.inside.encode import encode
from assay_plugins.code_tests.reference import Reference

_BUILTIN_NAMES = frozenset(dir(builtins))
_IGNORED_IMPORTS = {"math"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One assertion about one call."""

    index: int
    """Its place among the assertions (in a list of tests: the place of its test)."""
    function: str
    args: list[Any]
    """Plain data, as `inside.encode` writes it; so are the values of `kwargs` and `wanted`."""
    kwargs: dict[str, Any]
    relation: str
    """==, !=, is, true, false, near (within `absolute`) or close (`math.isclose`)."""
    wanted: Any = None
    absolute: float = 0.0
    relative: float = 0.0
    digits: int | None = None
    """Where the result is rounded before it is compared: to how many digits."""
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How the tests of a problem are put to a program."""

    checks: tuple[Check, ...] | None
    """All that the tests ask, where they can be read; else None: the tests must run."""
    names: dict[str, str] = field(default_factory=dict)
    """Names that stand for the program's, and what the program calls them."""
    modules: tuple[str, ...] = ()
    """Modules of the standard library that the tests use without importing them."""
    candidate: str | None = None
    """The name that `check` must be called with, where the tests do not call it themselves."""


class _NotReadable(Exception):  # noqa: N818  # no error: the other way is taken
    """The tests do more than a `Check` can say."""


def plan(reference: Reference) -> Plan:
    """Read the tests of a reference. Raises `ValueError` where they are no Python or ask nothing of the program."""
    return _plan(reference.setup, reference.assertions, reference.entry_point, reference.prelude)


@lru_cache(maxsize=256)
def _plan(setup: str, tests: tuple[str, ...], entry_point: str | None, prelude: str) -> Plan:
    trees = [_parsed(text, f"test {index}" if len(tests) > 1 else "the tests") for index, text in enumerate(tests)]
    setup_tree = _parsed(setup, "the setup")
    names = _names(trees, setup_tree, _parsed(prelude, "the prelude"), entry_point)
    defines_check, calls_check = _check_function(trees)
    candidate = None
    if defines_check and not calls_check:
        if entry_point is None:
            raise ValueError('the tests define check(candidate) without calling it, and there is no "entry_point"')
        candidate = entry_point
    modules = tuple(name for name in names if name in sys.stdlib_module_names and name != entry_point)
    names = {name: target for name, target in names.items() if name not in modules}
    if not names:
        raise ValueError("the tests use no name of the program's")
    helpers = {node.name for node in setup_tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    try:
        checks = tuple(_Reader(names, helpers - {entry_point}, candidate, numbered=len(tests) > 1).read(trees, tests))
    except _NotReadable:
        return Plan(checks=None, names=names, modules=modules, candidate=candidate)
    return Plan(checks=checks or None, names=names, modules=modules, candidate=candidate)


def _parsed(text: str, what: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{what}: not Python: {error}") from None


def _names(trees: list[ast.Module], setup: ast.Module, prelude: ast.Module, entry_point: str | None) -> dict[str, str]:
    used: dict[str, None] = {}
    defined: set[str] = set()
    for tree in (setup, prelude, *trees):
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used[node.id] = None
            else:
                defined.update(_defined_by(node))
    names = {name: name for name in used if name not in defined and name not in _BUILTIN_NAMES and name != "__name__"}
    if "candidate" in names and entry_point is not None:
        names["candidate"] = entry_point
    if entry_point is not None:
        names[entry_point] = entry_point
    if not names:
        # A program may have the name of a built-in function: then it is what the tests compare.
        names = {call: call for call in map(_called, (node for tree in trees for node in ast.walk(tree))) if call}
    return names


def _defined_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def _called(node: ast.AST) -> str | None:
    """The function on the left of a comparison in an assertion."""
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
        left = node.test.left
        if isinstance(left, ast.Call) and isinstance(left.func, ast.Name):
            return left.func.id
    return None


def _check_function(trees: list[ast.Module]) -> tuple[bool, bool]:
    statements = [node for tree in trees for node in tree.body]
    defines = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in statements)
    return defines, any(_call_of_check(node) is not None for node in statements)


def _call_of_check(node: ast.AST) -> ast.Call | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Name) and function.id == "check":
            return node.value
    return None


class _Reader:
    """Turns statements into checks, or raises `_NotReadable`."""

    def __init__(self, names: dict[str, str], helpers: set[str], candidate: str | None, *, numbered: bool) -> None:
        self._functions = {name: target for name, target in names.items() if name not in helpers}
        self._candidate = candidate
        self._numbered = numbered
        self._count = 0

    def read(self, trees: list[ast.Module], texts: tuple[str, ...]) -> Iterator[Check]:
        """The checks of all tests, in the order in which running them would ask."""
        functions: dict[str, ast.FunctionDef] = {}
        for index, (tree, text) in enumerate(zip(trees, texts, strict=True)):
            for node in tree.body:
                call = _call_of_check(node)
                if isinstance(node, ast.FunctionDef) and node.name == "check" and len(node.args.args) == 1:
                    functions["check"] = node
                elif call is not None and "check" in functions and len(call.args) == 1 and not call.keywords:
                    yield from self._body(functions["check"], self._target(call.args[0]), text, index)
                else:
                    yield from self._statement(node, self._functions, text, index)
        if self._candidate is not None:
            yield from self._body(functions["check"], self._candidate, texts[-1], len(texts) - 1)

    def _body(self, check: ast.FunctionDef, target: str, text: str, index: int) -> Iterator[Check]:
        functions = {check.args.args[0].arg: target}
        for node in check.body:
            yield from self._statement(node, functions, text, index)

    def _target(self, node: ast.AST) -> str:
        """The function that `check` is called with: a name, or `Solution().name`."""
        if isinstance(node, ast.Name) and node.id in self._functions:
            return self._functions[node.id]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and not node.value.args:
            made = node.value.func
            if isinstance(made, ast.Name) and made.id == "Solution" and not node.value.keywords:
                return node.attr
        raise _NotReadable

    def _statement(self, node: ast.stmt, functions: dict[str, str], text: str, index: int) -> Iterator[Check]:
        if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return
        if isinstance(node, ast.Import) and all(alias.name in _IGNORED_IMPORTS for alias in node.names):
            return
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            _literal(node.value)
            if names <= {"METADATA"}:
                return
        if not isinstance(node, ast.Assert):
            raise _NotReadable
        if isinstance(node.test, ast.Constant):
            if not node.test.value:
                raise _NotReadable
            return
        source = " ".join((ast.get_source_segment(text, node) or "").split())[:300]
        number = index if self._numbered else self._count
        self._count += 1
        yield Check(index=number, source=source, **_assertion(node.test, functions))


def _assertion(node: ast.expr, functions: dict[str, str]) -> dict[str, Any]:
    if isinstance(node, ast.Call) and _is_function(node.func, functions):
        return {**_call(node, functions), "relation": "true"}
    if isinstance(node, ast.Call) and _dotted(node.func) == "math.isclose":
        return _is_close(node, functions)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return {**_call(node.operand, functions), "relation": "false"}
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        raise _NotReadable
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operator, ast.Lt | ast.LtE) and isinstance(left, ast.Call) and _dotted(left.func) == "abs":
        return _is_near(left, operator, right, functions)
    if isinstance(operator, ast.Is) and isinstance(right, ast.Constant) and right.value in (None, True, False):
        return {**_call(left, functions), "relation": "is", "wanted": right.value}
    if not isinstance(operator, ast.Eq | ast.NotEq):
        raise _NotReadable
    if not (isinstance(left, ast.Call) and (_is_function(left.func, functions) or _dotted(left.func) == "round")):
        left, right = right, left
    relation = "==" if isinstance(operator, ast.Eq) else "!="
    digits: int | None = None
    if isinstance(left, ast.Call) and _dotted(left.func) == "round" and "round" not in functions:
        if len(left.args) != 2 or left.keywords or not isinstance(_literal(left.args[1]), int):
            raise _NotReadable
        digits, left = _literal(left.args[1]), left.args[0]
    return {**_call(left, functions), "relation": relation, "wanted": _data(right), "digits": digits}


def _is_near(node: ast.Call, operator: ast.cmpop, bound: ast.expr, functions: dict[str, str]) -> dict[str, Any]:
    """`abs(f(x) - 1.5) < 1e-6`."""
    if len(node.args) != 1 or not isinstance(node.args[0], ast.BinOp) or not isinstance(node.args[0].op, ast.Sub):
        raise _NotReadable
    left, right = node.args[0].left, node.args[0].right
    if not isinstance(left, ast.Call):
        left, right = right, left
    limit, value = _literal(bound), _literal(right)
    if not all(isinstance(number, int | float) for number in (limit, value)) or isinstance(operator, ast.LtE):
        raise _NotReadable
    return {**_call(left, functions), "relation": "near", "wanted": value, "absolute": float(limit)}


def _is_close(node: ast.Call, functions: dict[str, str]) -> dict[str, Any]:
    """`math.isclose(f(x), 1.5, rel_tol=1e-9, abs_tol=0.0)`."""
    options = {keyword.arg: _literal(keyword.value) for keyword in node.keywords}
    if len(node.args) != 2 or not set(options) <= {"rel_tol", "abs_tol"}:
        raise _NotReadable
    left, right = node.args if isinstance(node.args[0], ast.Call) else reversed(node.args)
    value = _literal(right)
    if not isinstance(value, int | float):
        raise _NotReadable
    tolerances = {"relative": float(options.get("rel_tol", 1e-9)), "absolute": float(options.get("abs_tol", 0.0))}
    return {**_call(left, functions), "relation": "close", "wanted": value, **tolerances}


def _call(node: ast.AST, functions: dict[str, str]) -> dict[str, Any]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in functions:
        raise _NotReadable
    kwargs = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _NotReadable
        kwargs[keyword.arg] = _data(keyword.value)
    return {"function": functions[node.func.id], "args": [_data(item) for item in node.args], "kwargs": kwargs}


def _is_function(node: ast.AST, functions: dict[str, str]) -> bool:
    return isinstance(node, ast.Name) and node.id in functions


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _data(node: ast.expr) -> Any:
    try:
        return encode(_literal(node))
    except TypeError:
        raise _NotReadable from None


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise _NotReadable from None
