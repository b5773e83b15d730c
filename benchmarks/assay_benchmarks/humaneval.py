"""HumanEval: 164 Python functions to write from signature and docstring (Chen et al. 2021).

The prompt is that of OpenAI's simple-evals, to the letter: its instruction, and then the function's head. The whole
head stands before the program (`prelude`), so that its imports and helper functions are there although the model
gives the one function alone. The tests get the head as `setup`: four of them call a helper (`poly`, `encode_cyclic`
…) that must be the data's own and not one that the program brought. In the head the function itself is a stub (its
docstring), which the tests never call: `check` is handed the program's.

The reports give no number of samples for this set; 4 is the least that they use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assay import Benchmark, DataSource, Problem, hookimpl
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._code_benchmark import ASSERTION_SECONDS, CodeBenchmark

if TYPE_CHECKING:
    from assay.data import Record

# https://github.com/openai/simple-evals/blob/main/humaneval_eval.py
INSTRUCTION = (
    "Read the following function signature and docstring, and fully implement the function described. Your response "
    "should only contain the code for this function.\n"
)

HUMANEVAL = DataSource(
    name="humaneval",
    files=("humaneval.jsonl", "HumanEval.jsonl"),
    licence="MIT (OpenAI)",
    hub_repo="openai/openai_humaneval",
    hub_revision="7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
    hub_split="test",
    hub_fields={
        "id": "task_id",
        "prompt": "prompt",
        "canonical_solution": "canonical_solution",
        "test": "test",
        "entry_point": "entry_point",
    },
)


class HumanEval(CodeBenchmark):
    """164 problems."""

    def problem(self, record: Record) -> Problem | None:
        """The problem of one row."""
        problem_id = rows.text(record, "id", "task_id")
        head = rows.text(record, "prompt")
        tests = rows.text(record, "test")
        entry_point = rows.text(record, "entry_point")
        if entry_point not in rows.functions_of(record.where, "prompt", head):
            raise rows.flaw(record.where, "the field 'prompt' does not define the function named by 'entry_point'")
        if "check" not in rows.functions_of(record.where, "test", tests):
            raise rows.flaw(record.where, "the field 'test' does not define check(candidate)")
        solution = rows.optional_text(record, "canonical_solution")
        if solution.strip():
            self.keep_gold(problem_id, head + solution)
        else:
            self.no_gold = "some rows have no canonical_solution"
        reference = {
            "kind": "assertions",
            "entry_point": entry_point,
            "setup": head,
            "tests": f"{tests}\n\ncheck({entry_point})\n",
            "prelude": head,
            "time_limit": ASSERTION_SECONDS,
        }
        return self.make(problem_id, INSTRUCTION + head, reference, {"entry_point": entry_point})


def _humaneval() -> Benchmark:
    return HumanEval("humaneval", HUMANEVAL, samples=4)


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The one set."""
    return {"humaneval": _humaneval}
