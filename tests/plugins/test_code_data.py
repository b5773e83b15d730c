"""Real programs: all sets with `make code-data` (marker `code_data`), a sample of each in every run."""

from __future__ import annotations

import pytest
from tests.plugins import code_data

from assay import RunMode, Sandbox
from assay_plugins.code_tests.results import Status

EXCUSED = {**code_data.NEEDS_PACKAGES, **code_data.FAULTY_STATEMENT_TESTS}


@pytest.fixture(autouse=True)
def _needs_data() -> None:
    if not (code_data.DATA / "humaneval.jsonl").exists():
        pytest.skip(f"{code_data.DATA} is missing; set ASSAY_DATA to the folder of the shared data")


def check(sandbox: Sandbox, cases: list[code_data.Case], mode: RunMode) -> None:
    tally = code_data.run_cases(sandbox, cases, mode)
    assert sum(tally.counts.values()) == len(cases) >= 4
    assert not [(case.id, judgement) for case, judgement in tally.odd if judgement.status is Status.JUDGE_ERROR]
    assert not [(case.id, judgement) for case, judgement in tally.odd if case.id not in EXCUSED]


@pytest.mark.parametrize("name", [name for name in code_data.SETS if name != "library-checker"])
def test_a_sample_is_accepted(sandbox: Sandbox, name: str) -> None:
    check(sandbox, list(code_data.SETS[name](sandbox))[::40], "fork")


def test_solutions_and_checkers_of_library_checker(sandbox: Sandbox) -> None:
    cases = list(code_data.library_checker(sandbox, only=("aplusb", "cycle_detection")))
    assert {case.right for case in cases} == {True, False}
    check(sandbox, cases, "exec")


@pytest.mark.code_data
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", ["exec", "fork"])
@pytest.mark.parametrize("name", code_data.SETS)
def test_everything_is_accepted(sandbox: Sandbox, name: str, mode: RunMode) -> None:
    check(sandbox, list(code_data.SETS[name](sandbox)), mode)
