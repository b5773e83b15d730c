"""SimpleQA, Chinese SimpleQA and FRAMES: facts that a judge compares with the answer (Wei, He and Krishna et al. 2024).

- `simpleqa`: 4,326 short questions, put to the model as they are, as in OpenAI's simple-evals. Correct, incorrect or
  not attempted; the reports print the share of correct answers.
- `chinese_simpleqa`: 3,000 Chinese ones, graded in the same way.
- `frames`: 824 questions that take several Wikipedia articles. The reports do not say whether the articles were given
  to the model; here it gets the question alone, the authors' "naive prompt" (closed book).

Our judge's words are our own (docs/llm_judge.md), with the rules of SimpleQA's grader, fenced against talking round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assay import Benchmark, DataError, DataSource, Message, Problem, hookimpl
from assay_benchmarks._judged import JudgedBenchmark

if TYPE_CHECKING:
    from assay.data import Record

SIMPLEQA = DataSource(
    name="simpleqa",
    files=("simpleqa.jsonl", "simple_qa_test_set.csv", "simpleqa_1000.jsonl"),
    licence="MIT (OpenAI)",
    hub_repo="basicv8vc/SimpleQA",
    hub_revision="e319282ab125c3dbd0c7fd00be2e4dd54e7e8f94",
    hub_split="test",
)
CHINESE_SIMPLEQA = DataSource(
    name="chinese_simpleqa",
    files=("chinese_simpleqa.jsonl",),
    licence="CC BY-NC-SA 4.0 (OpenStellarTeam)",
    hub_repo="OpenStellarTeam/Chinese-SimpleQA",
    hub_revision="336305fc5f1da8184e3f70aff4473408418383a0",
    hub_file="chinese_simpleqa.jsonl",
)
FRAMES = DataSource(
    name="frames",
    files=("frames.jsonl", "frames.csv"),
    licence="Apache-2.0 (Google)",
    hub_repo="google/frames-benchmark",
    hub_revision="58d9fb6330f3ab1316d1eca12e5e8ef23dcc22ef",
    hub_split="test",
)


def _reader(prefix: str, question: tuple[str, ...], answer: tuple[str, ...]) -> Callable[[int, Record], Problem]:
    """Reads rows whose fields have one of these names; the id is the row's own, else its position."""

    def read(number: int, record: Record) -> Problem:
        identity = record.values.get("id")
        return Problem(
            id=identity if isinstance(identity, str) and identity else f"{prefix}-{number}",
            prompt=(Message(role="user", content=_field(record, question)),),
            reference=_field(record, answer),
            verifier="llm_judge",
        )

    return read


def _field(record: Record, names: tuple[str, ...]) -> str:
    """The first of the fields that the row has, as text: some answers are years."""
    for name in names:
        value = record.values.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    raise DataError(f"{record.where}: none of the fields {', '.join(names)} holds a text")


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The three sets."""
    short = _reader("simpleqa", ("problem", "question"), ("answer",))
    chinese = _reader("chinese-simpleqa", ("question", "problem"), ("answer",))
    frames = _reader("frames", ("Prompt", "prompt", "problem"), ("Answer", "answer"))
    return {
        "simpleqa": lambda: JudgedBenchmark("simpleqa", SIMPLEQA, mode="simpleqa", read=short),
        "chinese_simpleqa": lambda: JudgedBenchmark(
            "chinese_simpleqa", CHINESE_SIMPLEQA, mode="simpleqa", read=chinese
        ),
        "frames": lambda: JudgedBenchmark("frames", FRAMES, mode="correctness", read=frames),
    }
