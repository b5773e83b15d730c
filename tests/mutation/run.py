"""Mutants of the comparison code: does a test notice each of them?

    python -m tests.mutation.run [--seconds 300] [--seed 7] [--only compare units] [--again] [--tries 2]

One change at a time is made to the syntax tree of a file in `FILES` (an operator, a comparison, a constant, a
condition, a returned truth value). The tests of `TESTS` are collected once; for each mutant a process is forked,
in which the code of the changed functions is put in the place of the old one (`install`) and the tests are run
until one fails; a mutant survives if all pass. A failure of a test that looks at the clock (`TIMED`) must repeat,
so that a busy machine kills nothing. Mutants are drawn at random with a fixed seed until the time is up. Writes
results/math/mutation.json with the survivors; `--again` tries only those that are listed there as survivors.

Mutants that change nothing that anyone could see are listed with the reason in `tests/mutation/equivalent.py`; they
are counted apart, and as survivors in the share that is killed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from tests.mutation.equivalent import why_equivalent

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "plugins" / "assay_plugins" / "boxed_math"
OUT = ROOT / "results" / "math" / "mutation.json"
FILES = ("compare", "decide", "expressions", "names", "numerals", "real_sets", "trees", "units")
"""What decides whether two values are equal; reading and evaluating them are tested by their own pairs."""
TESTS = (
    "tests/plugins/test_boxed_math_borders.py", "tests/plugins/test_boxed_math_pairs.py",
    "tests/plugins/test_boxed_math_units.py", "tests/plugins/test_docs_verifiers.py",
    "tests/plugins/test_boxed_math_hedges.py", "tests/plugins/test_boxed_math.py",
    "tests/plugins/test_boxed_math_outcomes.py", "tests/plugins/test_adversarial_pairs.py",
)  # fmt: skip
LEFT_OUT = " and ".join(
    f"not {word}" for word in ("import_is_light", "through_the_pool", "of_tokens", "threads", "gold")
)
"""Tests that start processes or take long. The whole suite can only kill more than what is left of it."""
TIMED = ("hangs",)
"""Parts of the names of tests that look at the clock."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def sites(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Index of a node in `ast.walk` with what is changed there; annotations and docstrings are left alone."""
    skipped = set()
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if isinstance(part, ast.AST):
                skipped |= {id(inner) for inner in ast.walk(part)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if isinstance(node, ast.keyword) and node.arg in ("strict", "maxsize", "frozen", "slots"):  # hold anyway
            skipped.add(id(node.value))
        if isinstance(node, ast.AnnAssign | ast.Assign | ast.Import | ast.ImportFrom):  # tables and types are no logic
            if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Dict | ast.Call | ast.BinOp):
                continue
            skipped |= {id(inner) for inner in ast.walk(node)} if getattr(node, "col_offset", 1) == 0 else set()
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
            yield index, f"{type(node.op).__name__} -> {SWAPS[type(node.op)].__name__}"
        elif isinstance(node, ast.Compare):
            yield index, f"{type(node.ops[0]).__name__} -> {SWAPS[type(node.ops[0])].__name__}"
        elif isinstance(node, ast.BoolOp):
            yield index, f"{type(node.op).__name__} -> {SWAPS[type(node.op)].__name__}"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield index, "not removed"
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            yield index, "condition always false"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield index, f"{node.value} -> {not node.value}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield index, f"{node.value} -> {node.value + 1}"


def mutate(tree: ast.Module, index: int) -> tuple[ast.Module, ast.AST]:
    """A copy of the tree with one change, and the node before it."""
    original = list(ast.walk(tree))[index]
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[index]
    if isinstance(node, ast.BinOp | ast.BoolOp):
        node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.copy_location(ast.Constant(False), node.test)
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1  # type: ignore[operator]
    return ast.fix_missing_locations(tree), original


def line_of(tree: ast.Module, index: int) -> str:
    """The statement that a node belongs to, or the head of it, as `ast.unparse` writes it."""
    nodes = list(ast.walk(tree))
    found, size = nodes[index], len(nodes) + 1
    for node in nodes:
        if isinstance(node, ast.stmt):
            inside = list(ast.walk(node))
            if len(inside) < size and any(each is nodes[index] for each in inside):
                found, size = node, len(inside)
    return " ".join(ast.unparse(found).split("\n")[0].split())[:300]


def install(module: ModuleType, tree: ast.Module) -> None:
    """Put the code of a changed tree into a module that others have imported from already."""
    fresh: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(tree, str(module.__file__), "exec"), fresh)
    for name, new in fresh.items():
        if not name.startswith("__"):
            _graft(module, name, vars(module).get(name), new)


def _graft(module: ModuleType, name: str, old: Any, new: Any) -> None:
    while hasattr(old, "__wrapped__") and hasattr(new, "__wrapped__"):
        old, new = old.__wrapped__, new.__wrapped__
    if isinstance(old, property) and isinstance(new, property):
        old, new = old.fget, new.fget
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        if new.__module__ == module.__name__:
            old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    elif isinstance(old, type) and isinstance(new, type):
        if new.__module__ == module.__name__:
            for part, value in vars(new).items():
                _graft(module, part, vars(old).get(part), value)
    elif isinstance(new, bool | int | float | str | bytes | tuple | frozenset):
        for other in [each for path, each in sys.modules.items() if path.startswith("assay_plugins.boxed_math")]:
            if other is module or (name in vars(other) and vars(other)[name] is old):
                setattr(other, name, new)


