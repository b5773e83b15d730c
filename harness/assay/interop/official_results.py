"""Results of official runners as runs of ours: SWE-bench Verified and Aider's polyglot benchmark.

Both put a model to work in containers of their own for hours; what they say of each task is read and stored as a run,
so that `assay report` shows it beside the others. Nothing is run again.

| there                                        | here                                                              |
|----------------------------------------------|-------------------------------------------------------------------|
| resolved; tests passed                       | score 1                                                           |
| unresolved; tests failed                     | score 0                                                           |
| empty patch                                  | `no_answer`: the model's, worth 0                                 |
| error, exception, not submitted, no test run | `error`: left out of pass@1, where a runner counts it as a failure |

The runner's own figure, with everything in the denominator, stands beside pass@1 (`aggregates`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import DataError, UsageError
from assay.hashing import hash_value
from assay.jsonl import parse_json, read_jsonl
from assay.results import RunResult, write_report
from assay.run_writer import RunWriter
from assay.types import Completion, Outcome, Sampling, Verdict

_MOST_BYTES = 256 * 2**20
_SWE_LISTS = ("resolved_ids", "unresolved_ids", "empty_patch_ids", "error_ids", "incomplete_ids")


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialTask:
    """What a runner says of one task."""

    id: str
    outcome: Outcome
    score: float | None = None
    reason: str = ""
    text: str = ""
    """What the model handed in, where the runner's files have it."""
    details: Mapping[str, Any] = field(default_factory=dict)


def import_swe_bench(
    report: Path, out: Path, *, model: str | None = None, predictions: Path | None = None
) -> RunResult:
    """The report of `swebench.harness.run_evaluation` (schema 2: a JSON file with lists of instance ids).

    Args:
        report: The file, named MODEL.RUN_ID.json by the runner.
        out: Folder that holds runs.
        model: Its name; None: the beginning of the file's name.
        predictions: The file of patches (JSONL or JSON) that was evaluated, to keep them with the run.

    Raises:
        DataError: The file is no such report, or contradicts itself.
        StoreError: The run cannot be written.
    """
    data = _object(report)
    lists = {name: _ids(report, data, name) for name in _SWE_LISTS}
    decided = [instance for name in _SWE_LISTS for instance in lists[name]]
    if twice := sorted({instance for instance in decided if decided.count(instance) > 1}):
        raise DataError(f"{report} lists {twice[0]} under two outcomes: it contradicts itself")
    total = data.get("total_instances", len(decided))
    if not decided or not isinstance(total, int) or total < len(decided):
        raise DataError(f"{report} names {len(decided)} instances and total_instances {total!r}: it contradicts itself")
    patches = {} if predictions is None else _patches(predictions)
    tasks = [
        OfficialTask(id=instance, text=patches.get(instance, ""), **_SWE_VERDICTS[name])
        for name in _SWE_LISTS
        for instance in sorted(lists[name])
    ]
    figures = {f"resolved of {total}": len(lists["resolved_ids"]) / total}
    name = model or report.name.partition(".")[0]
    return _store(out, name, "swe_bench_verified", "swe-bench", str(data.get("schema_version", "?")), tasks, figures)


def import_aider(folder: Path, out: Path, *, model: str | None = None) -> RunResult:
    """A folder of Aider's benchmark: a `.aider.results.json` for each exercise, at any depth.

    Args:
        folder: What `benchmark.py` wrote, such as tmp.benchmarks/2025-01-20-…--deepseek.
        out: Folder that holds runs.
        model: Its name; None: what the results name.

    Raises:
        UsageError: The folder holds no results, or those of several models and no `model`.
        DataError: A file is no such result.
        StoreError: The run cannot be written.
    """
    files = sorted(folder.rglob(".aider.results.json"))
    if not files:
        raise UsageError(f"{folder} holds no .aider.results.json: name a folder that Aider's benchmark wrote")
    results = [(file, _object(file)) for file in files]
    models = sorted({str(data["model"]) for _, data in results if data.get("model")})
    if model is None and len(models) != 1:
        raise UsageError(f"{folder} holds results of {len(models)} models ({', '.join(models)}): name one with --model")
    tasks = [_exercise(folder, file, data) for file, data in results]
    ran = [task for task in tasks if task.score is not None]
    first = [task for task in ran if task.details["outcomes"][0]]
    formed = [task for task in ran if not task.details["malformed"]]
    figures = {
        "pass rate 1": len(first) / len(tasks),
        "pass rate 2": sum(task.score or 0.0 for task in ran) / len(tasks),
        "well formed": len(formed) / len(ran) if ran else None,
    }
    return _store(out, model or models[0], "aider_polyglot", "aider", "results.json", tasks, figures)


