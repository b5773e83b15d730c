"""Rewards are computed while other completions are still generated: seen by the order of events, not by a clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from assay import Completion, Problem, RewardResult, Sampling
from assay_trainers.common.models import load_policy
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.engines.opening import open_engine
from assay_trainers.grpo.rollouts import Prompt, PromptEncoder, Rollout, RolloutEngine
from assay_trainers.grpo.window import deal, draw_round

PATIENCE = 60.0
"""Seconds until a reward that does not come counts as one that waits. One that is computed at once takes none."""


class Recorded:
    """A reward that writes down when it is asked, and tells who waits for it."""

    def __init__(self, events: list[str]) -> None:
        self.events, self.scored = events, threading.Semaphore(0)

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[RewardResult]:
        self.events.append("scored")
        self.scored.release()
        return [RewardResult(total=1.0, parts={}) for _ in completions]


class Patient:
    """A real engine whose next completion comes when the last one's reward is there."""

    holds_weights = False

    def __init__(self, inner: RolloutEngine, reward: Recorded, events: list[str]) -> None:
        self.inner, self.reward, self.events = inner, reward, events

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        for rollout in self.inner.generate(prompts, samples=samples, sampling=sampling):
            self.events.append("drawn")
            yield rollout
            if not self.reward.scored.acquire(timeout=PATIENCE):
                raise AssertionError("the reward of a finished completion waits for the next one")
        self.events.append("all drawn")

    def sync(self) -> None: ...

    def close(self) -> None: ...


def test_each_completion_is_scored_while_others_are_generated(
    make_config: Callable[..., TrainConfig], problems: list[Problem]
) -> None:
    config = make_config(rollout__group=3)
    world = World(cpu=True, dtype="float32")
    model, tokenizer = load_policy(config.model, device="cpu")
    encoder = PromptEncoder(tokenizer)

    def encode(problem: Problem, key: str) -> Prompt:
        return encoder.encode(problem, problem.prompt[-1].content, key=key)

    events: list[str] = []
    reward = Recorded(events)
    engine: Any = Patient(open_engine(model, None, tokenizer, config, world), reward, events)
    prompts = deal(1, enumerate(problems[:2]), encode=encode, world=world)
    done = draw_round(prompts, engine=engine, reward=reward, config=config, world=world)
    assert events == ["drawn", "scored"] * 6 + ["all drawn"]
    assert [item.reward for item in done.scored] == [1.0] * 6
