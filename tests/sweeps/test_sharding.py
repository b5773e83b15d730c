"""Runs drawn in pieces: the same samples as in one go, what fails is said, what was drawn is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.executors import Failure, LocalExecutor
from assay.plugins import load_plugin
from assay.sharding import Distributor, draw_shard
from tests.sweeps.test_sweep import PLUGIN, models, samples, sweep_of  # noqa: F401  # models is a fixture

pytest.importorskip("transformers")
pytestmark = pytest.mark.model


@pytest.fixture(scope="module", autouse=True)
def _plugin() -> None:
    load_plugin(PLUGIN)


class Faulty(LocalExecutor):
    """Loses every second item."""

    def run(self, function, items):
        for number, item in enumerate(items):
            yield item, Failure(reason="a node died") if number % 2 else function(item)


def test_pieces_make_the_same_run(models: Path, tmp_path: Path) -> None:  # noqa: F811
    # One row at a time, so that no batch shape rounds differently: bit for bit.
    changes = {"options": {"device": "cpu", "batch_size": 1}}
    whole = sweep_of(models, tmp_path / "whole", **changes)
    whole.run()
    pieces = sweep_of(models, tmp_path / "pieces", **changes)
    pieces.executor, pieces.shard_problems = Faulty(), 2
    record = pieces.run()
    assert ["1 shards failed" in entry.reason for entry in record.failed] == [True] * 3
    assert "a node died" in record.failed[0].reason
    pieces.executor = LocalExecutor()
    pieces.results.clear()
    record = pieces.run()
    assert not record.failed
    assert [entry.cells[0].drawn for entry in record.checkpoints] == [4, 4, 4], "what the first try drew is kept"
    assert samples(tmp_path / "pieces") == samples(tmp_path / "whole")
    assert [result.summary["metrics"] for result in pieces.results] == [
        result.summary["metrics"] for result in whole.results
    ]


def test_a_node_with_another_model_is_found_out(models: Path, tmp_path: Path) -> None:  # noqa: F811
    from dataclasses import replace

    from assay.plan import Overrides, make_plan
    from assay.plugins import open_backend

    overrides = Overrides(limit=2, max_tokens=4)
    backend = open_backend(f"hf:{models}/checkpoint-3", device="cpu")
    plan = make_plan(backend, "sums:2", overrides)
    distributor = Distributor(executor=LocalExecutor(), url=backend.url, options={"device": "cpu"}, overrides=overrides)
    (shard,) = distributor._shards(plan, plan.planned)
    assert len(draw_shard(shard)) == 4
    with pytest.raises(Exception, match="this node plans other samples"):
        draw_shard(replace(shard, url=f"hf:{models}/checkpoint-20"))