class Mutation:
    """A pytest plugin that runs the mutants instead of the tests."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.patience = 60.0
        """Seconds after which a mutant counts as killed: it made something run for ever."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Called by pytest once everything is collected."""
        trees = {name: ast.parse((PACKAGE / f"{name}.py").read_text("utf-8")) for name in FILES}
        every = [(name, index, what) for name, tree in trees.items() for index, what in sites(tree)]
        random.Random(self.options.seed).shuffle(every)
        started = time.monotonic()
        failing = self.failing(session, None, None)
        assert failing is None, f"the tests fail without any mutant: {failing}"
        self.patience = 10 + 2 * (time.monotonic() - started)
        before = json.loads(OUT.read_text("utf-8")) if self.options.again else {}
        listed = {(each["file"], each["index"]) for each in before.get("survivors", [])}
        chosen = [
            each for each in every
            if (not self.options.only or each[0] in self.options.only) and (not before or each[:2] in listed)
        ]  # fmt: skip
        started, killers, survivors = time.monotonic(), Counter[str](), []
        for name, index, what in chosen:
            if time.monotonic() - started > self.options.seconds:
                break
            tree, node = mutate(trees[name], index)
            killer = self.failing(session, name, tree)
            if killer is not None:
                killers[killer.partition("::")[0].rpartition("/")[2]] += 1
                continue
            survivors.append(
                {
                    "file": name, "index": index, "line": node.lineno, "change": what,  # type: ignore[attr-defined]
                    "code": ast.unparse(node).split("\n")[0][:160], "in": line_of(trees[name], index),
                }
            )  # fmt: skip
            print("survived:", survivors[-1], file=sys.stderr, flush=True)
        self.write(every, sum(killers.values()), killers, survivors)
        return True

    def failing(self, session: pytest.Session, name: str | None, tree: ast.Module | None) -> str | None:
        """The first test that fails with a mutant; None where all pass."""
        found = self.first_failure(session, name, tree, [])
        while found is not None and any(mark in found for mark in TIMED):
            again = self.first_failure(session, name, tree, [found])
            if again is not None:
                return again
            found = self.first_failure(session, name, tree, [], without=found)
        return found

    def first_failure(
        self, session: pytest.Session, name: str | None, tree: ast.Module | None, only: list[str], without: str = ""
    ) -> str | None:
        """Run tests in a forked process: all, or those named, or all but one."""
        items = [item for item in session.items if (not only or item.nodeid in only) and item.nodeid != without]
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            failure = _run(session, items, name, tree)
            os.write(writer, (failure or "").encode())
            os._exit(0)
        os.close(writer)
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                break
            time.sleep(0.01)
        else:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)
            return "does not end"
        with os.fdopen(reader, "rb") as pipe:
            return pipe.read().decode() or None

    def write(self, every: list[Any], killed: int, killers: Counter[str], survivors: list[dict[str, Any]]) -> None:
        """The table of results, and a line for the terminal."""
        tried = killed + len(survivors)
        for each in survivors:
            each["equivalent"] = why_equivalent(each["file"], each["in"], each["code"], each["change"])
        equivalent = sum(each["equivalent"] is not None for each in survivors)
        result = {
            "what": "mutants of the comparison code, drawn at random", "files": FILES, "tests": TESTS,
            "seed": self.options.seed, "mutants": len(every), "tried": tried, "killed": killed,
            "share_killed": killed / max(1, tried), "equivalent": equivalent,
            "killed_by": dict(killers.most_common()),
            "survivors": sorted(survivors, key=lambda each: (each["file"], each["line"], each["index"])),
        }  # fmt: skip
        out = Path(self.options.out) if self.options.out else OUT
        out.write_text(json.dumps(result, indent=2) + "\n")
        print(
            f"{killed} of {tried} killed ({killed / max(1, tried):.1%}), {equivalent} of the survivors change nothing; "
            f"{len(every)} mutants in all",
            file=sys.stderr,
        )


def _run(session: pytest.Session, items: list[pytest.Item], name: str | None, tree: ast.Module | None) -> str | None:
    if name is not None and tree is not None:
        try:
            install(importlib.import_module(f"assay_plugins.boxed_math.{name}"), tree)
        except Exception as error:  # the mutant cannot even be imported
            return f"import: {error!r}"
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return item.nodeid
    return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=FILES, help="Files of which mutants are made. Default: all.")
    parser.add_argument("--again", action="store_true", help="Only the survivors that are listed.")
    parser.add_argument("--out", help="Write there instead of results/math/mutation.json.")
    options = parser.parse_args()
    import mpmath  # noqa: F401  # once, before processes are forked

    import assay_plugins.boxed_math.verifier  # noqa: F401

    arguments = ["-q", "-s", "-p", "no:cacheprovider", "--no-header", "-k", LEFT_OUT, *TESTS]
    sys.exit(pytest.main(arguments, plugins=[Mutation(options)]))


if __name__ == "__main__":
    main()
