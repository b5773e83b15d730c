"""A tiny policy, a few problems and a reward, for runs of seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from assay import Completion, Message, Problem, RewardResult
from assay_trainers.grpo.config import TrainConfig, read_config
from tests.trainers.models import save_tiny


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads, and lose much where the cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def make_config(tiny_folder: str, tmp_path: Path) -> Callable[..., TrainConfig]:
    """A configuration of a run of seconds; dotted changes over it."""

    def make(**changes: Any) -> TrainConfig:
        base = {
            "model": tiny_folder,
            "output": str(tmp_path / "run"),
            "data": {"path": "unused.jsonl", "template": "raw"},
            "preset": "r1",
            "steps": 6,
            "device": "cpu",
            "rollout": {"prompts": 3, "group": 4, "max_tokens": 6},
            "optimizer": {"learning_rate": 1e-3},
            "checkpoints": {"every": 3},
            "alarms": {"truncation": 1.0},
            "logging": {"figure": False},
        }
        return read_config(base, {name.replace("__", "."): value for name, value in changes.items()})

    return make


@pytest.fixture
def problems() -> list[Problem]:
    return [
        Problem(id=f"p{n}", prompt=(Message(role="user", content=f"{n}+{n}="),), reference=str(2 * n)) for n in range(7)
    ]


class DigitReward:
    """Pays the share of digits in the text; `known` decides which completions it can check at all."""

    def __init__(self, known: Callable[[str], bool] = lambda text: True) -> None:
        self.known = known

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[RewardResult]:
        return [self._one(completion.text) for completion in completions]

    def _one(self, text: str) -> RewardResult:
        value = sum(character.isdigit() for character in text) / max(1, len(text)) if self.known(text) else None
        return RewardResult(total=value, parts={"digits": value})
