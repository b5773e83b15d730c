"""One step's completions: drawn, scored, and turned into rows with advantages.

Problems are dealt to the processes in turn. What every process must agree on (rewards, advantages, denominators, and
whether groups are missing) is decided from `Record`s that all of them gather, so the number of processes changes no
result.

    problems → G completions each → rewards (overlapped) → advantages → rows, in mini-batches of whole groups

Rollouts whose reward is not known are in no row and no denominator.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay import Problem, Sampling, metrics
from assay_trainers.common.batching import Row
from assay_trainers.common.stopping import StopRequestedError
from assay_trainers.common.world import World
from assay_trainers.grpo.advantages import group_advantages, zero_spread
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.losses import Totals
from assay_trainers.grpo.rewarding import Rewarded, Scorer, score_rollouts
from assay_trainers.grpo.rollouts import Prompt, Rollout, RolloutEngine, truncated


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What all processes know of one completion."""

    group: int
    """Place of its problem in the step."""
    sample_index: int
    reward: float | None
    parts: dict[str, float | None]
    tokens: int
    truncated: bool
    repetitive: bool
    """Its text ends in a loop."""
    languages: Mapping[str, float] | None
    """Share of each language in its reasoning, where a verifier of the reward says so."""


@dataclass(kw_only=True, slots=True)
class Window:
    """The completions of one step."""

    batches: list[list[Row]]
    """This process's rows, by mini-batch."""
    totals: list[Totals]
    """Of each mini-batch, over all processes."""
    records: list[Record]
    """Every completion of every process, in order of group and sample index; those of dropped groups too."""
    groups: int
    """Groups that are learned from."""
    drawn: int
    """Problems taken."""
    samples: list[Rewarded] = field(default_factory=list)
    """This process's completions, for the log."""
    generating: float = 0.0
    """Seconds until the last completion was there, rewards computed meanwhile; the rest of drawing waits for others."""


def draw_window(
    step: int,
    problems: Callable[[int, int], list[Problem]],
    *,
    encode: Callable[[Problem, str], Prompt],
    engine: RolloutEngine,
    reward: Scorer,
    config: TrainConfig,
    world: World,
    should_stop: Callable[[], bool] = lambda: False,
    first: list[Rewarded] | None = None,
) -> Window:
    """Draw and score the completions of a step.

    Args:
        step: Its number; part of every sample's seed.
        problems: (count, offset) → the next problems, `offset` after the run's cursor.
        encode: Problem and key → prompt.
        engine: Draws completions.
        reward: Scores them.
        config: The run's.
        world: Its processes.
        should_stop: Asked after every completion.
        first: This process's completions of the first round, where they were drawn ahead.

    Raises:
        StopRequestedError: `should_stop` said so.
    """
    wanted, rounds = config.rollout.prompts, config.rollout.max_rounds
    own: list[Rewarded] = []
    records: list[Record] = []
    kept: list[int] = []
    drawn, generating = 0, 0.0
    for _ in range(rounds):
        missing = wanted - len(kept)
        numbers = range(drawn, drawn + missing)
        chosen = zip(numbers, problems(missing, drawn), strict=True)
        own_prompts = deal(step, chosen, encode=encode, world=world)
        if first is not None and not drawn:
            scored = first
        else:
            done = draw_round(
                own_prompts, engine=engine, reward=reward, config=config, world=world, should_stop=should_stop
            )
            scored, generating = done.scored, generating + done.generating
        own += scored
        drawn += missing
        fresh = sorted(world.gather([_record(item) for item in scored]), key=lambda r: (r.group, r.sample_index))
        records += fresh
        rewards = _rewards(fresh)
        kept += [number for number in numbers if rounds == 1 or not zero_spread(rewards[number])]
        if len(kept) == wanted:
            break
    window = _rows(own, records, kept, config)
    window.drawn, window.generating = drawn, generating
    return window


def deal(
    step: int,
    chosen: Iterable[tuple[int, Problem]],
    *,
    encode: Callable[[Problem, str], Prompt],
    world: World,
) -> list[Prompt]:
    """This process's prompts of a round: (place in the step, problem) → every so-many-th."""
    return [encode(problem, f"{step}/{number}") for number, problem in chosen if number % world.size == world.rank]


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """This process's completions of a round."""

    scored: list[Rewarded]
    generating: float
    """Seconds until the last completion was there."""


def draw_round(
    prompts: Sequence[Prompt],
    *,
    engine: RolloutEngine,
    reward: Scorer,
    config: TrainConfig,
    world: World,
    should_stop: Callable[[], bool] = lambda: False,
) -> Round:
    """A group for each prompt, scored, in order. Speaks to no other process, so any thread may call it."""
    ended: list[float] = []
    with world.autocast():
        drawing = engine.generate(prompts, samples=config.rollout.group, sampling=sampling_of(config))
        began = time.perf_counter()
        scored = score_rollouts(reward, _until(drawing, should_stop, ended))
    scored.sort(key=lambda item: (_group(item), item.rollout.sample_index))
    return Round(scored=scored, generating=ended.pop() - began)


