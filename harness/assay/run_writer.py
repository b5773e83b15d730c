"""Writing completions that were drawn and judged elsewhere as a run.

A trainer draws and scores its own completions. Recorded with this, they are samples like any others: `assay report`
counts them, the viewer shows them, and a crash loses none that was recorded. What is recorded twice under one name (a
step that was repeated after a crash) is kept once, the last time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from assay.hashing import hash_value
from assay.metrics import is_repetitive
from assay.recording import storable
from assay.results import RunResult, summarise_run, write_report
from assay.runs.manifest import MANIFEST, RunIdentity, describe_session, run_folder, write_json, write_manifest
from assay.runs.records import Record
from assay.runs.store import SampleStore
from assay.types import Completion, Sampling, Verdict


class RunWriter:
    """An open run, locked for this process. Use it as a context manager, or call `close`.

    Args:
        out: Folder that holds the run's folder.
        model: A url that names the model, such as "policy:runs/math/step-000050"; its last part names the folder.
        fingerprint: Whatever tells it from other models.
        benchmark: What the problems are called.
        revision: Hash of the problems.
        sampling: How the completions are drawn.
        planned: Samples that it will hold.
        template: Name of the prompt template.
        first_prompt: What the model is shown, for a person.
        verifiers: Versions of the verifiers by name.

    Raises `StoreError` where the folder cannot be written or is in use.
    """

    def __init__(
        self,
        out: Path,
        *,
        model: str,
        fingerprint: str,
        benchmark: str,
        revision: str,
        sampling: Sampling,
        planned: int,
        template: str = "",
        first_prompt: str = "",
        verifiers: Mapping[str, str] | None = None,
    ) -> None:
        self._sampling = sampling
        identity = RunIdentity(
            model=model,
            model_fingerprint=hash_value([fingerprint, dict(verifiers or {})]),
            benchmark=benchmark,
            benchmark_revision=revision,
            template=template,
            instruction="",
            prefill="",
            prompt_sha256=hash_value([template]),
            sampling=sampling,
        )
        self.folder = run_folder(out, identity)
        self._store = SampleStore.lock(self.folder)
        self._places = Counter(row.problem_id for row in self._store.rows.values())
        self._manifest = write_manifest(
            self.folder,
            identity,
            verifiers=dict(verifiers or {}),
            metrics=["pass@1"],
            # Until it is sealed, `planned` bounds the samples of one problem.
            session=describe_session(samples=planned, planned=planned, problem_ids=None, data=None),
            first_prompt=first_prompt,
        )

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def append(
        self,
        name: str,
        *,
        problem_id: str,
        prompt: object,
        completion: Completion,
        verdict: Verdict,
        verifier: str,
        version: str,
        seed: int = 0,
    ) -> None:
        """Record a sample; what was recorded under this name before is replaced.

        Args:
            name: Of the sample; unique in the run.
            problem_id: Its problem. Samples of one problem are numbered in the order in which they come.
            prompt: What the model was shown, as any JSON value: its hash is kept.
            completion: What it wrote.
            verdict: What was said of it.
            verifier: Who said so.
            version: And which version of it.
            seed: Of the sampler.
        """
        key = hash_value(name)[:32]
        known = self._store.rows.get(key)
        index = self._places[problem_id] if known is None else known.sample_index
        if known is None:
            self._places[problem_id] += 1
        self._store.append(
            Record(
                key=key,
                problem_id=problem_id,
                sample_index=index,
                seed=seed,
                prompt_sha256=hash_value(prompt),
                completion=completion,
                verdict=storable(verdict),
                verifier=verifier,
                verifier_version=version,
                repetitive=is_repetitive(completion.text),
                recorded_at=round(time.time(), 3),
            )
        )
        self._manifest["verifiers"].setdefault(verifier, version)

    def seal(self) -> RunResult:
        """Complete the run: samples into one file, summary and report beside it."""
        rows = self._store.rows.values()
        session = self._manifest["sessions"][-1]
        session["samples_per_problem"] = max((row.sample_index + 1 for row in rows), default=1)
        session["planned_samples"] = len(rows)
        write_json(self.folder / MANIFEST, self._manifest)
        order = {problem: number for number, problem in enumerate(dict.fromkeys(row.problem_id for row in rows))}
        self._store.seal(lambda row: (order[row.problem_id], row.sample_index))
        result = RunResult(
            path=self.folder, manifest=self._manifest, summary=summarise_run(self._manifest, self._store.rows.values())
        )
        write_report(result)
        return result

    def close(self) -> None:
        """Sync and unlock. Safe to call twice."""
        self._store.close()
