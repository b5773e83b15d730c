"""MBPP: short Python functions for a one-sentence task, with three assertions each (Austin et al. 2021).

`mbpp` is the paper's test split, the tasks 11 to 510; `mbpp:all` is all 974. The message is the paper's, to the
letter, up to the assertions, which it shows; its markers for few-shot prompts ([BEGIN], [DONE]) are left out, and
the instruction asks for one code block instead. The `challenge_test_list` of 11 tasks is not part of the official
score and is not used. Two tasks (367 and 927) have setup code that needs the program's class: it runs after the
program.

The reports give no number of samples for this set; 4 is the least that they use.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import Benchmark, DataSource, Problem, hookimpl
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._code_benchmark import ASSERTION_SECONDS, CodeBenchmark, with_remedy

if TYPE_CHECKING:
    from assay.data import Record

# https://github.com/google-research/google-research/tree/master/mbpp
TEMPLATE = (
    "You are an expert Python programmer, and here is your task: {task} Your code should pass these tests:\n\n{tests}"
)
INSTRUCTION = "\nPut the whole solution into one ```python code block."
SPLITS = {"prompt": (1, 10), "test": (11, 510), "validation": (511, 600), "train": (601, 974)}
"""The official splits by task id, both ends included."""
_NUMBER = re.compile(r"(?:mbpp-)?([0-9]{1,6})", re.ASCII | re.IGNORECASE)


def _derive(_index: int, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": f"mbpp-{int(row['task_id'])}"}


def _source(split: str) -> DataSource:
    return DataSource(
        name=f"mbpp_{split}",
        files=("mbpp.jsonl",),
        licence="CC BY 4.0 (Google Research)",
        hub_repo="google-research-datasets/mbpp",
        hub_revision="4bb6404fdc6cacfda99d4ac4205087b89d32030c",
        hub_config="full",
        hub_split=split,
        hub_fields={
            "problem": "text",
            "canonical_solution": "code",
            "tests": "test_list",
            "setup": "test_setup_code",
            "challenge_tests": "challenge_test_list",
        },
        hub_derive=_derive,
        benchmark="mbpp:all",
    )


SOURCES = {split: _source(split) for split in SPLITS}


class Mbpp(CodeBenchmark):
    """One split or all of them; a local file holds them all, and the hub one file each."""

    def __init__(self, name: str, splits: Sequence[str]) -> None:
        """Describe the benchmark; no data is read yet."""
        super().__init__(name, SOURCES[splits[0]], samples=4, instruction=INSTRUCTION)
        self.splits = tuple(splits)
        self.sources = tuple(SOURCES[split] for split in splits)

    def load(self) -> list[Problem]:
        """Read the rows of each split."""
        problems: list[Problem] = []
        places = []
        for split in self.splits:
            data = assay.find_data(SOURCES[split])
            places.append(data.provenance)
            first, last = SPLITS[split]
            chosen = (record for record in with_remedy(data.records) if first <= task_number(record) <= last)
            problems += [self.problem(record) for record in chosen]
        self.provenance = places[0] if len({str(place) for place in places}) == 1 else {"files": places}
        return problems

    def problem(self, record: Record) -> Problem:
        """The problem of one row, of our layout or of Google's."""
        problem_id = f"mbpp-{task_number(record)}"
        tests = rows.texts(record, "tests", "test_list")
        if not any(test.strip() for test in tests):
            raise rows.flaw(record.where, "the field 'tests' holds no assertion")
        solution = rows.optional_text(record, "canonical_solution", "code")
        if solution.strip():
            self.keep_gold(problem_id, solution)
        else:
            self.no_gold = "some rows have no canonical_solution"
        reference = {
            "kind": "assertions",
            "entry_point": entry_point(record.where, tests),
            "setup": rows.optional_text(record, "setup", "test_setup_code"),
            "tests": tests,
            "time_limit": ASSERTION_SECONDS,
        }
        question = TEMPLATE.format(task=rows.text(record, "problem", "text").strip(), tests="\n".join(tests))
        return self.make(problem_id, question, reference, {"task": task_number(record)})


def task_number(record: Record) -> int:
    """The official number of a row: 7 for "mbpp-7", "7" and 7."""
    identity = rows.identity(record, "id", "task_id")
    match = _NUMBER.fullmatch(identity)
    if match is None:
        raise rows.flaw(record.where, "the id must be a task's number, such as 11 or 'mbpp-11'")
    return int(match[1])


def entry_point(where: str, tests: Sequence[str]) -> str | None:
    """The function that the assertions are about; None where they do not show it.

    That is the one that all of them call and that Python does not bring; of several such, or of none (one task
    defines `sum` anew), the one whose call each assertion begins with. The assertions are parsed and never run.

    >>> entry_point("", ["assert set(similar([1], [2])) == set()", "assert similar([1], [1]) == [1]"])
    'similar'
    >>> entry_point("", ["assert longest([Pair(5, 24)], 4) == 3"])
    'longest'
    """
    shared: set[str] | None = None
    first: set[str] = set()
    for test in tests:
        try:
            tree = ast.parse(test)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise rows.flaw(where, f"an assertion is not Python ({type(error).__name__})") from error
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = {call.id for call in calls if isinstance(call, ast.Name) and not hasattr(builtins, call.id)}
        shared = names if shared is None else shared & names
        first.add(_first_call(tree))
    if shared is not None and len(shared) == 1:
        return shared.pop()
    return first.pop() or None if len(first) == 1 else None


def _first_call(tree: ast.Module) -> str:
    """The name called at the very left of an assertion; empty where there is none."""
    node = tree.body[0] if tree.body else None
    left: ast.AST | None = node.test if isinstance(node, ast.Assert) else None
    if isinstance(left, ast.Compare):
        left = left.left
    return left.func.id if isinstance(left, ast.Call) and isinstance(left.func, ast.Name) else ""


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The test split, and everything."""
    return {
        "mbpp": lambda: Mbpp("mbpp", ["test"]),
        "mbpp:all": lambda: Mbpp("mbpp:all", list(SPLITS)),
    }
