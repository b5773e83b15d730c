"""A run whose samples are drawn by an executor is the run that is drawn here: `assay.sharding` under `evaluate`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import assay
from assay import plugins
from assay.errors import BackendError
from assay.executors import LocalExecutor
from assay.plan import Overrides
from assay.sharding import Distributor, Shard
from tests.executors.threads import Threads
from tests.runs.crash import PLUGIN, write_replay
from tests.sweeps.test_sweep import samples


class Listener:
    """Counts what listeners are told."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str, int]] = Counter()

    @assay.hookimpl
    def sample_recorded(self, problem: assay.Problem, sample_index: int) -> None:
        self.told[problem.id, sample_index] += 1


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Listener:
    monkeypatch.setattr(plugins, "_registry", None)
    assay.load_plugin(PLUGIN)
    write_replay(tmp_path / "replay.jsonl")
    (tmp_path / "asking.txt").write_text("Tell me: {question}")
    heard = Listener()
    plugins.registry().manager.register(heard)
    return heard


def distributor(model: str, executor: Any, **changes: Any) -> Distributor:
    fields = {"options": {}, "overrides": Overrides(), "plugins": [str(PLUGIN)], "problems": 7}
    return Distributor(executor=executor, url=model, **{**fields, **changes})


def test_the_samples_are_those_that_are_drawn_here(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = Overrides(template="asking.txt", limit=12)
    model = "replay:replay.jsonl"
    (here,) = assay.evaluate(model, "sums:8", out="here", overrides=overrides)
    told, listener.told = listener.told, Counter()
    with Threads() as threads:
        elsewhere = distributor(model, threads, overrides=overrides, verify_timeout=3.0).draw
        (there,) = assay.evaluate(model, "sums:8", out="there", overrides=overrides, elsewhere=elsewhere)
    assert samples(Path("there")) == samples(Path("here"))
    assert there.summary["metrics"] == here.summary["metrics"]
    assert listener.told == told
    assert set(told.values()) == {1}
    shards: list[Shard] = threads.items
    assert [len(shard.keys) for shard in shards] == [7 * 8, 5 * 8]
    assert {shard.verify_timeout for shard in shards} == {3.0}
    assert {(shard.url, shard.overrides.template) for shard in shards} == {
        (f"replay:{tmp_path}/replay.jsonl", str(tmp_path / "asking.txt"))
    }


def test_a_node_that_cannot_draw_is_said_and_the_rest_is_stored(listener: Listener, tmp_path: Path) -> None:
    model = f"replay:{tmp_path}/replay.jsonl"

    class Forgetful(LocalExecutor):
        def submit(self, function: Any, item: Shard) -> Any:
            if not listener.told:
                return super().submit(function, item)
            gone = plugins.Registry()
            kept, plugins._registry = plugins.registry(), gone
            try:
                return super().submit(function, item)
            finally:
                plugins._registry = kept

    out = tmp_path / "out"
    with pytest.raises(
        BackendError, match=r"5 shards failed, the first with 56 samples: no benchmark is called 'sums'"
    ):
        assay.evaluate(model, "sums:8", out=out, elsewhere=distributor(model, Forgetful()).draw)
    assert len(listener.told) == 56
    (result,) = assay.evaluate(model, "sums:8", out=out, elsewhere=distributor(model, LocalExecutor()).draw)
    assert len(listener.told) == 320
    assert result.summary["complete"]


def test_a_prompt_that_is_refused_costs_its_own_samples(listener: Listener, tmp_path: Path) -> None:
    replay = tmp_path / "refused.jsonl"
    kinds = {f"sum-{a}": "error" if a in {0, 4} else "stop" for a in range(5)}
    replay.write_text("".join(
        json.dumps({"problem_id": name, "sample_index": n, "text": "", "finish_reason": kind}) + "\n"
        for name, kind in kinds.items() for n in range(24)
    ))  # fmt: skip
    overrides = Overrides(limit=5, samples=24)
    with Threads() as threads:
        draw = distributor(f"replay:{replay}", threads, overrides=overrides, problems=2).draw
        (result,) = assay.evaluate(
            f"replay:{replay}", "sums", out=tmp_path / "out", overrides=overrides, elsewhere=draw
        )
        assert [shard.hopeless for shard in threads.items] == [True, True, False]
        assert result.summary["outcomes"]["error"] == 48
        assert result.summary["complete"]
        assay.evaluate(f"replay:{replay}", "sums", out=tmp_path / "out", overrides=overrides, elsewhere=draw)
        assert [(len(shard.keys), shard.hopeless) for shard in threads.items[3:]] == [(48, False)]


def test_a_model_that_is_not_there_is_said(listener: Listener, tmp_path: Path) -> None:
    replay = tmp_path / "dead.jsonl"
    replay.write_text("".join(
        json.dumps({"problem_id": f"sum-{a}", "sample_index": 0, "text": "", "finish_reason": "error"}) + "\n"
        for a in range(4)
    ))  # fmt: skip
    overrides = Overrides(limit=4, samples=1)
    draw = distributor(f"replay:{replay}", LocalExecutor(), overrides=overrides, problems=2).draw
    with pytest.raises(BackendError, match=r"2 shards failed, .* the first 2 completions all failed"):
        assay.evaluate(f"replay:{replay}", "sums", out=tmp_path / "out", overrides=overrides, elsewhere=draw)
