"""What the policy wrote in training and what it was paid for, kept as runs of the sample store.

    OUTPUT/rollouts/step-000050/…    a run of the completions of steps 1 to 50: the first `log_samples` of each step

`assay report OUTPUT/rollouts` tabulates them; the viewer shows each text with its verdict. A sample's verdict is that
of the reward's main term (accuracy), with its extracted answer; its reason begins with the reward and its parts, and
`details` holds every term's verdict. Bounded: so many samples a step, and the oldest runs go when there are too many.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import Outcome, Problem, RunWriter, Sampling, Verdict
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.rewarding import Rewarded, Scorer
from assay_trainers.grpo.rollouts import sample_seed

_REASON = 2000
"""Characters of a term's reason that are kept."""


class RolloutLog:
    """Records completions, in a run of the store for every `logging.samples_run` steps.

    Args:
        config: Of the training run.
        problems: What it trains on.
        reward: Its terms and versions are recorded where it has them.
    """

    def __init__(self, config: TrainConfig, problems: Sequence[Problem], reward: Scorer) -> None:
        self._config, self._reward = config, reward
        self._folder = (Path(config.output) / "rollouts").resolve()
        self._name = f"train:{config.data.benchmark or Path(config.data.path or 'data').stem}"
        self._revision = _revision(problems)
        self._writer: RunWriter | None = None
        self._last = 0

    def record(self, step: int, samples: Sequence[Rewarded]) -> None:
        """Record some completions of a step. Recording a step again replaces what was recorded of it."""
        span = self._config.logging.samples_run
        last = -(-step // span) * span
        if self._writer is not None and last != self._last:
            self.close()
        if not samples:
            return
        if self._writer is None:
            self._writer, self._last = self._open(last, samples[0]), last
        term, versions = main_term(self._reward), _versions(self._reward)
        for item in samples:
            prompt, index = item.rollout.prompt, item.rollout.sample_index
            named = "" if term is None or term.verifier == "routed" else str(term.verifier)
            verifier = named or prompt.problem.verifier or type(self._reward).__name__
            self._writer.append(
                f"{prompt.key}/{prompt.problem.id}/{index}",
                problem_id=prompt.problem.id,
                prompt=list(prompt.token_ids),
                completion=item.rollout.completion,
                verdict=judgement(item, main=None if term is None else term.name),
                verifier=verifier,
                version=versions.get(verifier, "unknown"),
                seed=sample_seed(self._config.seed, prompt, index),
            )
        if step == last:
            self.close()

    def close(self) -> None:
        """Seal the run that is open. Safe to call twice; recording may go on afterwards."""
        if self._writer is not None:
            try:
                self._writer.seal()
            finally:
                self._writer.close()
                self._writer = None
            for old in sorted(self._folder.glob("step-*"))[: -self._config.logging.samples_keep]:
                shutil.rmtree(old, ignore_errors=True)

    def _open(self, last: int, first: Rewarded) -> RunWriter:
        config = self._config
        prompt = first.rollout.prompt
        return RunWriter(
            self._folder,
            model=f"policy:{Path(config.output).name}/step-{last:06d}",
            fingerprint=config.hash,
            benchmark=self._name,
            revision=self._revision,
            sampling=Sampling(
                temperature=config.rollout.temperature,
                top_p=1.0,
                max_tokens=config.rollout.max_tokens,
                stop=config.rollout.stop,
                seed=config.seed,
            ),
            planned=config.logging.samples_run * config.log_samples,
            template=config.data.template,
            first_prompt="\n\n".join(message.content for message in prompt.problem.prompt),
            verifiers=_versions(self._reward),
        )


def judgement(item: Rewarded, *, main: str | None = None) -> Verdict:
    """One verdict out of a reward: its main term's, with the payment in reason and details.

    Args:
        item: The completion and what it earned.
        main: The term that says whether the answer is right; the first that was checked if not given.
    """
    result, reward = item.result, item.reward
    terms = dict(result.verdicts)
    chosen = terms.get(main or "") or next(iter(terms.values()), None)
    parts = ", ".join(f"{name} {value:.3g}" for name, value in result.parts.items() if value is not None)
    paid = (
        f"paid {reward:.4g}" + (f" ({parts})" if parts else "") if reward is not None else "not paid: our check failed"
    )
    details: dict[str, Any] = {
        "reward": reward,
        "parts": dict(result.parts),
        "terms": {name: _described(verdict) for name, verdict in terms.items()},
    }
    if reward is None:
        failed = [verdict for verdict in terms.values() if verdict.outcome.is_ours]
        outcome = failed[0].outcome if failed else Outcome.ERROR
        reasons = "; ".join(verdict.reason for verdict in failed)
        return Verdict(outcome=outcome, reason=f"{paid}: {reasons}"[:_REASON], details=details)
    if chosen is not None:
        return Verdict(
            outcome=chosen.outcome,
            score=chosen.score,
            extracted=chosen.extracted,
            reason=f"{paid}: {chosen.reason}"[:_REASON] if chosen.reason else paid,
            details=details,
            seconds=chosen.seconds,
        )
    # A reward written in Python, without verdicts: its number is all there is, and a score lies in [0, 1].
    return Verdict(outcome=Outcome.GRADED, score=min(1.0, max(0.0, reward)), reason=paid, details=details)


def _revision(problems: Sequence[Problem]) -> str:
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(
            repr((problem.id, problem.prompt, problem.reference, problem.verifier)).encode("utf-8", "replace")
        )
    return digest.hexdigest()


def _described(verdict: Verdict) -> Mapping[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "score": verdict.score,
        "extracted": verdict.extracted,
        "reason": verdict.reason[:_REASON],
    }


def _versions(reward: Scorer) -> dict[str, str]:
    return dict(getattr(reward, "versions", {}))


def main_term(reward: Scorer) -> Any | None:
    """The term that compares with the reference: the routed one, else the first; None where there are no terms."""
    terms = getattr(getattr(reward, "config", None), "terms", ())
    return min(terms, key=lambda term: term.verifier != "routed", default=None)
