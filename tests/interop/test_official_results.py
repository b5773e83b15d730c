"""Importing what the runners of SWE-bench and Aider write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.cli import main
from assay.interop.official_results import import_aider, import_swe_bench

REPORT = {
    "total_instances": 10, "submitted_instances": 8, "completed_instances": 6, "resolved_instances": 4,
    "unresolved_instances": 2, "empty_patch_instances": 1, "error_instances": 1,
    "submitted_ids": [f"r{n}" for n in range(4)] + ["u0", "u1", "p0", "e0"], "completed_ids": [],
    "incomplete_ids": ["i0", "i1"], "resolved_ids": [f"r{n}" for n in range(4)], "unresolved_ids": ["u0", "u1"],
    "empty_patch_ids": ["p0"], "error_ids": ["e0"], "schema_version": 2,
}  # fmt: skip


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def test_swe_bench_tells_unresolved_from_errors(tmp_path: Path) -> None:
    report = write(tmp_path / "deepseek.run1.json", REPORT)
    patches = tmp_path / "preds.jsonl"
    patches.write_text(json.dumps({"instance_id": "r0", "model_patch": "diff --git", "model_name_or_path": "m"}) + "\n")
    result = import_swe_bench(report, tmp_path / "runs", predictions=patches)
    outcomes = result.summary["outcomes"]
    assert (outcomes["graded"], outcomes["no_answer"], outcomes["error"]) == (6, 1, 3)
    assert result.summary["metrics"]["pass@1"]["value"] == pytest.approx(4 / 7), "errors are not the model's"
    assert result.summary["aggregates"] == {"resolved of 10": 0.4}
    assert result.manifest["model"] == "import:deepseek"
    import pyarrow.parquet

    rows = {row["problem_id"]: row for row in pyarrow.parquet.read_table(result.path / "samples.parquet").to_pylist()}
    assert rows["r0"]["text"] == "diff --git"
    assert "log" in rows["e0"]["reason"]
    again = import_swe_bench(report, tmp_path / "runs", predictions=patches)
    assert again.path == result.path
    assert again.summary["num_samples"] == 10, "the same file twice is one run"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolved_ids": None}, "resolved_ids must be a list"),
        ({"unresolved_ids": ["r0"]}, "r0 under two outcomes"),
        ({"total_instances": 3}, "contradicts itself"),
    ],
)
def test_reports_that_contradict_themselves_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    report = write(tmp_path / "m.json", REPORT | change)
    with pytest.raises(assay.DataError, match=message):
        import_swe_bench(report, tmp_path / "runs")


def exercise(folder: Path, name: str, **values: Any) -> None:
    base = {"testcase": name, "model": "deepseek/r1", "edit_format": "diff", "num_malformed_responses": 0}
    write(folder / "python" / "exercises" / "practice" / name / ".aider.results.json", base | values)


def test_aider_counts_both_tries_and_tells_exceptions_apart(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    exercise(folder, "one", tests_outcomes=[True])
    exercise(folder, "two", tests_outcomes=[False, True], num_malformed_responses=1)
    exercise(folder, "three", tests_outcomes=[False, False])
    exercise(folder, "four", exception="docker went away")
    exercise(folder, "five", tests_outcomes=[])
    result = import_aider(folder, tmp_path / "runs")
    assert result.summary["aggregates"] == {"pass rate 1": 0.2, "pass rate 2": 0.4, "well formed": pytest.approx(2 / 3)}
    assert result.summary["metrics"]["pass@1"]["value"] == pytest.approx(2 / 3)
    assert result.summary["outcomes"]["error"] == 2
    assert result.manifest["model"] == "import:deepseek/r1"


def test_what_is_no_result_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(assay.UsageError, match=r"no \.aider\.results\.json"):
        import_aider(tmp_path, tmp_path / "runs")
    exercise(tmp_path / "b", "one", tests_outcomes="yes")
    with pytest.raises(assay.DataError, match="list of true and false"):
        import_aider(tmp_path / "b", tmp_path / "runs")
    exercise(tmp_path / "b", "one", tests_outcomes=[True])
    exercise(tmp_path / "b", "two", tests_outcomes=[True], model="other")
    with pytest.raises(assay.UsageError, match="--model"):
        import_aider(tmp_path / "b", tmp_path / "runs")
    for arguments, code in ((["swe-bench", str(tmp_path / "none.json")], 1), (["aider", str(tmp_path / "b")], 2)):
        with pytest.raises(SystemExit) as ended:
            main(["import", *arguments, "--out", str(tmp_path / "runs")])
        assert ended.value.code == code


def test_the_command_shows_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = write(tmp_path / "deepseek.run1.json", REPORT)
    with pytest.raises(SystemExit) as ended:
        main(["import", "swe-bench", str(report), "--out", str(tmp_path / "runs")])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "swe_bench_verified" in shown
    assert "resolved of 10 0.4000" in shown