def sampling_of(config: TrainConfig) -> Sampling:
    """How the run samples."""
    return Sampling(
        temperature=config.rollout.temperature,
        top_p=1.0,
        max_tokens=config.rollout.max_tokens,
        stop=config.rollout.stop,
        seed=config.seed,
    )


def _rows(own: Sequence[Rewarded], records: Sequence[Record], kept: Sequence[int], config: TrainConfig) -> Window:
    """Advantages, and rows in mini-batches."""
    rewards = _rewards(records)
    flat = list(itertools.chain.from_iterable(rewards[number] for number in kept))
    advantages = group_advantages(flat, config.rollout.group, config.advantages)
    batch_of = {number: place * config.optimizer.updates // len(kept) for place, number in enumerate(kept)}
    advantage_of = {
        (number, index): advantages[place * config.rollout.group + index]
        for place, number in enumerate(kept)
        for index in range(config.rollout.group)
    }

    def teaches(record: Record) -> bool:
        hidden = config.optimizer.mask_truncated and record.truncated
        return record.group in batch_of and record.reward is not None and not hidden

    count = config.optimizer.updates
    taught = [[r for r in records if teaches(r) and batch_of[r.group] == batch] for batch in range(count)]
    batches: list[list[Row]] = [[] for _ in range(count)]
    for item in own:
        record = _record(item)
        if teaches(record):
            completion = item.rollout.completion
            batches[batch_of[record.group]].append(
                Row(
                    prompt_ids=item.rollout.prompt.token_ids,
                    completion_ids=completion.token_ids or (),
                    advantage=advantage_of[record.group, record.sample_index],
                    sampling=completion.logprobs,
                )
            )
    totals = [
        Totals(rows=len(rows), tokens=sum(r.tokens for r in rows), max_tokens=config.rollout.max_tokens)
        for rows in taught
    ]
    return Window(
        batches=batches, totals=totals, records=list(records), groups=len(kept), drawn=len(kept), samples=list(own)
    )


def summarise(window: Window) -> dict[str, Any]:
    """Rewards, lengths and groups of a window, for the log."""
    records = window.records
    known = [record.reward for record in records if record.reward is not None]
    rewards = _rewards(records)
    summary: dict[str, Any] = {
        "reward": _mean(known),
        "reward_std": None
        if len(known) < 2
        else (sum((r - sum(known) / len(known)) ** 2 for r in known) / len(known)) ** 0.5,
        "verifier_errors": 1 - len(known) / len(records),
        "equal_groups": sum(zero_spread(values) for values in rewards.values()) / len(rewards),
        "truncation": _mean([float(record.truncated) for record in records]),
        "repetition": _mean([float(record.repetitive) for record in records]),
        "length": _mean([float(record.tokens) for record in records]),
        "length_max": max(record.tokens for record in records),
        "completions": len(records),
        "groups": window.groups,
        "generated_tokens": sum(record.tokens for record in records),
    }
    for name in sorted({name for record in records for name in record.parts}):
        values = [value for record in records if (value := record.parts.get(name)) is not None]
        summary[f"reward/{name}"] = _mean(values)
    return summary | _languages([record.languages for record in records if record.languages])


def _languages(mixes: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean share of each language, and of all but each completion's main one (`language_mix`)."""
    if not mixes:
        return {}
    names = sorted({name for mix in mixes for name in mix})
    means = {f"language/{name}": sum(mix.get(name, 0.0) for mix in mixes) / len(mixes) for name in names}
    return means | {"language_mix": sum(1.0 - max(mix.values()) for mix in mixes) / len(mixes)}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _rewards(records: Sequence[Record]) -> dict[int, list[float | None]]:
    """The rewards of each group, in order of the sample index."""
    rewards: dict[int, list[float | None]] = {}
    for record in records:
        rewards.setdefault(record.group, []).append(record.reward)
    return rewards


def _group(item: Rewarded) -> int:
    return int(item.rollout.prompt.key.rpartition("/")[2])


def _record(item: Rewarded) -> Record:
    completion = item.rollout.completion
    return Record(
        group=_group(item),
        sample_index=item.rollout.sample_index,
        reward=item.reward,
        parts=dict(item.result.parts),
        tokens=len(completion.token_ids or ()),
        truncated=truncated(completion),
        repetitive=metrics.is_repetitive(completion.text),
        languages=next((mix for v in item.result.verdicts.values() if (mix := v.details.get("mix"))), None),
    )


def _until(rollouts: Iterator[Rollout], should_stop: Callable[[], bool], ended: list[float]) -> Iterator[Rollout]:
    """The rollouts, unless asked to stop; notes when the last one was there."""
    for rollout in rollouts:
        if should_stop():
            raise StopRequestedError
        yield rollout
    ended.append(time.perf_counter())
