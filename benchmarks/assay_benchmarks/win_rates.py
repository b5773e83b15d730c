"""AlpacaEval 2 and ArenaHard: open questions, answered better than a baseline did? (Dubois and Li et al. 2024).

- `alpaca_eval`: 805 instructions against GPT-4 Turbo (1106); the figure is the length-controlled win rate.
- `arena_hard`: 500 prompts of version 0.1 against GPT-4-0314; the figure is the win rate.

As in the reports, the judge sees the final summary of a response and never its reasoning. Both orders are asked. What
differs from the authors' own code: the judge's words and its three verdicts (theirs have probabilities and five), and
the length control of `assay.metrics.length_controlled_win_rate`. Compare models judged here with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import Benchmark, DataError, DataSource, Message, Problem, hookimpl
from assay_benchmarks._judged import JudgedBenchmark

if TYPE_CHECKING:
    from assay.data import Record

ALPACA_EVAL = DataSource(
    name="alpaca_eval",
    files=("alpaca_eval_gpt4_baseline.json", "alpaca_eval.jsonl"),
    licence="CC BY-NC 4.0",
    hub_repo="tatsu-lab/alpaca_eval",
    hub_revision="2edc6fad8be6b14ea7230aabfd08188da6b8b814",
    hub_file="alpaca_eval_gpt4_baseline.json",
)


def _arena(name: str, files: tuple[str, ...], hub_file: str) -> DataSource:
    return DataSource(
        name=name,
        files=files,
        licence="Apache-2.0 (prompts of Chatbot Arena's users)",
        hub_repo="lmarena-ai/arena-hard-auto",
        hub_revision="15f3746e21432264ce9b453999bde4f3c946d2e6",
        hub_file=f"data/arena-hard-v0.1/{hub_file}",
        benchmark="arena_hard",
    )


ARENA_HARD = _arena("arena_hard", ("arena_hard.jsonl",), "question.jsonl")
ARENA_BASELINE = _arena(
    "arena_hard_baseline", ("arena_hard_baseline.jsonl", "gpt-4-0314.jsonl"), "model_answer/gpt-4-0314.jsonl"
)


def _alpaca_eval(number: int, record: Record) -> Problem:
    """A row of the authors' outputs of the baseline: `instruction`, `output`, `generator`, `dataset`."""
    return Problem(
        id=f"alpaca-eval-{number}",
        prompt=(Message(role="user", content=record.text("instruction")),),
        reference=record.text("output"),
        verifier="llm_judge",
        metadata=record.pick("dataset", "generator"),
    )


class ArenaHard(JudgedBenchmark):
    """Questions, and the baseline's answers to them: in one file as `baseline`, or in a second one, as on the hub."""

    sources = (ARENA_HARD, ARENA_BASELINE)

    def __init__(self) -> None:
        super().__init__("arena_hard", ARENA_HARD, mode="pairwise", read=_arena_hard)

    def records(self) -> Sequence[Record]:
        """The questions, each with the baseline's answer."""
        asked = super().records()
        if all("baseline" in record.values for record in asked):
            return asked
        found = assay.find_data(ARENA_BASELINE)
        self.provenance = {"files": [self.provenance, found.provenance]}
        answers = dict(map(_arena_answer, found.records()))
        return [replace(record, values={**answers.get(_arena_id(record), {}), **record.values}) for record in asked]


def _arena_answer(record: Record) -> tuple[str, dict[str, str]]:
    """Id and answer of a row of the authors': `uid` and `messages`, or the older `question_id` and `choices`."""
    values = record.values
    try:
        if "messages" in values:
            content = values["messages"][-1]["content"]
            text = content["answer"] if isinstance(content, Mapping) else content
        else:
            text = values["choices"][0]["turns"][0]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{record.where}: no answer in 'messages' or 'choices'")
    return _arena_id(record), {"baseline": text}


def _arena_id(record: Record) -> str:
    return record.text("uid" if "uid" in record.values else "question_id")


def _arena_hard(_number: int, record: Record) -> Problem:
    """A question (`uid`, `prompt` or the older `question_id`, `turns`) with the baseline's answer as `baseline`."""
    turns = record.values.get("turns")
    if turns is None:
        content = record.text("prompt")
    elif isinstance(turns, list) and len(turns) == 1 and isinstance(turns[0], dict):
        content = str(turns[0].get("content", ""))
    else:
        raise DataError(f"{record.where}: the field 'turns' must hold one turn with its content")
    if not content.strip():
        raise DataError(f"{record.where}: the question is empty")
    return Problem(
        id=_arena_id(record),
        prompt=(Message(role="user", content=content),),
        reference=record.text("baseline"),
        verifier="llm_judge",
        metadata=record.pick("category", "cluster"),
    )


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """Both sets."""
    return {
        "alpaca_eval": lambda: JudgedBenchmark("alpaca_eval", ALPACA_EVAL, mode="pairwise", read=_alpaca_eval),
        "arena_hard": ArenaHard,
    }
