"""LiveCodeBench, code generation: contest problems of LeetCode, AtCoder and Codeforces with dates (Jain et al. 2024).

    livecodebench                           release v5, contests of 2024-08-01 to 2025-01-31: the reports' choice
    livecodebench[v6]                       everything in a release; v4_v5 is a slice
    livecodebench[2024-08..2025-04]         a window of contest dates, both ends included
    livecodebench[v5,2024-08-01..2024-12-31,all]
    livecodebench[statement_tests]          another file: problems with the tests of their statements only

The prompt is the official runner's generic one, to the letter, with its system message before it in the user's turn
(as the runner does for models that take no system message); `prompt=deepseek-r1` takes the runner's text for
DeepSeek-R1. Public tests come before private ones and are marked. A test has 6 seconds, as in the official runner,
which sets no memory limit; ours is AtCoder's. The runner's imports stand before every program. Problems of the
official errata are left out unless `all` is asked for. There are no reference solutions.

How private tests are read is in `_code_packed`, how the brackets are read in `_code_lcb`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from assay import Benchmark, DataSource, Problem, hookimpl
from assay_benchmarks import _code_lcb as lcb
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._code_benchmark import CodeBenchmark, find, with_remedy
from assay_benchmarks._code_packed import parse, unpack_tests
from assay_benchmarks._code_prelude import LCB_PRELUDE

if TYPE_CHECKING:
    from assay.data import Record

# https://github.com/LiveCodeBench/LiveCodeBench/blob/28fef95ea8c9f7a547c8329f2cd3d32b92c1fa24/lcb_runner/prompts/code_generation.py
SYSTEM = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests."
)
SYSTEM_R1 = (
    "You will be given a question (problem specification) and will generate a correct Python program that matches the "
    "specification and passes all tests."
)
WITH_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
WITHOUT_STARTER = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the "
    "inputs, runs the algorithm and writes output to STDOUT."
)
SECONDS = 6
MEBIBYTES = 1024

_REVISION = "0fe84c3912ea0c4d4a78037083943e8f0c4dd505"
_SHA256 = {
    "test.jsonl": "2bd02b38beb48e8c46b5b9987095d999ff38cd8efc255ea5d58974317c48f63f",
    "test2.jsonl": "095df7c5daf15f882c51a9deb84085cff1e073495a5dbcf95015a564d485f3a3",
    "test3.jsonl": "28ed26cc83363ce3f1fe2d5fad9f8393077beb1907b167a31bd3b32f80801b79",
    "test4.jsonl": "d711138ddaebfcf5f8ec6a4283ee677298c0f5c5d374a235af92aaf0584510da",
    "test5.jsonl": "7f77571c2a6df0c2a72a3277650309f67e01e0008e18117e624633df53f81214",
    "test6.jsonl": "bb4c364f71921c4495a6ad15abe1a927350b720009f4933e2e71f8af0f6fd1f5",
}
"""Of the files at `_REVISION`, as the hub's API gives them."""
_LICENCE = "CC (no version given by LiveCodeBench); statements (c) LeetCode, AtCoder, Codeforces"

SHARDS = tuple(
    DataSource(
        name=f"livecodebench_{number}",
        files=(f"livecodebench/{file}", f"code_generation_lite/{file}", file),
        licence=_LICENCE,
        hub_repo="livecodebench/code_generation_lite",
        hub_revision=_REVISION,
        hub_file=file,
        hub_sha256=sha256,
        benchmark=f"livecodebench[v{number}_v{number}]",
    )
    for number, (file, sha256) in enumerate(_SHA256.items(), start=1)
)
STATEMENTS = DataSource(
    name="livecodebench_statements",
    files=("lcb_problems_880.jsonl",),
    licence="MIT (LiveCodeBench/submissions); statements (c) LeetCode, AtCoder, Codeforces",
    hub_note="the tests were read off the statements; the hub has the official ones: livecodebench without brackets",
)


