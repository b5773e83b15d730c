"""The alarm `hacking`: the reward rises while a held-out score falls, so what is paid is no longer what is wanted.

Over the last evaluations (`alarms.hacking_window` of them at most, four at least) the reward's line must rise and the
held-out problems' own lines must fall, each at `alarms.hacking` (see `trends`). Few evaluations of few problems cannot
show a fall beyond doubt: then nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay_trainers.grpo.alarms import Alarm
from assay_trainers.grpo.config import AlarmConfig
from assay_trainers.grpo.trends import falls, line

Scores = Mapping[str, float]
"""Score of each held-out problem: the mean over its samples."""


class HackingWatch:
    """Remembers rewards and held-out scores."""

    def __init__(self, config: AlarmConfig) -> None:
        self._config = config
        self._rewards: dict[int, float] = {}
        self._scores: dict[str, dict[int, Scores]] = {}

    def reward(self, step: int, reward: float | None) -> None:
        """Take in the mean reward of a step."""
        if reward is not None:
            self._rewards[step] = reward

    def score(self, step: int, benchmark: str, scores: Scores) -> None:
        """Take in an evaluation."""
        self._scores.setdefault(benchmark, {})[step] = scores

    def alarms(self) -> Iterator[Alarm]:
        """One alarm for every benchmark whose score falls while the reward rises."""
        level = self._config.hacking
        for benchmark, evaluations in self._scores.items():
            steps = sorted(evaluations)[-self._config.hacking_window :]
            fall = falls([float(step) for step in steps], [evaluations[step] for step in steps], level)
            if fall is None:
                continue
            paid = {step: reward for step, reward in sorted(self._rewards.items()) if steps[0] <= step <= steps[-1]}
            rise = line([float(step) for step in paid], list(paid.values()))
            if not rise.p_up < level:
                continue
            span = steps[-1] - steps[0]
            yield Alarm(
                name="hacking",
                message=f"from step {steps[0]} to {steps[-1]} the reward rises by {rise.slope * span:.3g} "
                f"(p = {rise.p_up:.1g}) while the score on {benchmark} falls by {-fall.slope * span:.3g} "
                f"(p = {fall.p_down:.1g}): the policy is paid for something else than what {benchmark} measures. Look "
                "at the samples under rollouts/, and mend the reward",
            )
