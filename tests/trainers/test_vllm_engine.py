"""vLLM for real, in process and as a server, in an interpreter that has it (`ASSAY_VLLM_PYTHON`, docs/training.md)."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from assay import BackendError
from assay_trainers.common.checkpoints import list_checkpoints
from assay_trainers.grpo.engines import vllm_server
from assay_trainers.grpo.trainer import train
from tests.trainers.vllm_learning import config_of, curve, inside, problems, reward, risen
from tests.trainers.vllm_models import save_wide
from tests.trainers.vllm_serving import Server, serving

PYTHON = os.environ.get("ASSAY_VLLM_PYTHON") or (sys.executable if importlib.util.find_spec("vllm") else "")

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not PYTHON, reason="vLLM is not installed; ASSAY_VLLM_PYTHON may name a Python that has it"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_wide(tmp_path_factory.mktemp("wide"))


def test_in_process_the_weights_arrive_and_a_stale_sampler_is_noticed(model: str) -> None:
    result = inside(PYTHON, "sync", model)
    found = result["found"]
    assert found["start"] < 1e-3
    assert found["not handed over"] > 0.1
    assert found["after the sync"] < 1e-3, "the tied head moved too"
    assert found["after another sync"] < 1e-3
    assert result["repeats"], "the same seeds draw the same, in any order"
    for reason, last, tokens in result["ends"]:
        assert (last == 0 and reason == "stop") or (reason == "length" and tokens == 12)


def worst(rows: list[dict[str, Any]], name: str) -> float:
    """The largest value of a run. A step whose groups have equal rewards learns from nothing, and compares nothing."""
    return max(row[name] for row in rows if row[name] is not None)


def test_in_process_it_learns(model: str, tmp_path: Path) -> None:
    rows = inside(PYTHON, "learn", model, str(tmp_path / "run"))["curve"]
    assert risen([row["reward"] for row in rows]) > 4  # p < 1e-4
    assert worst(rows, "mismatch") < 1e-3
    assert worst(rows, "sync_mismatch") < 1e-3


@pytest.mark.timeout(600)
def test_by_server_it_learns_and_outlives_the_server(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_server, "_TRIES", 2)
    output = tmp_path / "run"
    with serving(PYTHON, model) as server:
        port = int(server.url.rpartition(":")[2])
        config = config_of(model, str(output), "vllm_server", {"url": server.url})
        with pytest.raises(BackendError, match=r"does not answer .*Start it again.*last checkpoint"):
            train(config, reward=reward(), problems=problems(), on_step=_kill_at(server, 10))
    (kept,) = list_checkpoints(output)
    assert kept.name == "step-000010"
    # The new server has the weights that the run began with: the first thing it gets are those of step 10.
    with serving(PYTHON, model, port):
        assert train(config, reward=reward(), problems=problems()).finished
    rows = curve(output)
    assert [row["step"] for row in rows] == list(range(1, config.steps + 1))
    assert risen([row["reward"] for row in rows]) > 4  # p < 1e-4
    assert worst(rows, "mismatch") < 1e-3
    assert worst(rows, "sync_mismatch") < 1e-3
    assert json.loads((output / "final" / "config.json").read_text())["tie_word_embeddings"]


def _kill_at(server: Server, last: int) -> Any:
    def on_step(step: int, *_: Any) -> None:
        if step == last:
            server.kill()

    return on_step
