"""Run folders with samples of our own making, written through the real store."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from assay.results import load_result, write_report
from assay.runs.manifest import RunIdentity, describe_session, run_folder, write_manifest
from assay.runs.records import Record
from assay.runs.store import SampleStore
from assay.types import Completion, FinishReason, Outcome, Sampling, Verdict

Maker = Callable[[int, int, random.Random], tuple[Completion, Verdict]]


def training_like(skill: float) -> Maker:
    """Samples of a model that gets better with `skill` in [0, 1]: right more often, and longer."""

    def make(problem: int, index: int, luck: random.Random) -> tuple[Completion, Verdict]:
        tokens = int(luck.lognormvariate(5 + skill, 0.5))
        if luck.random() < 0.1 * (1 - skill):
            cut = Completion(text="<think>and so", finish_reason=FinishReason.LENGTH, num_tokens=1024)
            return cut, Verdict(outcome=Outcome.TRUNCATED, reason="unclosed reasoning")
        if luck.random() < 0.05:
            return Completion(text="I do not know.", num_tokens=tokens), Verdict(outcome=Outcome.NO_ANSWER)
        right = luck.random() < skill * (1 - problem / 40)
        answer = str(problem) if right else str(luck.randrange(100, 104))
        verdict = Verdict(outcome=Outcome.GRADED, score=float(right), extracted=answer)
        return Completion(text=f"<think>some words here</think> \\boxed{{{answer}}}", num_tokens=tokens), verdict

    return make


def make_run(
    root: Path,
    model: str,
    *,
    benchmark: str = "sums",
    problems: int = 20,
    samples: int = 8,
    make: Maker | None = None,
    names: Callable[[int], str] = lambda number: f"sum-{number:03}",
    metrics: tuple[str, ...] = ("pass@1", "cons@8"),
    seal: bool = True,
) -> Path:
    """Write a run and its summary; returns its folder."""
    make = make or training_like(0.6)
    identity = RunIdentity(
        model=model,
        model_fingerprint=model,
        benchmark=benchmark,
        benchmark_revision="cd" * 32,
        template="plain",
        instruction="",
        prefill="",
        prompt_sha256="ab" * 32,
        sampling=Sampling(max_tokens=1024),
    )
    folder = run_folder(root, identity)
    luck = random.Random(f"{model} {benchmark}")
    with SampleStore.lock(folder) as store:
        session = describe_session(samples=samples, planned=problems * samples, problem_ids=None, data=None)
        write_manifest(
            folder,
            identity,
            verifiers={"boxed_math": "1"},
            metrics=list(metrics),
            session=session,
            first_prompt="What is the sum of these two numbers?",
        )
        for problem in range(problems):
            for index in range(samples):
                completion, verdict = make(problem, index, luck)
                store.append(
                    Record(
                        key=f"{problem}-{index}",
                        problem_id=names(problem),
                        sample_index=index,
                        seed=index,
                        prompt_sha256="ab" * 32,
                        completion=completion,
                        verdict=verdict,
                        verifier="boxed_math",
                        verifier_version="1",
                        repetitive=False,
                        recorded_at=0.0,
                    )
                )
        if seal:
            store.seal(lambda row: (int(row.key.split("-")[0]), row.sample_index))
    write_report(load_result(folder))
    return folder
