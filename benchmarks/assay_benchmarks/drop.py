"""DROP: reading passages and counting, sorting and comparing what they say (Dua et al. 2019). 3-shot F1.

The prompt is that of OpenAI's simple-evals: three worked examples of the training split, then the passage. Which
examples a question gets follows from its id, so that it is the same on every machine (simple-evals draws them from one
generator in several threads). The answer is what follows "Answer:", at the last such place of the final answer.

Score: DROP's F1 (`_drop_f1`) with the best accepted answer; exact match is computed beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import assay  # find_data is looked up when it is needed: it loads what listing plugins does not need
from assay import (
    BaseBenchmark,
    Benchmark,
    CheckedSample,
    DataError,
    DataSource,
    EvalProtocol,
    Message,
    Problem,
    Verifier,
    hookimpl,
)
from assay_benchmarks._drop_f1 import DropF1

if TYPE_CHECKING:
    from assay.data import Record

SHOTS = 3
# https://github.com/openai/simple-evals/blob/main/drop_eval.py
_HEAD = (
    "You will be asked to read a passage and answer a question. Some examples of passages and Q&A are provided below."
    "\n\n# Examples"
)
_TAIL = '\n\nThink step by step, then write a line of the form "Answer: $ANSWER" at the end of your response.'


def _source(split: str, local: str) -> DataSource:
    return DataSource(
        name=f"drop_{local}",
        files=(f"drop_v0_{local}.jsonl",),
        licence="CC BY-SA 4.0",
        hub_repo="EleutherAI/drop",
        hub_revision="619386fc7ffe6dace3cc6d3483c69b164ebf6bf3",
        hub_split=split,
        benchmark="drop",
    )


DEV, TRAIN = _source("validation", "dev"), _source("train", "train")


class Drop(BaseBenchmark):
    """9,536 questions of the development split."""

    name = "drop"
    protocol = EvalProtocol(samples=1, instruction="")
    sources = (DEV, TRAIN)

    def __init__(self) -> None:
        self._problems: tuple[Problem, ...] | None = None

    def problems(self) -> Sequence[Problem]:
        """All questions in the data's order, each with its examples."""
        if self._problems is None:
            asked, shown = assay.find_data(DEV), assay.find_data(TRAIN)
            self.provenance = {"files": [asked.provenance, shown.provenance]}
            examples = [_row(record) for record in shown.records()]
            if len(examples) < SHOTS:
                raise DataError(f"{shown.where} holds {len(examples)} rows: {SHOTS} examples are needed")
            rows = (_row(record) for record in asked.records())
            self._problems = tuple(_problem(f"drop-{number}", row, examples) for number, row in enumerate(rows))
        return self._problems

    def gold_response(self, problem: Problem) -> str:
        """The first accepted answer."""
        return f"Answer: {problem.reference['answers'][0]}"

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """Exact match beside the score, which is F1."""
        exact = [float(sample.verdict.details.get("exact_match", 0.0)) for sample in samples]
        return {"exact match": sum(exact) / len(exact)} if exact else {}


def _problem(
    problem_id: str, row: tuple[str, str, list[str]], examples: Sequence[tuple[str, str, list[str]]]
) -> Problem:
    context, _, answers = row
    shown = "".join(f"\n---\n{text} {completion}\n" for text, completion, _ in _drawn(problem_id, examples))
    return Problem(
        id=problem_id,
        prompt=(Message(role="user", content=f"{_HEAD}{shown}\n# Your Task\n\n---\n{context} {_TAIL}"),),
        reference={"answers": answers},
        verifier="drop_f1",
    )


def _drawn(problem_id: str, examples: Sequence[Any]) -> list[Any]:
    """The examples of a question: `SHOTS` different ones, drawn from SHA-256 of its id."""
    places: list[int] = []
    for turn in range(64 * SHOTS):
        digest = hashlib.sha256(f"assay/drop\0{problem_id}\0{turn}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") % len(examples)
        if place not in places:
            places.append(place)
        if len(places) == SHOTS:
            break
    return [examples[place] for place in places]


def _row(record: Record) -> tuple[str, str, list[str]]:
    """Context, completion and accepted answers of a row of simple-evals' files, or of the hub's set."""
    if "context" in record.values:
        accepted = [text.strip() for text in record.text("ref_text").split("|") if text.strip()]
        return record.text("context"), record.text("completion").strip(), accepted
    context = f"Passage: {record.text('passage')}\nQuestion: {record.text('question')}\nAnswer:"
    accepted = list(dict.fromkeys(text for text in map(_spoken, _candidates(record)) if text))
    if not accepted:
        raise DataError(f"{record.where}: no accepted answer can be read")
    return context, accepted[0], accepted


def _candidates(record: Record) -> list[Mapping[str, Any]]:
    """The answer and the validated ones, which the hub's set keeps as columns."""
    answer, more = record.values.get("answer"), record.values.get("validated_answers")
    if not isinstance(answer, Mapping) or not isinstance(more, Mapping):
        raise DataError(f"{record.where}: the fields 'answer' and 'validated_answers' must hold objects")
    columns = [more.get(name) or [] for name in ("number", "date", "spans")]
    rest = [dict(zip(("number", "date", "spans"), row, strict=True)) for row in zip(*columns, strict=False)]
    return [answer, *rest]


def _spoken(answer: Mapping[str, Any]) -> str:
    """An answer as one text: its number, its spans, or its date."""
    if answer.get("number"):
        return str(answer["number"])
    if answer.get("spans"):
        return ", ".join(str(span) for span in answer["spans"])
    date = answer.get("date") or {}
    return " ".join(str(date.get(part) or "") for part in ("day", "month", "year")).strip()


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The one set."""
    return {"drop": Drop}


@hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """Its measure."""
    return {"drop_f1": DropF1}
