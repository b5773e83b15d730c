"""`Reward`: verifiers, gates and shaping put together into one number per completion, and every part of it.

Checks run in the verification pool, all of a batch at once; a gated term waits for its gate and is not checked at all
where the gate is shut. A part without a value (our own failure) makes the total None: such a rollout is left out of its
group, never taken for a wrong one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.contracts import Verifier
from assay.errors import UsageError
from assay.plugins import get_verifier, list_verifiers
from assay.rewards.config import ROUTED, RewardConfig, Term, read_config
from assay.rewards.policy import OutcomePolicy
from assay.rewards.presets import preset
from assay.rewards.shaping import Shaping, make_shaping
from assay.types import Completion, Outcome, Problem, Verdict
from assay.verification import Pool, default_pool


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardResult:
    """What one completion earned."""

    total: float | None
    """Weighted sum of the parts; None where a part has no value: leave the rollout out."""
    parts: Mapping[str, float | None]
    """Each part before its weight. A term that is not for this problem is missing; one whose gate is shut is 0."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """The verdict of each term that was checked."""

    @property
    def failure(self) -> str:
        """What failed on our side, by term: why there may be no total; empty where nothing did."""
        return "; ".join(
            f"{name}: {verdict.reason}" for name, verdict in self.verdicts.items() if verdict.outcome.is_ours
        )


class Reward:
    r"""A reward function over problems and completions. Usable from any thread, and from several at once.

    Args:
        config: A `RewardConfig`, a mapping of the same shape, or the path of a YAML or JSON file.
        pool: Where checks run; the process's own pool if not given.

    Raises `UsageError` for a mistake in the configuration, naming the field.

    >>> reward = Reward({"terms": [{"name": "accuracy", "verifier": "boxed_math"}]})
    >>> from assay import Completion, Problem
    >>> reward([Problem(id="p", prompt=(), reference="4")], [Completion(text=r"2+2 is \boxed{4}")])
    [1.0]
    """

    def __init__(self, config: RewardConfig | Mapping[str, Any] | str | Path, *, pool: Pool | None = None) -> None:
        self.config = config if isinstance(config, RewardConfig) else read_config(config)
        self._pool = pool
        self.policy = OutcomePolicy(self.config.outcomes)
        self.shaping: list[tuple[str, float, Shaping]] = [
            (part.name, part.weight, make_shaping(part.kind, part.options)) for part in self.config.shaping
        ]
        self._verifiers: dict[str, Verifier] = {}
        self._named: dict[str, Verifier] = {
            term.name: get_verifier(term.verifier, **term.options)
            for term in self.config.terms
            if term.verifier != ROUTED
        }
        for term in self.config.terms:
            if term.verifier == ROUTED and term.options:
                raise UsageError(
                    f"the term {term.name!r} is routed to many verifiers: write their options under "
                    "'options: {VERIFIER: {...}}', beside 'terms'"
                )
            if unknown := set(term.only) - set(list_verifiers()):
                raise UsageError(
                    f"the term {term.name!r} is only for {', '.join(sorted(unknown))}, which no verifier is called: it "
                    f"would never count. There are {', '.join(sorted(list_verifiers()))}"
                )
        for name in self.config.options:
            self._routed(name)

    @classmethod
    def preset(cls, name: str, *, pool: Pool | None = None, **changes: Any) -> Reward:
        """A reward of the DeepSeek-R1 reports: "r1-zero", "r1-reasoning" or "r1-all-scenarios".

        `changes` replace fields of the preset's `RewardConfig`. See `assay.rewards.presets`.
        """
        return cls(preset(name, **changes), pool=pool)

    def __reduce__(self) -> tuple[type[Reward], tuple[RewardConfig]]:
        """Pickled as its configuration: a trainer's other processes check in pools of their own."""
        return type(self), (self.config,)

    @property
    def versions(self) -> dict[str, str]:
        """Version of every verifier that has been used so far, by name: record it with a training run."""
        return {verifier.name: verifier.version for verifier in (*self._named.values(), *self._verifiers.values())}

    def __call__(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[float | None]:
        """The total of each completion; None: leave this rollout out."""
        return [result.total for result in self.score(problems, completions)]

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[RewardResult]:
        """The total and every part, in order.

        Args:
            problems: The problem of each completion.
            completions: As many completions.

        Raises:
            UsageError: The lengths differ, a routed problem names no verifier, or shaping needs a token count that
                a completion lacks.
            VerifierError: A verifier cannot be run at all.
        """
        if len(problems) != len(completions):
            raise UsageError(f"a reward needs one problem for each completion: {len(problems)} and {len(completions)}")
        batch = _Batch(self, problems, completions)
        for terms in _by_gate_depth(self.config.terms):
            futures = batch.submit(terms)
            try:
                for place, future in futures.items():
                    batch.take(place, future.result())
            except BaseException:  # Ctrl-C, most of all: nobody will read the rest
                for future in futures.values():
                    future.cancel()
                raise
        return batch.results()

    async def ascore(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[RewardResult]:
        """`score` for asyncio: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.score, problems, completions)

    def pool(self) -> Pool:
        """Where its checks run."""
        return self._pool or default_pool()

    def verifier_of(self, term: Term, problem: Problem) -> Verifier | None:
        """Who checks this problem in a term; None where the term is not for it."""
        if term.only and problem.verifier not in term.only:
            return None
        if term.verifier != ROUTED:
            return self._named[term.name]
        if not problem.verifier:
            raise UsageError(
                f"the problem {problem.id!r} names no verifier, and the term {term.name!r} is routed by it: set "
                "Problem.verifier, or name the verifier in the term"
            )
        return self._routed(problem.verifier)

    def verifiers_of(self, problem: Problem) -> list[Verifier]:
        """Everyone who checks this problem."""
        found = (self.verifier_of(term, problem) for term in self.config.terms)
        return [verifier for verifier in found if verifier is not None]

    def _routed(self, name: str) -> Verifier:
        if name not in self._verifiers:
            self._verifiers[name] = get_verifier(name, **self.config.options.get(name, {}))
        return self._verifiers[name]


_Place = tuple[int, str]


class _Batch:
    """The state of one call of `score`."""

    def __init__(self, reward: Reward, problems: Sequence[Problem], completions: Sequence[Completion]) -> None:
        self._reward = reward
        self._problems = problems
        self._completions = completions
        self._values: list[dict[str, float | None]] = [{} for _ in problems]
        self._verdicts: list[dict[str, Verdict]] = [{} for _ in problems]

    def submit(self, terms: Iterable[Term]) -> dict[_Place, Future[Verdict]]:
        futures = {}
        pool = self._reward.pool()
        for term in terms:
            for index, (problem, completion) in enumerate(zip(self._problems, self._completions, strict=True)):
                verifier = self._reward.verifier_of(term, problem)
                if verifier is not None and self._gate_is_open(term, index):
                    futures[index, term.name] = pool.submit(verifier, problem, completion)
        return futures

    def take(self, place: _Place, verdict: Verdict) -> None:
        index, name = place
        self._verdicts[index][name] = verdict
        self._values[index][name] = self._reward.policy.value(verdict)

    def _gate_is_open(self, term: Term, index: int) -> bool:
        values = self._values[index]
        if term.gate is None or term.gate not in values:
            return True  # a gate that is not for this problem shuts nothing
        worth = values[term.gate]
        if worth is None or worth < term.gate_at:
            # An unknown gate leaves the term unknown, so that our failure does not shut it.
            values[term.name] = None if worth is None else 0.0
            return False
        return True

    def results(self) -> list[RewardResult]:
        return [self._result(index) for index in range(len(self._problems))]

    def _result(self, index: int) -> RewardResult:
        config = self._reward.config
        values, verdicts = self._values[index], self._verdicts[index]
        weighted = [(term.weight, values[term.name]) for term in config.terms if term.name in values]
        parts = {term.name: values[term.name] for term in config.terms if term.name in values}
        correct = _correct(config.terms, verdicts)
        for name, weight, shaping in self._reward.shaping:
            parts[name] = shaping.value(self._completions[index], correct)
            weighted.append((weight, parts[name]))
        # A part of weight 0 is only watched: its failure takes nothing away.
        counted = [(weight, value) for weight, value in weighted if weight]
        unknown = any(value is None for _, value in counted)
        total = None if unknown else sum((weight * value for weight, value in counted if value is not None), 0.0)
        return RewardResult(total=total, parts=parts, verdicts=verdicts)


def _correct(terms: Iterable[Term], verdicts: Mapping[str, Verdict]) -> bool | None:
    """Whether the answer is right, for shaping: by the routed term, else by the first term that was graded."""
    ordered = sorted(terms, key=lambda term: term.verifier != ROUTED)
    for term in ordered:
        verdict = verdicts.get(term.name)
        if verdict is not None:
            return verdict.score == 1.0 if verdict.outcome is Outcome.GRADED else None
    return None


def _by_gate_depth(terms: Sequence[Term]) -> list[list[Term]]:
    """Terms in rounds: a gated term comes in a later round than its gate."""
    by_name = {term.name: term for term in terms}

    def depth(term: Term) -> int:
        return 0 if term.gate is None else 1 + depth(by_name[term.gate])

    rounds: list[list[Term]] = []
    for term in sorted(terms, key=depth):
        while len(rounds) <= depth(term):
            rounds.append([])
        rounds[depth(term)].append(term)
    return rounds
