"""Rollouts by server: the weights follow, and each way in which a server may fail has its documented end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from assay import BackendError, Problem, UsageError
from assay_trainers.common.checkpoints import list_checkpoints
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.engines import vllm_server
from assay_trainers.grpo.trainer import train
from tests.trainers.conftest import DigitReward
from tests.trainers.small_server import SmallServer, small_server

Make = Callable[..., TrainConfig]


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with small_server() as state:
        yield state


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_server, "_TRIES", 2)


def by_server(make: Make, server: SmallServer, **changes: Any) -> TrainConfig:
    return make(rollout__engine="vllm_server", rollout__engine_options={"url": server.url}, **changes)


def rows(config: TrainConfig) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(config.output) / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("changes", [{}, {"lora__rank": 2}], ids=["all weights", "adapter"])
def test_the_server_follows_the_policy(
    changes: dict[str, Any], make_config: Make, problems: list[Problem], server: SmallServer
) -> None:
    config = by_server(make_config, server, steps=3, optimizer__learning_rate=1e-2, **changes)
    done = train(config, reward=DigitReward(), problems=problems)
    for row in rows(config):
        assert row["mismatch"] < 1e-4
        assert row["sync_mismatch"] < 1e-4
    final = load_file(done.model / "model.safetensors")
    for name, parameter in server.model.named_parameters():
        assert torch.equal(parameter, final[name]), "the last weights were handed over too"
    assert server.served >= 3 * 12


def test_a_server_that_goes_away_leaves_a_checkpoint_to_go_on_from(
    make_config: Make, problems: list[Problem], server: SmallServer
) -> None:
    config = by_server(make_config, server, steps=4)

    def break_it(step: int, *_: Any) -> None:
        if step == 2:
            server.faults["/v1/completions"] = (503, None)

    with pytest.raises(BackendError, match=r"does not answer .*status 503.*Start it again"):
        train(config, reward=DigitReward(), problems=problems, on_step=break_it)
    assert [path.name for path in list_checkpoints(Path(config.output))] == ["step-000002"]
    server.faults.clear()
    torch.nn.init.zeros_(server.model.model.norm.weight)  # a new server has other weights
    assert train(config, reward=DigitReward(), problems=problems).finished
    assert [row["step"] for row in rows(config)] == [1, 2, 3, 4]
    assert max(row["mismatch"] for row in rows(config)) < 1e-4


def test_a_server_that_goes_away_at_the_hand_over_loses_nothing(
    make_config: Make, problems: list[Problem], server: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = by_server(make_config, server, steps=3)
    real, loads = server._load, []

    def load(folder: Path) -> str:
        loads.append(folder)
        if len(loads) == 3:  # at the start, after step 1, after step 2
            raise ConnectionAbortedError
        return real(folder)

    monkeypatch.setattr(server, "_load", load)
    monkeypatch.setattr("socketserver.BaseServer.handle_error", lambda *_: None)
    monkeypatch.setattr(vllm_server, "_TRIES", 1)
    with pytest.raises(BackendError, match="does not answer"):
        train(config, reward=DigitReward(), problems=problems)
    assert [path.name for path in list_checkpoints(Path(config.output))] == ["step-000002"]
    assert [row["step"] for row in rows(config)] == [1, 2]
    assert train(config, reward=DigitReward(), problems=problems).finished


def test_weights_that_do_not_arrive_stop_the_run(
    make_config: Make, problems: list[Problem], server: SmallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_load", lambda folder: str(len(load_file(next(folder.glob("*.safetensors"))))))
    config = by_server(make_config, server)
    with pytest.raises(StopTrainingError, match=r"after the weights were handed over, sampler and trainer disagree"):
        train(config, reward=DigitReward(), problems=problems)


@pytest.mark.parametrize(
    ("path", "fault", "message"),
    [
        ("/collective_rpc", (404, {"detail": "Not Found"}), r"refuses /collective_rpc \(404.*VLLM_SERVER_DEV_MODE=1"),
        ("/collective_rpc", (500, {"error": "no assay_load_folder"}), r"500.*--worker-extension-cls"),
        ("/collective_rpc", (200, {"results": ["1"]}), r"loaded \['1'\] tensors of \d+"),
        ("/v1/completions", (400, {"error": "too long"}), r"refuses /v1/completions \(400.*too long"),
        ("/v1/completions", (200, {"choices": [{"text": "1", "finish_reason": "stop"}]}), "sends no token ids"),
        ("/v1/models", (503, None), r"If it never ran, start it with VLLM_SERVER_DEV_MODE=1 vllm serve"),
    ],
)
def test_a_server_that_is_started_wrongly_is_told_how(
    path: str, fault: tuple[int, Any], message: str, make_config: Make, problems: list[Problem], server: SmallServer
) -> None:
    server.faults[path] = fault
    with pytest.raises(BackendError, match=message):
        train(by_server(make_config, server), reward=DigitReward(), problems=problems)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rollout__engine": "vllm_server"}, r"give rollout\.engine_options\.url"),
        (
            {"rollout__engine": "vllm_server", "rollout__engine_options": {"ulr": "http://x"}},
            r"no field 'ulr' for vllm_server\. Did you mean url",
        ),
        ({"rollout__engine_options": {"url": "http://x"}}, "transformers has no engine_options"),
    ],
)
def test_options_that_are_wrong_are_named(
    changes: dict[str, Any], message: str, make_config: Make, problems: list[Problem]
) -> None:
    with pytest.raises(UsageError, match=message):
        train(make_config(**changes), reward=DigitReward(), problems=problems)


def test_weights_that_cannot_be_written_are_named(
    make_config: Make, problems: list[Problem], server: SmallServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    options = {"url": server.url, "folder": str(tmp_path / "file" / "below")}
    config = make_config(rollout__engine="vllm_server", rollout__engine_options=options)
    with pytest.raises(BackendError, match=r"cannot write the weights .*engine_options\.folder names another place"):
        train(config, reward=DigitReward(), problems=problems)
