"""The functions that our task files name: what lm-eval calls when it runs a benchmark of ours.

lm-eval scores a row at a time and averages numbers, and keeps the first of n repeats unless a filter says otherwise.
Here the filter keeps them all; the "metric" of a row is the list of its verdicts, and the averaging function makes the
figure from the verdicts of all rows, with the same code as `assay run`. So pass@1 and cons@k are those of Assay,
failures of our own verifiers are left out, and a benchmark whose samples see different prompts (GPQA's shuffled
choices) has one row for each sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from lm_eval.api.filter import Filter

from assay.contracts import Benchmark, Verifier
from assay.errors import VerifierError
from assay.metrics import answer_classes
from assay.metrics.summary import SampleRow, summarise
from assay.plan import options_for
from assay.plugins import get_benchmark, get_verifier
from assay.prompts import get_template, render_prompt
from assay.types import Completion, Outcome, Problem
from assay.verification import default_pool

_loaded: dict[str, Benchmark] = {}
_problems: dict[tuple[str, str, int], Problem] = {}
_verifiers: dict[tuple[str, str], Verifier] = {}


class KeepAll(Filter):  # type: ignore[misc]  # lm-eval ships no types
    """All samples of a row, where lm-eval's default keeps the first."""

    def apply(self, resps: Iterable[Any], docs: Any) -> list[Any]:  # noqa: ARG002
        """The samples as they are."""
        return list(resps)


def load(
    benchmark: str = "",
    samples: int = 1,
    expanded: bool = False,
    verifier_options: Mapping[str, Mapping[str, Any]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """The rows of a benchmark, as lm-eval's `custom_dataset`.

    Args:
        benchmark: Its name.
        samples: Samples of each problem.
        expanded: One row for each sample, because samples see different prompts.
        verifier_options: Options of verifiers, from lm-eval's --metadata (the URL of a judge, say).
    """
    import datasets

    found = _loaded[benchmark] = get_benchmark(benchmark)
    template = get_template(found.protocol.template)
    rows = []
    for problem in found.problems():
        for index in range(samples if expanded else 1):
            shown = found.variant(problem, index)
            prompt = render_prompt(template, shown, found.protocol.instruction)
            text = prompt if isinstance(prompt, str) else "\n\n".join(message.content for message in prompt)
            _problems[benchmark, problem.id, index] = shown
            rows.append({"benchmark": benchmark, "id": problem.id, "index": index, "samples": samples, "prompt": text})
    names = sorted({problem.verifier for problem in found.problems()})
    options = options_for(found, names, verifier_options or {})
    _verifiers.update({(benchmark, name): get_verifier(name, **options.get(name, {})) for name in names})
    return {"test": datasets.Dataset.from_list(rows)}


def process_results(doc: Mapping[str, Any], results: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The verdicts of a row's samples, under the name of each metric."""
    benchmark = doc["benchmark"]
    problem = _problems[benchmark, doc["id"], doc["index"]]
    verifier = _verifiers[benchmark, problem.verifier]
    pool = default_pool()
    verdicts = [pool.submit(verifier, problem, Completion(text=text)) for text in results[0]]
    rows = [
        {
            "index": doc["index"] + number,
            "outcome": verdict.outcome.value,
            "score": verdict.score,
            "extracted": verdict.extracted,
            "reason": verdict.reason,
        }
        for number, verdict in enumerate(future.result() for future in verdicts)
    ]
    same: dict[str, Any] = {"benchmark": benchmark, "id": doc["id"], "verifier": problem.verifier, "rows": rows}
    metrics = {metric: metric.replace("@n", f"@{doc['samples']}") for metric in _loaded[benchmark].metrics}
    return {label: {"metric": metric, **same} for metric, label in metrics.items()}


def aggregate(items: Sequence[Mapping[str, Any]]) -> float:
    """One metric over all rows; nan where nothing could be checked."""
    metric = items[0]["metric"]
    rows: list[SampleRow] = []
    for _, group in groupby(sorted(items, key=lambda item: item["id"]), key=lambda item: item["id"]):
        rows += _samples(list(group), votes=metric.startswith("cons@"))
    value = summarise(rows, [metric])["metrics"][metric]["value"]
    return float("nan") if value is None else float(value)


def _samples(items: Sequence[Mapping[str, Any]], *, votes: bool) -> list[SampleRow]:
    """The samples of one problem, with the class of answers that each votes for."""
    verdicts = [row for item in items for row in item["rows"]]
    verifier = _verifiers[items[0]["benchmark"], items[0]["verifier"]]
    classes: list[int | None] = [None] * len(verdicts)

    def same(a: str, b: str) -> bool:
        try:
            return default_pool().same_answer(verifier, a, b)
        except VerifierError:  # undecided answers are kept apart: a vote must not be lent to another answer
            return False

    if votes:
        answers = [row["extracted"] if row["outcome"] == Outcome.GRADED else None for row in verdicts]
        classes = answer_classes(answers, same, getattr(verifier, "answer_key", None))
    return [
        SampleRow(
            problem_id=items[0]["id"],
            sample_index=row["index"],
            outcome=Outcome(row["outcome"]),
            score=row["score"],
            answer_class=vote,
            num_tokens=None,
            truncated=False,
            repetitive=False,
        )
        for row, vote in zip(verdicts, classes, strict=True)
    ]
