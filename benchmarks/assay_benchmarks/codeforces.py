r"""Codeforces problems with tests, checkers and limits: open-r1/codeforces (test split: contests of 2024-12 to 2025).

    codeforces                    programs in Python
    codeforces[cpp]               programs in C++17
    codeforces[complete]          only problems whose tests are all here
    codeforces[statement_tests]   another file: 408 problems of 2024 with the samples of their statements only

The prompt is open-r1's own, of its config `verifiable-prompts`. Tests are the official ones that Codeforces shows
whole, and the generated ones where their parquet files are on this machine (`_code_cf` says where); `tests_complete` in
the metadata says whether that is all. A problem with several right answers has a checker, which decides instead of a
comparison; without one, words are compared and yes/no folded, as in open-r1's judge. Line ends of tests become `\n`.
16 samples, as in the reports. Ratings from contests are another part of Assay (`assay codeforces rate`).

Left out, each with its reason in `excluded`: interactive problems without an interactor, problems that read from and
write to files, problems that open-r1 could not execute, and problems without a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import Benchmark, DataSource, Problem, hookimpl
from assay_benchmarks import _code_cf as cf
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._code_benchmark import CodeBenchmark, find, with_remedy

if TYPE_CHECKING:
    from assay.data import Record

OPEN_R1 = DataSource(
    name="codeforces",
    files=("codeforces_open_r1_test.jsonl", "codeforces.jsonl"),
    licence="CC BY 4.0 by its tag, ODC-By 4.0 by its text (open-r1); statements (c) Codeforces",
    hub_repo="open-r1/codeforces",
    hub_revision="fbe3f6e903ee854eec2e69e9d96d0306cde59baf",
    hub_config="verifiable-prompts",
    hub_split="test",
)
STATEMENTS = DataSource(
    name="codeforces_statements",
    files=("codeforces_408.jsonl",),
    licence="MIT (agentica-project/rllm); statements (c) Codeforces",
    hub_note="the hub has another set with more tests: codeforces without brackets",
)
STATEMENTS_INSTRUCTION = (
    "Write a {label} program that reads the input from standard input and writes the output to standard output. Put "
    "the whole program into one ```{tag} code block."
)
_SECTIONS = {
    "# Problem": "description",
    "## Input Format": "input_format",
    "## Output Format": "output_format",
    "## Interaction": "interaction_format",
    "## Note": "note",
}
_NUMBER = re.compile(r"(\d{1,7})/?([A-Z]\d?)", re.ASCII)
_TAGS = re.compile(r"\n+Tags:\n\[[^\]\n]*\]\n(?=\n*Time Limit: )")
_KEPT = ("rating", "tags", "contest_name", "contest_type", "contest_start", "contest_start_year", "title", "aliases")


class Codeforces(CodeBenchmark):
    """The problems of one layout for programs in one language."""

    no_gold = "open-r1 keeps the contestants' programs in another data set (open-r1/codeforces-submissions)"

    def __init__(self, text: str = "") -> None:
        """Parse what stands in the brackets. Raises `UsageError` where it cannot be read."""
        self.options = cf.parse_options(text)
        local = self.options.statement_tests
        label = "Python" if self.options.language == "python" else "C++17"
        super().__init__(
            f"codeforces[{text}]" if text else "codeforces",
            STATEMENTS if local else OPEN_R1,
            samples=16,
            instruction=STATEMENTS_INSTRUCTION.format(label=label, tag=self.options.language) if local else "",
            metrics=("pass@1", "pass@n"),
        )
        self._folder: Path | None = None

    def load(self) -> list[Problem]:
        """Read the problems, and the generated tests where there are any."""
        data = find(self.source, STATEMENTS, cf.STATEMENT_TESTS)
        self.provenance = data.provenance
        self._folder = None if self.options.statement_tests else cf.tests_folder(data.path)
        read = self._of_statement if self.options.statement_tests else self.problem
        found = [read(record) for record in with_remedy(data.records)]
        return [problem for problem in found if problem is not None]

    def problem(self, record: Record) -> Problem | None:
        """The problem of one row of open-r1; None where it cannot be judged or is of another language."""
        problem_id = rows.text(record, "id")
        contest_id, index = split_id(record, problem_id)
        if rows.optional_text(record, "language") not in ("", self.options.language):
            return None
        reason = unjudgeable(record)
        if reason is not None:
            self.leave_out(problem_id, reason)
            return None
        samples = normalized(rows.read_tests(record.where, "examples", record.values.get("examples"), public=True))
        tests, facts = self._tests(record, problem_id, contest_id, samples)
        if not tests:
            self.leave_out(problem_id, "none of its tests is here")
            return None
        if self.options.complete and not facts["tests_complete"]:
            self.leave_out(problem_id, "not all of its tests are here")
            return None
        reference = {
            **self._limits(record, "time_limit", 1.0, "memory_limit"),
            "kind": "stdin",
            "tests": rows.in_reference(tests),
        }
        checker = rows.optional_text(record, "generated_checker")
        if checker.strip():
            reference["checker"] = {"language": "python", "code": checker, "style": "open-r1"}
        else:
            reference["compare"] = "yes_no"
        if (interactor := program(record, "interactor")) is not None:
            reference["interactor"] = interactor
        prompt = rows.optional_text(record, "prompt")
        if not prompt.strip():
            rows.text(record, "description")
            parts = {heading: rows.optional_text(record, field) for heading, field in _SECTIONS.items()}
            prompt = cf.question(record.values, parts, samples, self.options.language)
        metadata = {
            "contest_id": contest_id,
            "index": index,
            "division": cf.division(rows.optional_text(record, "contest_name")),
            **record.pick(*_KEPT),
            **facts,
        }
        return self.make(problem_id, prompt, reference, metadata)

    def _tests(
        self, record: Record, problem_id: str, contest_id: str, samples: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Official and generated tests, samples marked public, and what is known of their completeness."""
        complete = record.values.get("official_tests_complete") is True
        official = normalized(rows.read_tests(record.where, "official_tests", record.values.get("official_tests")))
        if not complete:
            # Codeforces ends what it cuts off with an ellipsis.
            official = [t for t in official if not (t["input"].rstrip() + t["output"].rstrip()).endswith("...")]
            official = [t for t in official if not t["input"].rstrip().endswith("...")]
        shown = {_words(test) for test in samples}
        official = [{**test, "public": _words(test) in shown} for test in official]
        expected = record.values.get("generated_tests") or 0
        if not isinstance(expected, int) or isinstance(expected, bool) or expected < 0:
            raise rows.flaw(record.where, "'generated_tests' must be the number of generated tests")
        generated: list[dict[str, Any]] = []
        if expected and self._folder is not None:
            generated = normalized(cf.generated_tests(self._folder, contest_id, problem_id))
        facts = {
            "official_tests": len(official),
            "official_tests_complete": complete,
            "generated_tests": len(generated),
            "generated_tests_expected": expected,
            "tests_complete": complete or (expected > 0 and len(generated) >= expected),
        }
        return official + generated, facts

    def _of_statement(self, record: Record) -> Problem | None:
        """The problem of one row of the local layout."""
        problem_id = rows.text(record, "id")
        contest_id, index = split_id(record, rows.text(record, "cf_problem_id"))
        tests = normalized(rows.read_tests(record.where, "tests", record.values.get("tests"), public=True))
        if not tests:
            self.leave_out(problem_id, "it has no tests")
            return None
        reference = {
            **self._limits(record, "time_limit_ms", 1000.0, "memory_limit_mb"),
            "kind": "stdin",
            "tests": rows.in_reference(tests),
            "compare": "yes_no",
        }
        # The tags name the method, and a contestant does not see them.
        statement = _TAGS.sub("\n", rows.text(record, "problem"))
        metadata = {"contest_id": contest_id, "index": index, **record.pick("tags"), "tests_complete": False}
        return self.make(problem_id, statement, reference, metadata)

    def _limits(self, record: Record, time: str, unit: float, memory: str) -> dict[str, Any]:
        seconds = rows.number(record, time, rows.MAX_SECONDS * unit)
        mebibytes = rows.number(record, memory, rows.MAX_MEBIBYTES)
        if seconds is None or mebibytes is None:
            raise rows.flaw(record.where, f"the fields {time!r} and {memory!r} must hold the limits")
        return {
            "time_limit": seconds / unit * self.options.factor,
            "memory_limit": mebibytes,
            "language": self.options.language,
        }


