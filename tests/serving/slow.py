"""A plugin for the tests of the server: a verifier that takes as long as the answer says, or dies."""

from __future__ import annotations

import os
import time

import assay
from assay import BaseVerifier, Completion, Outcome, Problem, Verdict


class Slow(BaseVerifier):
    """Sleeps for the seconds that the response names; "die" kills its process."""

    name = "slow"
    version = "1"
    needs_reference = False

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        if completion.text == "die":
            os._exit(9)
        time.sleep(float(completion.text))
        return Verdict(outcome=Outcome.GRADED, score=1.0)


@assay.hookimpl
def register_verifiers() -> dict[str, type[Slow]]:
    return {"slow": Slow}
