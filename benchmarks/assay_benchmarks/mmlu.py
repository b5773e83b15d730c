"""MMLU, MMLU-Redux and MMLU-Pro: knowledge and reasoning by multiple choice (Hendrycks 2020, Gema 2024, Wang 2024).

- `mmlu`: 14,042 questions of 57 subjects, with the prompt of OpenAI's simple-evals, as the reports say.
- `mmlu_redux`: MMLU questions whose labels were checked by hand, with the prompt of Zero-Eval, which asks for JSON.
  Rows that the annotators marked with another `error_type` than "ok" are left out. The hub's is the set of 3,000
  questions of 30 subjects that Zero-Eval took; the later 5,700 of 57 subjects are read from a file.
- `mmlu_pro`: 12,032 questions with up to ten options; the authors' own prompt without its five examples, because the
  reports put everything zero-shot to the model.

One sample a question: the sets are so large that the choice of questions leaves an error below half a point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assay import Benchmark, DataSource, hookimpl
from assay_benchmarks._choices import ChoiceBenchmark, Question, letter, options

if TYPE_CHECKING:
    from assay.data import Record

# https://github.com/openai/simple-evals/blob/main/mmlu_eval.py
MMLU_PROMPT = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering.\n\n"
)
# https://github.com/WildEval/ZeroEval/blob/8c1485edf12c6efb5f69135a562927c5ad484059/src/templates/MCQA.py
REDUX_PROMPT = """
## Question: 

{question}

## Choices:

{choices}

## Instruction 

Please answer this question by first reasoning and then selecting the correct choice. 
Present your reasoning and solution in the following json format. 
Please show your choice in the `answer` field with only the choice letter, e.g.,`"answer": "C"`.

```json
{
    "reasoning": "___",
    "answer": "___"
}
```
"""  # noqa: W291  the spaces at the ends of lines are Zero-Eval's
# https://github.com/TIGER-AI-Lab/MMLU-Pro/blob/main/evaluate_from_api.py, without examples
PRO_PROMPT = (
    "The following are multiple choice questions (with answers) about {subject}. Think step by step and then output "
    'the answer in the format of "The answer is (X)" at the end.\n\n'
)
_PRO_END = "Answer: Let's think step by step.\n\n"

MMLU = DataSource(
    name="mmlu",
    files=("mmlu.jsonl", "mmlu.csv"),
    licence="MIT",
    hub_repo="cais/mmlu",
    hub_revision="c30699e8356da336a370243923dbaf21066bb9fe",
    hub_config="all",
    hub_split="test",
)
_REDUX_SUBJECTS = """
anatomy astronomy business_ethics clinical_knowledge college_chemistry college_computer_science
college_mathematics college_medicine college_physics conceptual_physics econometrics electrical_engineering
formal_logic global_facts high_school_chemistry high_school_geography high_school_macroeconomics
high_school_mathematics high_school_physics high_school_statistics high_school_us_history human_aging
logical_fallacies machine_learning miscellaneous philosophy professional_accounting professional_law
public_relations virology
"""
"""The hub keeps each of the 30 subjects apart."""

MMLU_REDUX = DataSource(
    name="mmlu_redux",
    files=("mmlu_redux.jsonl",),
    licence="CC BY 4.0",
    hub_repo="edinburgh-dawg/mmlu-redux",
    hub_revision="594c74a76ce786b9a5280e3a71fa1cc833141eeb",
    hub_config=tuple(_REDUX_SUBJECTS.split()),
    hub_split="test",
)
MMLU_PRO = DataSource(
    name="mmlu_pro",
    files=("mmlu_pro.jsonl", "mmlu_pro_1400.jsonl"),
    licence="MIT",
    hub_repo="TIGER-Lab/MMLU-Pro",
    hub_revision="b189ec765aa7ed75c8acfea42df31fdae71f97be",
    hub_split="test",
)


def _mmlu(number: int, record: Record) -> Question:
    """A row of the hub's set, or of the CSV of simple-evals (columns Question, A to D, Answer, Subject)."""
    if "Question" in record.values:
        choices = tuple(record.text(column) for column in "ABCD")
        fields = ("Question", "Answer", "Subject")
    else:
        choices, fields = options(record, "choices"), ("question", "answer", "subject")
    return Question(
        id=f"mmlu-{number}",
        text=record.text(fields[0]),
        choices=choices,
        answer=letter(record, fields[1], 4),
        subject=record.text(fields[2]),
    )


def _mmlu_redux(number: int, record: Record) -> Question | None:
    if record.values.get("error_type", "ok") != "ok":
        return None
    question = record.pick("subject", "config")
    return Question(
        id=f"mmlu-redux-{number}",
        text=record.text("question"),
        choices=(choices := options(record, "choices")),
        answer=letter(record, "answer", len(choices)),
        subject=str(question.get("subject", question.get("config", ""))),
    )


def _mmlu_pro(_number: int, record: Record) -> Question:
    """A row of the hub's set, or of a file with `id`, `problem`, `options` by letter, `answer`, `subject`."""
    ours = "problem" in record.values
    choices = options(record, "options")
    identity = record.text("id") if ours else f"mmlupro-{record.values.get('question_id')}"
    return Question(
        id=identity,
        text=record.text("problem" if ours else "question"),
        choices=choices,
        answer=letter(record, "answer", len(choices)),
        subject=record.text("subject" if ours else "category"),
    )


def _mmlu_prompt(question: Question) -> str:
    return MMLU_PROMPT + question.text + "\n\n" + question.lines("{letter}) {choice}")


def _redux_prompt(question: Question) -> str:
    choices = question.lines("- ({letter}) {choice}") + "\n"
    before, _, rest = REDUX_PROMPT.partition("{question}")
    middle, _, after = rest.partition("{choices}")
    return before + question.text + middle + choices + after


def _pro_prompt(question: Question) -> str:
    head = PRO_PROMPT.replace("{subject}", question.subject)
    return f"{head}Question: {question.text}\nOptions: {question.lines('{letter}. {choice}')}\n{_PRO_END}"


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The three sets."""
    return {
        "mmlu": lambda: ChoiceBenchmark("mmlu", MMLU, read=_mmlu, prompt=_mmlu_prompt),
        "mmlu_redux": lambda: ChoiceBenchmark("mmlu_redux", MMLU_REDUX, read=_mmlu_redux, prompt=_redux_prompt),
        "mmlu_pro": lambda: ChoiceBenchmark("mmlu_pro", MMLU_PRO, read=_mmlu_pro, prompt=_pro_prompt),
    }