class LiveCodeBench(CodeBenchmark):
    """The problems of a release in a window."""

    no_gold = "LiveCodeBench publishes no reference solutions"

    def __init__(self, text: str = "") -> None:
        """Parse what stands in the brackets. Raises `UsageError` where it cannot be read."""
        self.selection = lcb.parse_selection(text)
        chosen = self.selection
        self.sources = (STATEMENTS,) if chosen.statement_tests else SHARDS[chosen.first - 1 : chosen.last]
        super().__init__(f"livecodebench[{text}]" if text else "livecodebench", self.sources[0], samples=8)

    def load(self) -> list[Problem]:
        """Read the files, one row at a time: together they have gigabytes."""
        found = [find(source, STATEMENTS, lcb.STATEMENT_TESTS) for source in self.sources]
        places = [data.provenance for data in found]
        self.provenance = places[0] if len(places) == 1 else {"files": places}
        problems = (self.problem(record) for data in found for record in self._rows(data))
        return [problem for problem in problems if problem is not None]

    def _rows(self, data: Any) -> Iterator[Record]:
        rows_of = data.stream()
        while (record := with_remedy(lambda: next(rows_of, None))) is not None:
            yield record

    def problem(self, record: Record) -> Problem | None:
        """The problem of one row; None outside the window or where it cannot be judged."""
        day = contest_day(record)
        if not self.selection.covers(day):
            return None
        problem_id = rows.identity(record, "question_id", "id")
        title = rows.optional_text(record, "question_title", "title")
        reason = lcb.ERRATA.get(problem_id) or lcb.ERRATA.get(title)
        if reason is not None and not self.selection.keep_bad:
            self.leave_out(problem_id, reason)
            return None
        tests, kinds = self._tests(record)
        if not tests:
            self.leave_out(problem_id, "it has no tests")
            return None
        if len(kinds) > 1:
            raise rows.flaw(record.where, "its tests are of both kinds, stdin and functional")
        content = rows.text(record, "question_content", "problem")
        starter = rows.optional_text(record, "starter_code")
        reference: dict[str, Any] = {
            "kind": kinds.pop(),
            "tests": rows.in_reference(tests),
            "time_limit": SECONDS,
            "memory_limit": MEBIBYTES,
            "compare": "lcb",
        }
        if reference["kind"] == "functional":
            reference |= {"entry_point": function_name(record), "prelude": LCB_PRELUDE}
        else:
            reference["prelude"] = "lcb"
        metadata = {
            "contest_date": day.isoformat(),
            "contest_id": rows.identity(record, "contest_id"),
            **record.pick("difficulty", "platform"),
            "title": title,
        }
        return self.make(problem_id, question(content, starter, self.selection.prompt), reference, metadata)

    def _tests(self, record: Record) -> tuple[list[dict[str, Any]], set[str]]:
        """Public tests, then private ones, and the kinds that they are of."""
        fields = {"statement_tests": True} if self.selection.statement_tests else _OFFICIAL
        tests: list[dict[str, Any]] = []
        kinds: set[str] = set()
        for field, public in fields.items():
            if field not in record.values:
                raise rows.flaw(record.where, f"the field {field!r} is missing")
            items = unpack_tests(record.where, field, record.values[field])
            tests += rows.read_tests(record.where, field, items, public=public)
            for item in items or ():
                kind = item.get("testtype")
                if kind not in ("stdin", "functional"):
                    raise rows.flaw(record.where, f"'testtype' in {field!r} must be stdin or functional")
                kinds.add(kind)
        return tests, kinds


_OFFICIAL = {"public_test_cases": True, "private_test_cases": False}


def question(content: str, starter: str, prompt: str) -> str:
    """The official prompt; `prompt` is "generic" or "deepseek-r1"."""
    wanted = WITH_STARTER if starter else WITHOUT_STARTER
    code = f"```python\n{starter or '# YOUR CODE HERE'}\n```"
    if prompt == "deepseek-r1":
        return f"{SYSTEM_R1}\n\nQuestion: {content}\n\n{wanted}\n{code}\n\n"
    answer = "### Answer: (use the provided format with backticks)\n\n"
    return f"{SYSTEM}\n\n### Question:\n{content}\n\n### Format: {wanted}\n{code}\n\n{answer}"


def contest_day(record: Record) -> date:
    """The day of the contest; the time of day, which some rows have, does not matter for windows."""
    value = rows.text(record, "contest_date")
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise rows.flaw(record.where, "the field 'contest_date' does not begin with a date (2024-08-31)") from None


def function_name(record: Record) -> str:
    """The function that functional tests call: `func_name`, of the row or of its metadata."""
    name = record.values.get("func_name")
    if name is None:
        metadata = record.values.get("metadata")
        if isinstance(metadata, str):
            try:
                metadata = parse(metadata)
            except ValueError as error:
                raise rows.flaw(record.where, f"the field 'metadata' cannot be read: {error}") from error
        name = metadata.get("func_name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        raise rows.flaw(record.where, "functional tests need 'func_name' in the field 'metadata'")
    return name


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The set; brackets choose a release and a window."""
    return {
        "livecodebench": LiveCodeBench,
        "livecodebench[statement_tests]": lambda: LiveCodeBench(lcb.STATEMENT_TESTS),
    }
