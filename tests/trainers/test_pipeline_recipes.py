"""The small recipes at their full size, killed (-9) once in every stage; writes results/pipelines. `make pipelines`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.trainers.killing import kill_in_every_stage

RECIPES = {
    "r1-zero-small": ["world", "base", "reasoning-rl"],
    "r1-small": ["world", "base", "cold-start", "reasoning-rl", "rejection", "sft", "all-scenarios-rl"],
    "distill-small": ["world", "teacher-base", "teacher", "rows", "student-base", "student"],
}


@pytest.mark.pipelines
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_small_recipe_survives_a_kill_in_every_stage(recipe: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert kill_in_every_stage(recipe, output, {}) == RECIPES[recipe]
    stages = json.loads((output / "stages.json").read_text())["stages"]
    assert [row["stage"] for row in stages] == RECIPES[recipe]
    assert all(row["sessions"] >= 2 for row in stages)
    score = {row["stage"]: row["scores"][0] for row in stages if row["scores"]}
    for row in stages:
        for entry in row["scores"]:
            entry["run"] = ""  # a temporary folder
    if recipe == "r1-zero-small":
        assert score["reasoning-rl"]["low"] > score["base"]["high"]
    elif recipe == "r1-small":
        assert score["all-scenarios-rl"]["low"] > score["base"]["high"]
        assert score["reasoning-rl"]["value"] > score["cold-start"]["value"]
    else:
        assert score["teacher"]["value"] > score["teacher-base"]["value"]
        assert score["student"]["low"] > score["student-base"]["high"]
    target = ROOT / "results" / "pipelines"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(output / "stages.md", target / f"{recipe}.md")
    (target / f"{recipe}.json").write_text(json.dumps({"recipe": recipe, "stages": stages}, indent=1) + "\n")