def unjudgeable(record: Record) -> str | None:
    """Why no program can be judged on this row, whatever tests it has; None where one can."""
    mode = rows.optional_text(record, "input_mode") or "stdio"
    if mode not in ("stdio", "file"):
        raise rows.flaw(record.where, "'input_mode' must be stdio or file")
    if mode == "file":
        return "it reads from and writes to files"
    if rows.optional_text(record, "interaction_format").strip() and program(record, "interactor") is None:
        return "it is interactive and has no interactor"
    if record.values.get("executable") is False:
        return "open-r1 could not execute it"
    return None


def program(record: Record, field: str) -> dict[str, str] | None:
    """An interactor: `{"language", "code"}`; None where the row has none."""
    value = record.values.get(field)
    if value in (None, "", {}):
        return None
    if not isinstance(value, Mapping) or not all(isinstance(value.get(key), str) for key in ("language", "code")):
        raise rows.flaw(record.where, f"the field {field!r} must be an object with 'language' and 'code'")
    return {"language": value["language"], "code": value["code"]}


def split_id(record: Record, text: str) -> tuple[str, str]:
    """Contest and index: ("1971", "A") for "1971A" and for "1971/A"."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise rows.flaw(record.where, "a Codeforces id is a contest's number and a problem's letter (1971/A or 1971A)")
    return match[1], match[2]


def normalized(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    r"""The tests with `\n` alone as the line end: Codeforces runs on Windows, our programs do not."""
    return [
        {**t, "input": t["input"].replace("\r\n", "\n"), "output": t["output"].replace("\r\n", "\n")} for t in tests
    ]


def _words(test: Mapping[str, Any]) -> tuple[str, str]:
    return " ".join(test["input"].split()), " ".join(test["output"].split())


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The set; brackets choose a language and a layout."""
    return {
        "codeforces": Codeforces,
        "codeforces[statement_tests]": lambda: Codeforces(cf.STATEMENT_TESTS),
    }
