"""Run folders for tests of the viewer, written by the sample store itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay import Completion, FinishReason, Outcome, Sampling, Verdict
from assay.results import summarise_run, write_json
from assay.runs.manifest import RunIdentity, load_manifest, write_manifest
from assay.runs.records import Record, Row
from assay.runs.store import SampleStore


def sample(problem: str, index: int, text: str = "<think>\nHm.\n</think>\n\\boxed{4}", **changes: Any) -> Record:
    """A sample; `verdict` may be a score, an outcome or a verdict."""
    verdict = changes.pop("verdict", 1.0)
    if isinstance(verdict, float):
        verdict = Verdict(
            outcome=Outcome.GRADED,
            score=verdict,
            extracted=changes.pop("extracted", "4"),
            reason=changes.pop(
                "reason", f"the answer 4 {'equals' if verdict == 1 else 'does not equal'} the reference 4"
            ),
            details=changes.pop("details", {}),
            seconds=0.01,
        )
    elif isinstance(verdict, Outcome):
        verdict = Verdict(outcome=verdict, reason=changes.pop("reason", "nothing to read"))
    base = Record(
        key=f"{abs(hash_of(problem, index)):032x}",
        problem_id=problem,
        sample_index=index,
        seed=index,
        prompt_sha256="0" * 64,
        completion=Completion(
            text=text, num_tokens=changes.pop("num_tokens", 100 + index), prefill=changes.pop("prefill", ""),
            finish_reason=changes.pop("finish_reason", FinishReason.STOP),
        ),
        verdict=verdict,
        verifier="boxed_math",
        verifier_version="1",
        repetitive=False,
        recorded_at=1.7e9 + index,
    )  # fmt: skip
    return replace(base, **changes)


def hash_of(problem: str, index: int) -> int:
    import hashlib

    return int.from_bytes(hashlib.sha256(f"{problem}\n{index}".encode()).digest()[:16], "big")


def write_run(
    folder: Path,
    samples: Iterable[Record],
    *,
    model: str = "hf:models/tiny",
    benchmark: str = "sums",
    revision: str = "r1",
    seal: bool = True,
    summary: bool = True,
    planned: int | None = None,
) -> Path:
    """A run folder with these samples, sealed or still in its journal."""
    records = list(samples)
    identity = RunIdentity(
        model=model,
        model_fingerprint="f" * 16,
        benchmark=benchmark,
        benchmark_revision=revision,
        template="r1",
        instruction="Put the answer into \\boxed{}.",
        prefill="",
        prompt_sha256="p" * 16,
        sampling=Sampling(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(
        folder,
        identity,
        verifiers={"boxed_math": "1"},
        metrics=["pass@1"],
        session={
            "started": "2026-01-02T03:04:05+0000",
            "command": ["assay", "run"],
            "samples_per_problem": max((record.sample_index for record in records), default=0) + 1,
            "planned_samples": planned or len(records),
            "problem_ids": None,
        },
        first_prompt="What is 2 + 2?",
    )
    with SampleStore.lock(folder) as store:
        for record in records:
            store.append(record)
        if seal:
            store.seal(_place)
        if summary:
            write_json(folder / "summary.json", summarise_run(load_manifest(folder), store.rows.values()))
    return folder


def _place(row: Row) -> tuple[int, int]:
    return int("".join(char for char in row.problem_id if char.isdigit()) or 0), row.sample_index
