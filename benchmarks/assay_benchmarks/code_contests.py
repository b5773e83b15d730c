"""CodeContests: the 165 problems of AlphaCode's test split (Li et al. 2022), judged on standard input and output.

Outputs are compared as DeepMind's tester does: token by token, without regard to case, and numbers within 1e-5. It
has no checkers, so problems with several right answers are judged too strictly, there as here. All tests count
(public, private, generated); those that the statement shows are marked public. The local file has limits in its
statements and no solutions; the hub's has solutions in Python, of which one is the gold answer.

A program in Python has twice the problem's time, as in USACO's contests: the limits were set for C++. The reports
give no number of samples and no prompt for this set: 4 samples, and the statement followed by an instruction of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from assay import Benchmark, DataSource, Problem, hookimpl
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._code_benchmark import CodeBenchmark

if TYPE_CHECKING:
    from assay.data import Record

INSTRUCTION = (
    "Write a Python program that reads the input from standard input and writes the output to standard output. Put "
    "the whole program into one ```python code block."
)
PYTHON_FACTOR = 2.0
"""How much longer than the problem's limit a Python program may run (usaco.org, "Details for each contest")."""

# https://github.com/google-deepmind/code_contests/blob/main/execution/tester_sandboxer.cc (ValuesMatch)
COMPARE = {"rule": "floats", "abs": 1e-5, "rel": 0.0, "ignore_case": True}

_SECONDS = 2.0
_MEBIBYTES = 256.0
_TIME = re.compile(r"^Time Limit: \{'seconds': (\d{1,9}), 'nanos': (\d{1,9})\}\s*$", re.ASCII | re.MULTILINE)
_MEMORY = re.compile(r"^Memory Limit: (\d{1,18}) Bytes\s*$", re.ASCII | re.MULTILINE)
_PYTHON3 = 3  # Language.PYTHON3 of contest_problem.proto
_FILES = ("input_file", "output_file")
_KEPT = ("name", "cf_contest_id", "cf_index", "cf_rating", "cf_tags", "difficulty")


def _derive(_index: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are used, without the hundreds of solutions: one right one in Python, if there is one."""
    solutions = row["solutions"]
    pairs = zip(solutions["language"], solutions["solution"], strict=True)
    kept = ("public_tests", "private_tests", "generated_tests", "time_limit", "memory_limit_bytes", *_FILES, *_KEPT)
    return {
        "id": str(row["name"]).partition(". ")[0],
        "solution": next((code for language, code in pairs if language == _PYTHON3), None),
        **{field: row.get(field) for field in kept},
    }


CODE_CONTESTS = DataSource(
    name="code_contests",
    files=("code_contests_test_165.jsonl", "code_contests_test.jsonl"),
    licence="CC BY 4.0 (DeepMind); statements (c) Codeforces",
    hub_repo="deepmind/code_contests",
    hub_revision="802411c3010cb00d1b05bad57ca77365a3c699d6",
    hub_split="test",
    hub_fields={"problem": "description"},
    hub_derive=_derive,
)


class CodeContests(CodeBenchmark):
    """165 problems."""

    def problem(self, record: Record) -> Problem | None:
        """The problem of one row, of the local layout or of DeepMind's."""
        problem_id = rows.text(record, "id", "name")
        statement = rows.text(record, "problem", "description")
        tests = self._tests(record, statement)
        solution = rows.optional_text(record, "solution")
        if solution.strip():
            self.keep_gold(problem_id, solution)
        else:
            self.no_gold = "the local file has no solutions, and on the hub some problems have none in Python 3"
        if not tests:
            self.leave_out(problem_id, "it has no tests")
            return None
        if any(rows.optional_text(record, field) for field in _FILES):
            self.leave_out(problem_id, "it reads from or writes to files")
            return None
        seconds, mebibytes = limits(record, statement)
        reference = {
            "kind": "stdin",
            "tests": rows.in_reference(tests),
            "time_limit": seconds * PYTHON_FACTOR,
            "memory_limit": mebibytes,
            "compare": COMPARE,
        }
        return self.make(problem_id, statement, reference, record.pick(*_KEPT))

    def _tests(self, record: Record, statement: str) -> list[dict[str, Any]]:
        if "tests" in record.values:
            return rows.shown_in(statement, rows.read_tests(record.where, "tests", record.values["tests"]))
        values = record.values
        return [
            *rows.paired_tests(record.where, "public_tests", values.get("public_tests"), public=True),
            *rows.paired_tests(record.where, "private_tests", values.get("private_tests"), public=False),
            *rows.paired_tests(record.where, "generated_tests", values.get("generated_tests"), public=False),
        ]


def limits(record: Record, statement: str) -> tuple[float, float]:
    """Seconds and MiB: of the row's fields, of the statement's last lines, or Codeforces' usual ones."""
    where = record.where
    time, memory = _TIME.search(statement), _MEMORY.search(statement)
    seconds, mebibytes = _SECONDS, _MEBIBYTES
    given = record.values.get("time_limit")
    if isinstance(given, Mapping):
        parts = [given.get("seconds") or 0, given.get("nanos") or 0]
        if not all(isinstance(part, int) and not isinstance(part, bool) for part in parts):
            raise rows.flaw(where, "'time_limit' must hold whole 'seconds' and 'nanos'")
        seconds = parts[0] + parts[1] / 1e9 if max(map(abs, parts)) < 2**62 else float("inf")
    elif given is not None:
        raise rows.flaw(where, "'time_limit' must be an object with 'seconds' and 'nanos'")
    elif time is not None:
        seconds = int(time[1]) + int(time[2]) / 1e9
    size = record.values.get("memory_limit_bytes")
    if size is not None:
        mebibytes = rows.positive(where, "memory_limit_bytes", size, rows.MAX_MEBIBYTES * 2**20) / 2**20
    elif memory is not None:
        mebibytes = int(memory[1]) / 2**20
    return (
        rows.positive(where, "time_limit", seconds, rows.MAX_SECONDS),
        rows.positive(where, "memory_limit", mebibytes, rows.MAX_MEBIBYTES),
    )


def _code_contests() -> Benchmark:
    return CodeContests("code_contests", CODE_CONTESTS, samples=4, instruction=INSTRUCTION)


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The one set."""
    return {"code_contests": _code_contests}
