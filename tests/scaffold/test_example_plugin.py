"""A package of a third party (`tests/example_plugin`): installed for real, tested by its own tests, listed, and run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.conftest import ROOT
from tests.scaffold.conftest import Environment

RESPONSES = ["A leap year.\nAnswer: Thursday", "Answer: Friday", "<think>Answer: Thursday"]


def test_it_installs_and_does_its_work(environment: Environment, tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(ROOT / "tests" / "example_plugin", package)
    with environment.installed(package, "assay-weekdays"):
        assert "passed" in environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package)
        listed = json.loads(environment.run("-m", "assay", "plugins", "--json", cwd=tmp_path))
        ours = {info["name"]: info for info in listed if info["distribution"] == "assay-weekdays 0.1.0"}
        assert set(ours) == {"weekdays", "weekdays_log"}
        assert ours["weekdays"]["verifiers"] == ["weekday"]
        assert ours["weekdays"]["benchmarks"] == ["weekdays"]
        assert set(ours["weekdays_log"]["hooks"]) == {"run_started", "sample_recorded", "run_finished", "training_step"}

        run = ("run", "almanac:0", "weekdays:2", "--limit", "5", "--out", "runs")
        environment.run("-m", "assay", *run, cwd=tmp_path)
        (summary,) = (json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("summary.json"))
        assert summary["metrics"]["pass@1"]["value"] == 1.0, "an almanac that never slips"
        assert summary["outcomes"]["graded"] == 10

        rows = [{"id": str(n), "response": text, "answer": "2024-02-29"} for n, text in enumerate(RESPONSES)]
        (tmp_path / "responses.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        score = ("score", "responses.jsonl", "--verifier", "weekday", "--json")
        scored = json.loads(environment.run("-m", "assay", *score, cwd=tmp_path))
        counts = {outcome: count for outcome, count in scored["outcomes"].items() if count}
        assert counts == {"graded": 2, "no_answer": 1}
