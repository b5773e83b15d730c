"""A check that only a worker process can do: what `assay doctor` asks of the verification pool."""

from __future__ import annotations

import os

from assay.types import Completion, Outcome, Problem, Verdict


class Probe:
    """Right in a process other than the one that asked."""

    name = "probe"
    version = "1"

    def __init__(self) -> None:
        self.asked_by = os.getpid()

    def verify(self, problem: Problem, completion: Completion) -> Verdict:  # noqa: ARG002  the contract
        """Ignore both and look where this runs."""
        right = os.getpid() != self.asked_by
        return Verdict(outcome=Outcome.GRADED, score=float(right), reason="" if right else "no worker process ran")
