"""What a run must not keep quiet about: each alarm has a name, a threshold in the configuration, and a remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay_trainers.grpo.config import AlarmConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One thing that is wrong."""

    name: str
    message: str
    """What was found, and what to do."""


def find_alarms(metrics: Mapping[str, Any], config: AlarmConfig) -> Iterator[Alarm]:
    """The alarms of a step's metrics; a metric that is missing or None raises none."""
    if metrics.get("completions") and metrics.get("reward") is None:
        yield Alarm(
            name="all_unknown",
            message="no completion of this step has a reward: every check failed on our side. Look at the verdicts "
            "under rollouts (`assay report`, and `assay doctor` checks the verifiers)",
        )
    checks = (
        (
            "mismatch", config.mismatch,
            "sampler and trainer disagree by {value:.3g} nats a token (limit {limit:g}): the sampler has other "
            "weights, another temperature or another precision than the trainer",
        ),
        (
            "truncation", config.truncation,
            "{value:.0%} of the completions were cut off (limit {limit:.0%}): raise rollout.max_tokens",
        ),
        (
            "equal_groups", config.equal_groups,
            "in {value:.0%} of the groups all rewards are the same (limit {limit:.0%}), so they teach nothing: the "
            "problems are too easy or too hard for this policy, or the reward is constant",
        ),
        (
            "verifier_errors", config.verifier_errors,
            "{value:.0%} of the checks failed on our side (limit {limit:.0%}): look at the verdicts under rollouts",
        ),
        (
            "repetition", config.repetition,
            "{value:.0%} of the completions end in a loop (limit {limit:.0%}): lower the learning rate, or punish "
            "repetition in the reward (shaping `repetition`)",
        ),
        (
            "kl", config.kl,
            "the policy has moved {value:.3g} nats a token from its reference (limit {limit:g}): lower the learning "
            "rate or raise loss.beta",
        ),
    )  # fmt: skip
    for name, limit, message in checks:
        value = metrics.get(name)
        if value is not None and not value <= limit:
            yield Alarm(name=name, message=message.format(value=value, limit=limit))
