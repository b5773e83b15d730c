"""Runs as logs of Inspect (UK AI Security Institute), written with its own library so that its own viewer reads them.

A problem is a sample, a sample index an epoch. The score is the verifier's; an outcome without one has the value
"N" (no answer, refused), "I" (cut off without an answer), or, where our side failed, an error and no score: Inspect
then counts the sample as failed, not as wrong. Prompts come from the benchmark where its data is at hand and of the
run's revision; elsewhere the input names the problem. Token log-probs are in no store, and so in no log.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import AssayError, StoreError
from assay.exports import counted_records, require
from assay.plan import revision_of
from assay.plugins import get_benchmark
from assay.results import RunResult
from assay.runs.records import Record
from assay.types import FinishReason, Outcome, Problem

_VALUES = {Outcome.NO_ANSWER: "N", Outcome.REFUSED: "N", Outcome.TRUNCATED: "I"}


def write_inspect(result: RunResult, folder: Path) -> Path:
    """Write a run as one `.eval` file and return it. Raises `StoreError` where the disk does not take it."""
    require("inspect_ai", "export")
    from inspect_ai.log import EvalLog, write_eval_log

    problems = _problems(result)
    samples = [_sample(record, problems.get(record.problem_id)) for record in counted_records(result)]
    log = EvalLog(
        status="success" if result.summary["complete"] else "cancelled",
        eval=_spec(result, len(samples)),
        results=_results(result),
        samples=samples,
    )
    path = folder / f"{_slug(result.manifest['model'])}_{result.path.name}.eval"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, str(path), format="eval")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def _spec(result: RunResult, samples: int) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec
    from inspect_ai.model import GenerateConfig

    manifest = result.manifest
    session = manifest["sessions"][-1]
    sampling = manifest["sampling"]
    ids = sorted(session["problem_ids"] or ())
    return EvalSpec(
        eval_id=result.path.name,
        run_id=result.path.name,
        created=_time(session["started"]),
        task=manifest["benchmark"],
        task_id=manifest["benchmark"],
        dataset=EvalDataset(name=manifest["benchmark"], samples=samples, sample_ids=ids or None),
        model=manifest["model"],
        model_generate_config=GenerateConfig(
            temperature=sampling["temperature"], top_p=sampling["top_p"], max_tokens=sampling["max_tokens"]
        ),
        config=EvalConfig(epochs=session["samples_per_problem"], epochs_reducer=["mean"]),
        packages=dict(session["packages"]),
        metadata={
            "benchmark_revision": manifest["benchmark_revision"],
            "prompt_sha256": manifest["prompt_sha256"],
            "verifiers": manifest["verifiers"],
            "model_fingerprint": manifest["model_fingerprint"],
        },
    )


def _results(result: RunResult) -> Any:
    from inspect_ai.log import EvalMetric, EvalResults, EvalScore

    summary = result.summary
    metrics: dict[str, Any] = {}
    for name, metric in summary["metrics"].items():
        for field, label in (("value", name), ("se", f"{name} stderr")):
            if metric[field] is not None:
                metrics[label] = EvalMetric(name=label, value=metric[field])
    scorer = ", ".join(sorted(result.manifest["verifiers"]))
    return EvalResults(
        total_samples=summary["planned_samples"],
        completed_samples=summary["num_samples"],
        scores=[EvalScore(name=scorer, scorer=scorer, reducer="mean", metrics=metrics)],
    )


def _sample(record: Record, problem: Problem | None) -> Any:
    from inspect_ai.log import EvalError, EvalSample, EvalSampleLimit
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput, ModelUsage
    from inspect_ai.scorer import Score

    completion, verdict = record.completion, record.verdict
    message = ChatMessageAssistant(content=completion.prefill + completion.text, source="generate")
    usage = None
    if completion.num_tokens is not None:
        usage = ModelUsage(output_tokens=completion.num_tokens, total_tokens=completion.num_tokens)
    cut = completion.finish_reason is FinishReason.LENGTH
    ours = verdict.outcome.is_ours
    return EvalSample(
        id=record.problem_id,
        epoch=record.sample_index + 1,
        input=_input(record, problem),
        target=str(problem.reference)
        if problem is not None and isinstance(problem.reference, str | int | float)
        else "",
        messages=[message],
        output=ModelOutput(
            choices=[ChatCompletionChoice(message=message, stop_reason="max_tokens" if cut else "stop")],
            usage=usage,
            error=completion.error,
        ),
        scores=None
        if ours
        else {
            record.verifier: Score(
                value=_VALUES.get(verdict.outcome, verdict.score if verdict.score is not None else "N"),
                answer=verdict.extracted,
                explanation=verdict.reason or None,
                metadata={"outcome": verdict.outcome.value, "version": record.verifier_version, **verdict.details},
            )
        },
        error=EvalError(message=f"{verdict.outcome.value}: {verdict.reason}", traceback="", traceback_ansi="")
        if ours
        else None,
        limit=EvalSampleLimit(type="token", limit=float(completion.num_tokens or 0)) if cut else None,
        metadata={"seed": record.seed, "key": record.key},
    )


def _input(record: Record, problem: Problem | None) -> Any:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    if problem is None:
        return f"problem {record.problem_id} (its text is not in the store)"
    kinds: dict[str, Any] = {"system": ChatMessageSystem}
    return [kinds.get(message.role, ChatMessageUser)(content=message.content) for message in problem.prompt]


def _problems(result: RunResult) -> dict[str, Problem]:
    """The benchmark's problems, where its data is here and the same; else none."""
    try:
        benchmark = get_benchmark(result.manifest["benchmark"])
        problems = {problem.id: problem for problem in benchmark.problems()}
        same = revision_of(benchmark, list(problems.values())) == result.manifest["benchmark_revision"]
    except AssayError:
        return {}
    return problems if same else {}


def _time(text: str) -> str:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").isoformat()
    except ValueError:
        return datetime.fromtimestamp(0, UTC).isoformat()


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")[-80:] or "model"
