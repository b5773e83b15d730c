"""AlpacaEval 2 and ArenaHard: open questions, answered better than a baseline did? (Dubois and Li et al. 2024).

- `alpaca_eval`: 805 instructions against GPT-4 Turbo (1106); the figure is the length-controlled win rate.
- `arena_hard`: 500 prompts of version 0.1 against GPT-4-0314; the figure is the win rate.

As in the reports, the judge sees the final summary of a response and never its reasoning. Both orders are asked. What
differs from the authors' own code: the judge's words and its three verdicts (theirs have probabilities and five), and
the length control of `assay.metrics.length_controlled_win_rate`. Compare models judged here with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assay import Benchmark, DataError, DataSource, Message, Problem, hookimpl
from assay_benchmarks._judged import JudgedBenchmark

if TYPE_CHECKING:
    from assay.data import Record

ALPACA_EVAL = DataSource(
    name="alpaca_eval",
    files=("alpaca_eval_gpt4_baseline.json", "alpaca_eval.jsonl"),
    licence="CC BY-NC 4.0",
    hub_note="take alpaca_eval_gpt4_baseline.json of tatsu-lab/alpaca_eval at 2edc6fad8be6b14ea7230aabfd08188da6b8b814",
)
ARENA_HARD = DataSource(
    name="arena_hard",
    files=("arena_hard.jsonl",),
    licence="Apache-2.0 (prompts of Chatbot Arena's users)",
    hub_note="questions and baseline answers are two files of lmarena-ai/arena-hard-auto: join them by uid",
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
        id=record.text("uid" if "uid" in record.values else "question_id"),
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
        "arena_hard": lambda: JudgedBenchmark("arena_hard", ARENA_HARD, mode="pairwise", read=_arena_hard),
    }
