"""LeetCode problems with assertions: 200 undated problems with a reference solution and `check(candidate)` each.

They come from the evaluation data of rLLM (agentica-project); the prompts are left as they stand there, with their
own instruction. As on LeetCode itself a program may use the typing names, the common modules and the classes
`ListNode` and `TreeNode` without importing or defining them: `PRELUDE` stands before it. The tests are one function
`check(candidate)`, called at the end with a method of the program's class `Solution`.

The reports give no number of samples for this set; 4 is the least that they use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assay import Benchmark, DataSource, Problem, hookimpl
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._code_benchmark import ASSERTION_SECONDS, CodeBenchmark
from assay_benchmarks._code_prelude import LEETCODE_PRELUDE

if TYPE_CHECKING:
    from assay.data import Record

LEETCODE = DataSource(
    name="leetcode",
    files=("leetcode_test_200.jsonl",),
    licence="MIT (agentica-project/rllm); statements (c) LeetCode",
    hub_note="the hub has no copy of these 200 problems with these ids",
)
_CALL = re.compile(r"\ncheck\(Solution\(\)\.([A-Za-z_]\w*)\)\s*\Z")


class LeetCode(CodeBenchmark):
    """200 problems."""

    def problem(self, record: Record) -> Problem | None:
        """The problem of one row."""
        problem_id = rows.text(record, "id")
        question = rows.text(record, "problem")
        tests = rows.text(record, "test")
        call = _CALL.search(tests)
        if call is None or "check" not in rows.functions_of(record.where, "test", tests):
            raise rows.flaw(
                record.where, "the field 'test' must define check(candidate) and end with check(Solution().METHOD)"
            )
        solution = rows.optional_text(record, "solution")
        if solution.strip():
            self.keep_gold(problem_id, solution)
        else:
            self.no_gold = "some rows have no solution"
        reference = {
            "kind": "assertions",
            "entry_point": None,  # the tests call check with a method of Solution themselves
            "setup": "",
            "tests": tests,
            "prelude": LEETCODE_PRELUDE,
            "time_limit": ASSERTION_SECONDS,
        }
        return self.make(problem_id, question, reference, {"method": call[1]})


def _leetcode() -> Benchmark:
    return LeetCode("leetcode", LEETCODE, samples=4)


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The one set."""
    return {"leetcode": _leetcode}
