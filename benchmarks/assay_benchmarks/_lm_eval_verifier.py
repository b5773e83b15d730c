"""The verifier `lm_eval`: a task's own filters and its own metrics on one sample, in a worker with a deadline.

The task is built in the worker from its file and the sample's row; no data is loaded there. A response without an
answer (unclosed reasoning) is `no_answer` or `truncated`, and is measured as the empty text for the task's averages.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import BaseVerifier, Completion, Outcome, Problem, UsageError, Verdict, missing_answer, split_completion
from assay_benchmarks import _lm_eval_find as find
from assay_benchmarks import _lm_eval_tasks as tasks

_OF_SEVERAL = {"take_first_k", "majority_vote"}
"""Filters that choose among the samples of a problem."""
_SECONDS = 60.0
_INVALID = "[invalid]"
"""What lm-eval's regex filter gives where it finds nothing."""


class LmEvalVerifier(BaseVerifier):
    """One sample of a task, scored as lm-eval does.

    Args:
        task: The task or group that was asked for.
        include_path: Folders with the user's task files.
        metric: Whose value is the score; None: the task's first. It must lie in [0, 1].
        filter: Whose result is measured; None: the task's first that works on one sample.
    """

    name = "lm_eval"

    def __init__(
        self,
        *,
        task: str = "",
        include_path: Sequence[str] = (),
        metric: str | None = None,
        filter: str | None = None,  # noqa: A002  lm-eval's word
    ) -> None:
        find.require()
        # Now, so that it counts against no deadline. It starts threads, so workers cannot be forked after it.
        importlib.import_module("lm_eval.tasks")
        self.version = f"1+lm_eval.{importlib.metadata.version('lm_eval')}"
        self._asked = (task, tuple(include_path), metric, filter)
        self._configs: dict[str, dict[str, Any]] = {}
        self._tasks: dict[str, Any] = {}

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """Filter and measure."""
        reference = problem.reference
        answer = split_completion(completion).answer
        task = self._task(reference)
        scored = task.OUTPUT_TYPE != "generate_until"
        if scored:
            responses: list[Any] = [tuple(pair) for pair in _pairs(completion.text)]
        else:
            responses = [_until(answer or "", reference["until"])]
        _seed()
        results = _measure(task, reference["doc"], responses)
        metrics = {f"{metric},{name}": value for name, (_, found) in results.items() for metric, value in found.items()}
        details: dict[str, Any] = {"metrics": tasks.plain(metrics)}
        if not scored and answer is None:
            missing = missing_answer(completion, "the response ends inside its reasoning")
            return Verdict(outcome=missing.outcome, reason=missing.reason, details=details)
        name, metric, score = self._score(task, results)
        details["score"] = f"{metric},{name}"
        return Verdict(
            outcome=Outcome.GRADED,
            score=score,
            extracted=None if scored else _extracted(results[name][0]),
            reason=f"{metric} of the filter {name} is {score:g}",
            details=details,
        )

    def time_needed(self, problem: Problem) -> float:  # noqa: ARG002
        """The first check of a worker reads the task's files, and some metrics load tables."""
        return _SECONDS

    def check_reference(self, reference: Any) -> str | None:
        """A reference is a row and the name of its task."""
        if isinstance(reference, Mapping) and isinstance(reference.get("doc"), Mapping) and "task" in reference:
            return None
        return "it must hold the task's name and the row"

    def _task(self, reference: Mapping[str, Any]) -> Any:
        name = reference["task"]
        if name not in self._tasks:
            if not self._configs:
                asked, folders, _, _ = self._asked
                include = tuple(Path(folder) for folder in folders)
                self._configs = tasks.configs(find.manager(asked or name, include), asked or name)
            if name not in self._configs:
                raise UsageError(f"the task {name} was not found again below {self._asked[0]}")
            self._tasks[name] = tasks.scorer(self._configs[name], reference["doc"])
        task = self._tasks[name]
        task.multiple_target, task.multiple_input = reference["multiple_target"], reference["multiple_input"]
        return task

    def _score(self, task: Any, results: Mapping[str, tuple[Any, Mapping[str, Any]]]) -> tuple[str, str, float]:
        """Filter, metric and value of what counts."""
        _, _, wanted_metric, wanted_filter = self._asked
        name = wanted_filter or next(iter(results))
        if name not in results:
            raise UsageError(
                f"{task.task_name} has no filter {name!r} that works on one sample; it has {', '.join(results)}"
            )
        found = results[name][1]
        order = [wanted_metric] if wanted_metric else [*task.aggregation(), *found]
        for metric in order:
            value: Any = tasks.plain(found.get(metric))
            if isinstance(value, int | float) and 0 <= value <= 1:
                return name, str(metric), float(value)
        raise UsageError(
            f"{task.task_name} has no metric {wanted_metric or 'of one sample'} in [0, 1]: it gives {', '.join(found)}"
        )


def _measure(task: Any, doc: Any, responses: Sequence[Any]) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """For each filter that works on one sample: what it leaves, and the metrics of that."""
    from lm_eval.api.instance import Instance

    kind = "generate_until" if task.OUTPUT_TYPE == "generate_until" else "loglikelihood"
    instances = [
        Instance(request_type=kind, doc=doc, arguments=("", ""), idx=number, metadata=(task.task_name, 0, 1))
        for number in range(len(responses))
    ]
    for instance, response in zip(instances, responses, strict=True):
        instance.resps = [response]
    listed = {entry["name"]: entry["filter"] for entry in task.config.filter_list or []}
    results = {}
    for ensemble in task._filters:
        steps = {step["function"] for step in listed.get(ensemble.name, []) if isinstance(step["function"], str)}
        if steps & _OF_SEVERAL:
            continue
        ensemble.apply(instances)
        left = [instance.filtered_resps[ensemble.name] for instance in instances]
        results[ensemble.name] = (left[0], task.process_results(doc, left))
    if not results:
        raise UsageError(
            f"all filters of {task.task_name} choose among several samples: there is none for a single one"
        )
    return results


def _seed() -> None:
    """The same verdict every time: some metrics draw (bootstraps, IFEval's language detection samples its profiles)."""
    random.seed(0)
    if "langdetect" in sys.modules:
        sys.modules["langdetect"].DetectorFactory.seed = 0


def _until(answer: str, until: Sequence[str]) -> str:
    """The answer up to the first stop string, wherever the generation went on."""
    places = [place for text in until if (place := answer.find(text)) >= 0]
    return answer[: min(places)] if places else answer


def _pairs(text: str) -> list[list[Any]]:
    try:
        pairs = json.loads(text)
        good = isinstance(pairs, list) and all(isinstance(p, list) and len(p) == 2 for p in pairs) and bool(pairs)
    except (ValueError, RecursionError):
        good = False
    if not good:
        raise UsageError("the completion is no list of log-likelihoods: the backend generated where it was to score")
    return pairs  # type: ignore[no-any-return]


def _extracted(left: Any) -> str | None:
    text = left[0] if isinstance(left, list) and len(left) == 1 else left
    text = text if isinstance(text, str) else json.dumps(tasks.plain(text))
    return None if text == _INVALID else text
