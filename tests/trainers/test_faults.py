"""Real verifiers in real worker processes that hang, raise, die or give nonsense: never the failure of the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import assay
from assay import Message, Pool, Problem, Reward
from assay.results import find_runs
from assay.runs.store import SampleStore
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.trainer import train

PLUGIN = '''
import os, time
import assay

class Faulty(assay.BaseVerifier):
    """Does what the reference says."""

    name, version = "faulty", "1"

    def verify(self, problem, completion):
        if problem.reference == "hang":
            time.sleep(3600)
        if problem.reference == "die":
            os._exit(3)
        if problem.reference == "raise":
            raise RuntimeError("the check itself broke")
        if problem.reference == "nothing":
            return None
        if problem.reference == "nan":
            return assay.Verdict(outcome=assay.Outcome.GRADED, score=float("nan"))
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=(len(completion.text) % 3) / 2)

@assay.hookimpl
def register_verifiers():
    return {"faulty": Faulty}
'''


def test_every_way_to_fail_leaves_the_rollout_out(make_config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    plugin = tmp_path / "faulty_plugin.py"
    plugin.write_text(PLUGIN)
    assay.load_plugin(str(plugin))
    ways = ("hang", "die", "raise", "nothing", "nan", "fine", "fine")
    problems = [
        Problem(id=f"{n}-{way}", prompt=(Message(role="user", content=f"{n}="),), reference=way, verifier="faulty")
        for n, way in enumerate(ways)
    ]
    config = make_config(preset="dapo", steps=1, rollout__prompts=7, rollout__group=2, log_samples=14)
    with Pool(workers=2, timeout=1.0) as pool:
        done = train(config, reward=Reward({"terms": [{"name": "accuracy"}]}, pool=pool), problems=problems)
    assert done.finished
    (folder,) = find_runs([Path(config.output) / "rollouts"])
    with SampleStore.open(folder) as store:
        samples = list(store.records(store.rows))
    assert len(samples) == 14
    for sample in samples:
        fine = sample.problem_id.endswith("fine")
        assert (sample.verdict.details["reward"] is not None) == fine, sample
        expected = "graded" if fine else "verifier_timeout" if sample.problem_id.endswith("hang") else "error"
        assert sample.verdict.details["terms"]["accuracy"]["outcome"] == expected, sample
        assert sample.verdict.outcome.value == expected, sample
        assert (sample.verifier, sample.verifier_version) == ("faulty", "1")
    (metrics,) = [json.loads(line) for line in (Path(config.output) / "metrics.jsonl").read_text().splitlines()]
    assert metrics["verifier_errors"] == 10 / 14
    assert "verifier_errors" in metrics["alarms"]
    assert metrics["reward"] is not None
