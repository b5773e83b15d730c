"""HumanEval-Mul: HumanEval in Python, Java, C++, C#, JavaScript, TypeScript, PHP and Bash.

    humaneval_mul                all eight languages that have a file here
    humaneval_mul[java,cpp]      some of them

The reports name the set and its languages and nothing more. Eight files with these languages, translated by MultiPL-E
(Cassano et al. 2022), and the prompt of chat models stand in DeepSeek-Coder's repository, which is taken for it here.
Python problems are judged as `humaneval` is. For the others the program that the response hands in gets the tests
behind it (`_multipl_e`) and runs in the sandbox, which must have the language (`assay sandbox build --help`).

Left out (`excluded`): Java problems whose tests need the library javatuples, which no sandbox has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import Benchmark, CheckedSample, DataError, DataSource, Problem, UsageError, Verifier, did_you_mean, hookimpl
from assay_benchmarks import _code_rows as rows
from assay_benchmarks._choices import mean_over
from assay_benchmarks._code_benchmark import ASSERTION_SECONDS, CodeBenchmark, with_remedy

if TYPE_CHECKING:
    from assay.data import Record

# https://github.com/deepseek-ai/DeepSeek-Coder/blob/2f9fd85927c669dae3c0fbb2d607274023af243e/Evaluation/HumanEval/eval_instruct.py
TEMPLATE = (
    "Please help me to complete the function. Use the given packages only and DO NOT refer any new package. Please "
    "return all completed function in a codeblock. \nHere is the given code to do completion:\n```{tag}\n{head}\n```"
)
LANGUAGES = {
    "python": "python",
    "java": "java",
    "cpp": "cpp",
    "cs": "csharp",
    "js": "javascript",
    "ts": "typescript",
    "php": "php",
    "sh": "bash",
}
"""The files' names of the languages, and the sandbox's."""
_TUPLES = re.compile(r"\b(?:Unit|Pair|Triplet|Quartet|Quintet)\b\s*[<.]")
_CHECKED = re.compile(r"check\((\w+)\)\s*\Z")


def _source(language: str) -> DataSource:
    return DataSource(
        name=f"humaneval_mul_{language}",
        files=(f"humaneval-{language}.jsonl",),
        licence="MIT (HumanEval, MultiPL-E)",
        hub_note="the files are data/humaneval-*.jsonl of deepseek-ai/DeepSeek-Coder on GitHub",
        benchmark="humaneval_mul",
    )


SOURCES = {language: _source(language) for language in LANGUAGES}


class HumanEvalMul(CodeBenchmark):
    """Some or all languages."""

    def __init__(self, arguments: str = "") -> None:
        """Read what stands in the brackets. Raises `UsageError` for a language that is none of the eight."""
        asked = [part.strip() for part in arguments.split(",") if part.strip()]
        for language in asked:
            if language not in LANGUAGES:
                raise UsageError(f"humaneval_mul has no {language!r}. {did_you_mean(language, list(LANGUAGES))}")
        self.languages = tuple(language for language in LANGUAGES if language in asked) or tuple(LANGUAGES)
        name = "humaneval_mul" if not asked else f"humaneval_mul[{','.join(self.languages)}]"
        super().__init__(name, SOURCES[self.languages[0]], samples=4)
        self.sources = tuple(SOURCES[language] for language in self.languages)
        self.no_gold = "only Python's rows have reference solutions"

    def load(self) -> list[Problem]:
        """Read the file of each language."""
        problems: list[Problem] = []
        places: list[Any] = []
        for language in self.languages:
            data = assay.find_data(SOURCES[language])
            places.append(data.provenance)
            for record in with_remedy(data.records):
                made = _python(record) if language == "python" else self._translated(language, record)
                if made is not None:
                    problems.append(made)
                if language == "python":
                    solution = rows.optional_text(record, "canonical_solution")
                    self.keep_gold(f"python/{rows.text(record, 'task_id')}", rows.text(record, "prompt") + solution)
        self.provenance = {"files": places}
        return problems

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """The score of each language, and their mean: the figure of the reports."""
        languages = {problem.id: problem.metadata["language"] for problem in self.problems()}
        kept = list(samples)
        figures: dict[str, float | None] = {}
        for language in self.languages:
            scores = [s.verdict.score or 0.0 for s in kept if languages[s.problem_id] == language]
            if scores:
                figures[language] = sum(scores) / len(scores)
        mean = mean_over(languages, kept)
        return figures | ({f"mean over {len(figures)} languages": next(iter(mean.values()))} if mean else {})

    def _translated(self, language: str, record: Record) -> Problem | None:
        problem_id = f"{language}/{rows.text(record, 'name', 'task_id')}"
        head, tests = rows.text(record, "prompt"), rows.text(record, "tests", "test")
        if language == "java" and _TUPLES.search(head.partition("class Problem")[2] + tests):
            self.leave_out(problem_id, "its tests need the library javatuples")
            return None
        reference = {"language": LANGUAGES[language], "tests": tests, "head": head, "time_limit": ASSERTION_SECONDS}
        return _problem(problem_id, language, head, reference, "multipl_e")


def _python(record: Record) -> Problem:
    head, tests = rows.text(record, "prompt"), rows.text(record, "test")
    called = _CHECKED.search(tests)
    if called is None:
        raise DataError(f"{record.where}: the field 'test' does not end by calling check(FUNCTION)")
    reference = {
        "kind": "assertions",
        "entry_point": called[1],
        "setup": head,
        "tests": tests,
        "prelude": head,
        "time_limit": ASSERTION_SECONDS,
    }
    return _problem(f"python/{rows.text(record, 'task_id')}", "python", head, reference, "code_tests")


def _problem(problem_id: str, language: str, head: str, reference: dict[str, Any], verifier: str) -> Problem:
    question = TEMPLATE.replace("{tag}", LANGUAGES[language]).replace("{head}", head.strip())
    return Problem(
        id=problem_id,
        prompt=(assay.Message(role="user", content=question),),
        reference=reference,
        verifier=verifier,
        metadata={"language": language},
    )


def _verifier(**options: Any) -> Verifier:
    from assay_benchmarks._multipl_e import MultiplE

    return MultiplE(**options)


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The set."""
    return {"humaneval_mul": HumanEvalMul}


@hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """The verifier of its translated problems."""
    return {"multipl_e": _verifier}
