"""Completions drawn and judged elsewhere, written as a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay import Completion, FinishReason, Outcome, RunWriter, Sampling, StoreError, Verdict, load_result
from assay.cli.report import report
from assay.runs.store import SampleStore


def open_writer(out: Path, **changes: Any) -> RunWriter:
    arguments: dict[str, Any] = {
        "model": "policy:runs/math/step-000050",
        "fingerprint": "f",
        "benchmark": "train:sums",
        "revision": "r",
        "sampling": Sampling(temperature=1.0, top_p=1.0, max_tokens=8),
        "planned": 4,
        "verifiers": {"boxed_math": "3"},
    }
    return RunWriter(out, **arguments | changes)


def append(writer: RunWriter, name: str, problem: str, score: float, **changes: Any) -> None:
    verdict = Verdict(outcome=Outcome.GRADED, score=score, extracted="4", reason="paid 1")
    arguments: dict[str, Any] = {
        "prompt": [1, 2],
        "completion": Completion(text="4", num_tokens=2),
        "verdict": verdict,
        "verifier": "boxed_math",
        "version": "3",
    }
    writer.append(name, problem_id=problem, **arguments | changes)


def test_samples_are_numbered_by_problem_and_counted(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        for name, problem, score in [("1/0", "a", 1.0), ("1/1", "a", 0.0), ("2/0", "b", 1.0), ("3/0", "a", 0.0)]:
            append(writer, name, problem, score)
        result = writer.seal()
    assert result.path == tmp_path / "step-000050" / result.path.name
    assert result.summary["complete"]
    assert result.summary["samples_per_problem"] == 3
    assert result.summary["metrics"]["pass@1"]["value"] == pytest.approx((1 / 3 + 1) / 2)
    again = load_result(result.path)
    assert again.summary == result.summary
    assert again.scores() == {"a": [1.0, 0.0, 0.0], "b": [1.0]}


def test_a_step_that_is_repeated_counts_once_and_with_its_last_completion(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        append(writer, "1/0", "a", 0.0)
        append(writer, "2/0", "a", 0.0)
    # Killed before it was sealed: an unfinished run, readable as it is.
    (folder,) = (tmp_path / "step-000050").iterdir()
    assert not load_result(folder).summary["complete"]
    with open_writer(tmp_path) as writer:
        append(writer, "2/0", "a", 1.0, completion=Completion(text="again", num_tokens=2))
        append(writer, "3/0", "a", 1.0)
        result = writer.seal()
    assert result.scores() == {"a": [0.0, 1.0, 1.0]}
    with SampleStore.open(result.path) as store:
        assert [record.completion.text for record in store.records(store.rows)] == ["4", "again", "4"]


def test_our_own_failure_is_no_score(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        append(writer, "1/0", "a", 0.0, verdict=Verdict(outcome=Outcome.ERROR, reason="the judge is away"))
        append(writer, "1/1", "a", 1.0)
        append(
            writer, "1/2", "a", 0.0, verdict=Verdict(outcome=Outcome.TRUNCATED),
            completion=Completion(text="…", finish_reason=FinishReason.LENGTH),
        )  # fmt: skip
        result = writer.seal()
    assert result.scores() == {"a": [None, 1.0, 0.0]}
    assert result.summary["num_errors"] == 1


def test_another_verifier_is_another_run(tmp_path: Path) -> None:
    with open_writer(tmp_path) as first, open_writer(tmp_path, verifiers={"boxed_math": "4"}) as second:
        assert first.folder != second.folder
        with pytest.raises(StoreError, match="is in use by"):
            open_writer(tmp_path)


def test_the_report_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_writer(tmp_path) as writer:
        append(writer, "1/0", "a", 1.0)
        writer.seal()
    report([str(tmp_path)], as_csv=True)
    shown = capsys.readouterr().out
    assert "train:sums" in shown
    assert "policy:runs/math/step-000050" in shown
