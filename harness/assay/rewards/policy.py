"""What each outcome of a check is worth as a reward: one visible table.

A rollout that is wrong, unreadable or cut off is data, and earns what the table says. A check that failed on our side
says nothing about the rollout: its reward is None, and trainers leave it out of the group and its baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from assay.errors import UsageError
from assay.types import Outcome, Verdict

DEFAULT_WORTH: Mapping[Outcome, float | None] = {
    **{outcome: 0.0 for outcome in Outcome if outcome is not Outcome.GRADED and not outcome.is_ours},
    **{outcome: None for outcome in Outcome if outcome.is_ours},
}
"""Worth of every outcome without a score: the model's failures are 0, ours are None."""


class OutcomePolicy:
    """Turns verdicts into values.

    Args:
        worth: Changes to `DEFAULT_WORTH`, by outcome name; None leaves the rollout out.

    Raises `UsageError` for an unknown outcome, for `graded` (its score is its worth), for NaN and infinity, and where a
    failure of our own would be given a value: that would train the model on our bugs.
    """

    def __init__(self, worth: Mapping[str, float | None] | None = None) -> None:
        self.worth: dict[Outcome, float | None] = dict(DEFAULT_WORTH)
        for name, value in (worth or {}).items():
            known = ", ".join(sorted(self.worth))
            if name not in set(self.worth):
                raise UsageError(f"there is no outcome {name!r} to give a worth to; there are {known}")
            outcome = Outcome(name)
            if outcome.is_ours and value is not None:
                raise UsageError(
                    f"the outcome {name!r} is a failure of the verifier, not of the model: its worth is always null "
                    "(left out), never a number"
                )
            if value is not None and not math.isfinite(value):
                raise UsageError(f"the worth of the outcome {name!r} must be a finite number or null, got {value!r}")
            self.worth[outcome] = value

    def value(self, verdict: Verdict) -> float | None:
        """The score where graded, else the outcome's worth."""
        return verdict.score if verdict.outcome is Outcome.GRADED else self.worth[verdict.outcome]