_SWE_VERDICTS: dict[str, dict[str, Any]] = {
    "resolved_ids": {"outcome": Outcome.GRADED, "score": 1.0, "reason": "the issue is resolved"},
    "unresolved_ids": {"outcome": Outcome.GRADED, "score": 0.0, "reason": "a test fails after the patch"},
    "empty_patch_ids": {"outcome": Outcome.NO_ANSWER, "reason": "the patch is empty"},
    "error_ids": {"outcome": Outcome.ERROR, "reason": "SWE-bench's runner reports an error: see its log"},
    "incomplete_ids": {"outcome": Outcome.ERROR, "reason": "no prediction was submitted for this instance"},
}


def _exercise(folder: Path, file: Path, data: Mapping[str, Any]) -> OfficialTask:
    """One exercise; its id is the path of its folder, "python/exercises/practice/bowling" being "python/bowling"."""
    parts = file.parent.relative_to(folder).parts
    name = "/".join(part for part in parts if part not in ("exercises", "practice")) or str(data.get("testcase", "?"))
    outcomes = data.get("tests_outcomes")
    if data.get("exception"):
        return OfficialTask(id=name, outcome=Outcome.ERROR, reason=f"Aider: {str(data['exception'])[:300]}")
    if outcomes == []:
        return OfficialTask(id=name, outcome=Outcome.ERROR, reason="Aider ran no test of this exercise")
    if not isinstance(outcomes, list) or not all(isinstance(one, bool) for one in outcomes):
        raise DataError(f"{file}: tests_outcomes must be a list of true and false")
    details = {
        "outcomes": outcomes,
        "malformed": int(data.get("num_malformed_responses") or 0),
        "edit_format": data.get("edit_format"),
        "test_timeouts": int(data.get("test_timeouts") or 0),
    }
    passed = outcomes[-1]
    said = f"the tests pass after {len(outcomes)} tries" if passed else f"the tests fail after {len(outcomes)} tries"
    return OfficialTask(id=name, outcome=Outcome.GRADED, score=float(passed), reason=said, details=details)


def _store(
    out: Path,
    model: str,
    benchmark: str,
    runner: str,
    version: str,
    tasks: Sequence[OfficialTask],
    figures: Mapping[str, float | None],
) -> RunResult:
    revision = hash_value(sorted(task.id for task in tasks))
    content = hash_value([[task.id, task.outcome.value, task.text] for task in tasks])
    with RunWriter(
        out,
        model=f"import:{model}",
        fingerprint=content,
        benchmark=benchmark,
        revision=revision,
        sampling=Sampling(),
        planned=len(tasks),
        verifiers={runner: version},
        first_prompt=f"(put to the model by {runner})",
    ) as run:
        for task in tasks:
            verdict = Verdict(outcome=task.outcome, score=task.score, reason=task.reason, details=task.details)
            completion = Completion(text=task.text)
            run.append(
                task.id,
                problem_id=task.id,
                prompt=task.id,
                completion=completion,
                verdict=verdict,
                verifier=runner,
                version=version,
            )
        result = run.seal()
    result.summary["aggregates"] = dict(figures)
    write_report(result)
    return result


def _object(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise DataError(f"{file} is larger than {_MOST_BYTES} bytes: no result of a runner is")
        value = parse_json(file.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{file} holds no JSON object: it is no result of the runner")
    return value


def _ids(file: Path, data: Mapping[str, Any], name: str) -> list[str]:
    found = data.get(name, [] if name == "incomplete_ids" else None)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise DataError(f"{file}: {name} must be a list of instance ids (the runner writes them since schema 2)")
    return found


def _patches(file: Path) -> dict[str, str]:
    rows: Iterator[dict[str, Any]]
    if file.suffix == ".json":
        value = _object_or_list(file)
        rows = iter(value)
    else:
        rows = read_jsonl(file)
    return {str(row.get("instance_id")): str(row.get("model_patch") or "") for row in rows}


def _object_or_list(file: Path) -> list[dict[str, Any]]:
    try:
        value = parse_json(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {file}: {error}") from error
    rows = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{file} holds no predictions: an array of objects, or an object of them by instance id")
    return rows
