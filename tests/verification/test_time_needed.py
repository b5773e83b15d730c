"""A verifier that says how long a check may take is not cut off at the pool's timeout."""

from __future__ import annotations

import pytest
from tests.verification.helpers import Sleeper

from assay import Completion, Outcome, Pool, Problem, VerifierError

PROBLEM = Problem(id="p", prompt=(), reference=None)


def test_the_larger_of_both_holds() -> None:
    with Pool(workers=1, timeout=0.5) as pool:
        assert pool.verify(Sleeper(seconds=1.0, needed=30.0), PROBLEM, Completion(text="")).score == 1.0
        assert pool.verify(Sleeper(seconds=0.0, needed=0.001), PROBLEM, Completion(text="")).score == 1.0
        for needed in (None, 0.001):
            verdict = pool.verify(Sleeper(seconds=30.0, needed=needed), PROBLEM, Completion(text=""))
            assert verdict.outcome is Outcome.VERIFIER_TIMEOUT


def test_a_callers_timeout_comes_first() -> None:
    with Pool(workers=1) as pool:
        verdict = pool.verify(Sleeper(seconds=30.0, needed=60.0), PROBLEM, Completion(text=""), timeout=0.3)
        assert verdict.outcome is Outcome.VERIFIER_TIMEOUT


@pytest.mark.parametrize("needed", [-1.0, float("inf"), "long"])
def test_nonsense_is_refused(needed: object) -> None:
    with Pool(workers=1) as pool, pytest.raises(VerifierError, match="how long"):
        pool.submit(Sleeper(seconds=0.0, needed=needed), PROBLEM, Completion(text=""))
