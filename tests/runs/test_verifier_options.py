"""Options of verifiers in a run: where they come from, what they change, and that they are recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

import assay
from assay import BaseBenchmark, Message, Problem, StoreError, UsageError
from assay.runs.manifest import load_manifest


class Sums(BaseBenchmark):
    """Answers may stand outside a box, says the benchmark."""

    name = "sums"
    verifier_options: ClassVar = {"boxed_math": {"extraction": "lenient"}}

    def problems(self) -> list[Problem]:
        asked = (Message(role="user", content="2+2?"),)
        return [Problem(id="1", prompt=asked, reference="4", verifier="boxed_math")]


@pytest.fixture
def replay(tmp_path: Path) -> str:
    path = tmp_path / "responses.jsonl"
    path.write_text(json.dumps({"problem_id": "1", "response": "It is\n4"}) + "\n")
    return f"replay:{path}"


def test_a_benchmarks_own_options_are_used_and_recorded(replay: str, tmp_path: Path) -> None:
    (result,) = assay.evaluate(replay, Sums(), out=tmp_path / "runs")
    assert result.summary["metrics"]["pass@1"]["value"] == 1.0
    assert load_manifest(result.path)["verifier_options"] == Sums.verifier_options


def test_a_runs_options_go_over_them_and_may_not_change_under_way(replay: str, tmp_path: Path) -> None:
    strict = {"boxed_math": {"extraction": "strict"}}
    (result,) = assay.evaluate(replay, Sums(), out=tmp_path / "runs", verifier_options=strict)
    assert result.summary["metrics"]["pass@1"]["value"] == 0.0
    assert load_manifest(result.path)["verifier_options"] == strict
    with pytest.raises(StoreError, match="scored with the verifier options"):
        assay.evaluate(replay, Sums(), out=tmp_path / "runs")
    assay.evaluate(replay, Sums(), out=tmp_path / "runs", verifier_options=strict)


def test_options_for_a_verifier_that_no_benchmark_uses_are_a_mistake(replay: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"format_tags.*boxed_math"):
        assay.evaluate(replay, Sums(), out=tmp_path, verifier_options={"format_tags": {"graded": True}})
    with pytest.raises(UsageError, match="tolerance"):
        assay.evaluate(replay, Sums(), out=tmp_path, verifier_options={"boxed_math": {"tolerance": 1}})
