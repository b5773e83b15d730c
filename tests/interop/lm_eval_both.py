"""One case by lm-eval's own evaluator and by ours, on the same responses.

    python -m tests.interop.lm_eval_both [ROWS]      prints the table of all cases

lm-eval gets the rows by its documented way (a file that includes the task's and names JSONL files) and its model is a
table of responses; we get them by `data=` and a replay file. Nothing is shared but the task's own functions.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay_benchmarks._nltk_data import find_punkt
from tests.interop.lm_eval_cases import BUILDERS, Case, make, write


@dataclass(kw_only=True)
class Both:
    samples: int
    theirs: dict[str, float]
    """Figure to value, each the mean over as many runs of lm-eval as there are samples of a row."""
    ours: dict[str, float]
    their_samples: dict[tuple[str, int, int], dict[str, Any]]
    """(task, row, sample) to "metric,filter" to value."""
    our_samples: dict[tuple[str, int, int], dict[str, Any]]

    def worst(self) -> float:
        """The largest difference of any figure or any sample."""
        assert self.theirs.keys() == self.ours.keys(), (self.theirs.keys(), self.ours.keys())
        assert self.their_samples.keys() == self.our_samples.keys()
        gaps = [abs(value - self.ours[key]) for key, value in self.theirs.items()]
        for key, metrics in self.their_samples.items():
            mine = self.our_samples[key]
            assert metrics.keys() == mine.keys(), key
            gaps += [
                abs(a - b) for name in metrics for a, b in zip(*map(_numbers, (metrics[name], mine[name])), strict=True)
            ]
        return max(gaps)


def _numbers(value: Any) -> list[float]:
    return [float(item) for item in value] if isinstance(value, list | tuple) else [float(value)]


def run_both(case: Case, folder: Path) -> Both:
    responses: dict[tuple[str, int], list[str]] = {}
    theirs = _theirs(case, folder, responses)
    ours = _ours(case, folder, responses)
    return Both(samples=min(map(len, responses.values())), theirs=theirs[0], ours=ours[0], their_samples=theirs[1],
                our_samples=ours[1])  # fmt: skip


def _theirs(case: Case, folder: Path, responses: dict[tuple[str, int], list[str]]) -> Any:
    import langdetect
    import lm_eval
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    find_punkt()
    langdetect.DetectorFactory.seed = 0  # its language detection is random otherwise: two of its own runs differ

    class Table(LM):
        index = 0

        def _answers(self, requests: list[Any]) -> list[str]:
            for request in requests:
                key = (request.task_name, request.doc_id)
                responses.setdefault(key, case.respond(request.task_name, request.doc_id, request.doc))
            return [responses[request.task_name, request.doc_id][self.index] for request in requests]

        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [
                answer.split(stop)[0] if (stop := _first(answer, request.args[1]["until"])) else answer
                for request, answer in zip(requests, self._answers(requests), strict=True)
            ]

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
            return [
                tuple(json.loads(answer)[r.idx]) for r, answer in zip(requests, self._answers(requests), strict=True)
            ]

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[Any]:
            raise NotImplementedError

    include = _their_files(case, folder)
    model = Table()
    per_pass: list[dict[str, float]] = []
    samples: dict[tuple[str, int, int], dict[str, Any]] = {}
    while True:
        result = lm_eval.simple_evaluate(
            model=model, tasks=[case.task], bootstrap_iters=0, log_samples=True,
            task_manager=TaskManager(include_path=str(include), include_defaults=False),
        )  # fmt: skip
        per_pass.append(_figures(result["results"], single=len(result["samples"]) == 1))
        for name, rows in result["samples"].items():
            for row in rows:
                found = samples.setdefault((name, row["doc_id"], model.index), {})
                found |= {f"{metric},{row['filter']}": row[metric] for metric in row["metrics"]}
        model.index += 1
        if model.index >= min(map(len, responses.values())):
            break
    return {key: sum(figures[key] for figures in per_pass) / len(per_pass) for key in per_pass[0]}, samples


def _first(answer: str, until: list[str] | str) -> str | None:
    stops = [until] if isinstance(until, str) else until
    found = [(answer.find(stop), stop) for stop in stops if stop and stop in answer]
    return min(found)[1] if found else None


def _figures(results: dict[str, Any], *, single: bool) -> dict[str, float]:
    return {
        key if single else f"{name}: {key}": value
        for name, metrics in results.items() for key, value in metrics.items()
        if "," in key and "_stderr," not in key
    }  # fmt: skip


def _their_files(case: Case, folder: Path) -> Path:
    """Task files as lm-eval's own documentation has it: include the original, and put other data in its place."""
    import lm_eval.tasks

    bundled = Path(lm_eval.tasks.__file__).parent
    include = folder / f"include-{case.task}"
    include.mkdir(exist_ok=True)
    data = {split: str(case.folder / f"{split}.jsonl") for split in case.splits}
    group = {"hendrycks_math500": "hendrycks_math", "aime24": "aime", "arc_easy": "arc"}.get(case.task, case.task)
    originals = sorted((bundled / group).glob("*.yaml"))
    for path in originals:
        text = path.read_text()
        if f"group: {case.task}" in text:
            (include / path.name).write_text(text)
        elif f"task: {case.task}\n" in text or f'task: "{case.task}_' in text:
            override = {
                "include": str(path),
                "dataset_path": "json",
                "dataset_name": None,
                "dataset_kwargs": {"data_files": data},
            }
            (include / path.name).write_text(json.dumps(override | {"task": _name(text)}))
    return include


def _name(text: str) -> str:
    return next(line.partition(":")[2].strip().strip('"') for line in text.split("\n") if line.startswith("task:"))


def _ours(case: Case, folder: Path, responses: dict[tuple[str, int], list[str]]) -> Any:
    import assay

    samples = min(map(len, responses.values()))
    rows = [
        {"problem_id": f"{task}/{number}", "sample_index": index, "response": text}
        for (task, number), texts in responses.items() for index, text in enumerate(texts[:samples])
    ]  # fmt: skip
    write(folder / f"{case.task}-replay.jsonl", rows)
    [result] = assay.evaluate(
        f"replay:{folder / f'{case.task}-replay.jsonl'}",
        f"lm-eval:{case.task},data={case.folder}{case.options}:{samples}",
        out=folder / "runs",
    )
    assert result.summary["num_errors"] == 0, result.summary["outcomes"]
    import pyarrow.parquet

    stored = {}
    for row in pyarrow.parquet.read_table(result.path / "samples.parquet").to_pylist():
        task, _, number = row["problem_id"].rpartition("/")
        stored[task, int(number), row["sample_index"]] = json.loads(row["details"])["metrics"]
    return result.summary["aggregates"], stored


if __name__ == "__main__":
    from tests.conftest import data_folder

    limit = int(sys.argv[1]) if len(sys.argv) > 1 else None
    place = data_folder()
    assert place is not None, "set ASSAY_DATA"
    with tempfile.TemporaryDirectory() as name:
        for builder in BUILDERS:
            case = make(builder, place, Path(name), limit)
            both = run_both(case, Path(name))
            rows = len({key[:2] for key in both.our_samples})
            print(f"{case.task}: {rows} rows x {both.samples}, worst difference {both.worst():.1e}")
            for key, value in list(both.theirs.items())[:6]:
                print(f"    {key:45s} lm-eval {value:.10f}  assay {both.ours[key]:.10f}")
