"""Recipes: references, currency, skipping, the stage table, mistakes, and a recipe killed in every stage."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import UsageError
from assay_trainers.pipeline.command import plan, run
from assay_trainers.pipeline.currency import content_hash, stage_key
from assay_trainers.pipeline.launching import StageFailedError, launch
from assay_trainers.pipeline.recipe import BUNDLED, read_recipe
from assay_trainers.pipeline.references import names_in, substitute
from assay_trainers.pipeline.rule_judge import verdict
from assay_trainers.pipeline.running import steps_of
from tests.trainers.killing import kill_in_every_stage
from tests.trainers.test_trainer import same, weights

TINY = {
    "stages.world.config": {"rows": 200, "below": 6, "held_out": 6, "layers": 1, "hidden": 32},
    "stages.base.config.steps": 12,
    "stages.base.config.checkpoints.every": 2,
    "stages.reasoning-rl.config.steps": 5,
    "stages.reasoning-rl.config.checkpoints.every": 1,
    "stages.reasoning-rl.config.rollout": {"prompts": 2, "group": 4, "max_tokens": 24},
    "evaluate.samples": 1,
}


def test_references_at_any_depth() -> None:
    value = {"model": "{base}", "data": {"path": ["{rl}/rows", "x"]}, "response": "{reasoning} {summary}", "n": 3}
    assert names_in(value) == {"base", "rl", "reasoning", "summary"}
    replaced = substitute(value, {"base": "B", "rl": "R"})
    assert replaced == {"model": "B", "data": {"path": ["R/rows", "x"]}, "response": "{reasoning} {summary}", "n": 3}


def test_a_key_changes_with_everything_upstream(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("one\n")
    config = {"model": "{base}", "data": {"path": str(rows)}}
    key = stage_key("sft", config, {"base": "stage 1"})
    assert key == stage_key("sft", config, {"base": "stage 1"})
    assert key != stage_key("grpo", config, {"base": "stage 1"})
    assert key != stage_key("sft", config, {"base": "stage 2"})
    assert key != stage_key("sft", config | {"rows": 3}, {"base": "stage 1"})
    rows.write_text("two\n")
    assert key != stage_key("sft", config, {"base": "stage 1"})
    copy = tmp_path / "elsewhere" / "rows.jsonl"
    copy.parent.mkdir()
    shutil.copy(rows, copy)
    assert content_hash(tmp_path / "elsewhere") == content_hash(copy.parent)
    assert content_hash(rows) == content_hash(copy)


def test_large_files_count_by_size_and_edges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay_trainers.pipeline import currency

    monkeypatch.setattr(currency, "_WHOLE_BYTES", 10)
    monkeypatch.setattr(currency, "_EDGE_BYTES", 4)
    file = tmp_path / "weights"
    hashes = []
    for content in (b"abcd----wxyz", b"abcd++++wxyz", b"abcd----wxy!", b"abcd---wxyz"):
        file.write_bytes(content)
        hashes.append(content_hash(file))
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def write_recipe(folder: Path, **changes: Any) -> Path:
    path = folder / "mine.yaml"
    recipe = {"output": str(folder / "out"), "stages": {"world": {"kind": "synthetic"}}} | changes
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": {}}, "has no stages"),
        ({"stages": {"a": {"kind": "sfd"}}}, "stages.a.kind"),
        ({"stages": {"judge": {"kind": "synthetic"}}}, "cannot be called 'judge'"),
        ({"files": {"problems": None}}, "needs a file: --set files.problems=PATH"),
        ({"files": {"problems": "nowhere.jsonl"}}, "files.problems: there is no nowhere.jsonl"),
        ({"variant": "7c", "variants": {"7b": {}}}, "no variant '7c'"),
        ({"stages": {"a": {"kind": "sft", "config": {"rows": 3}}}}, "the field 'model' is missing"),
        ({"stages": {"a": {"kind": "synthetic", "config": {"sede": 1}}}}, "no field 'sede'. Did you mean seed"),
        (
            {"stages": {"a": {"kind": "sft", "config": {"model": "{b}"}}, "b": {"kind": "synthetic"}}},
            "stage 'a' needs {b}, which comes after it",
        ),
        (
            {"evaluate": {"benchmarks": ["x"]}, "stages": {"a": {"kind": "sft", "evaluate": {"sampels": 1},
             "config": {"model": "x", "data": {"path": "y"}}}}},
            "no field 'sampels'. Did you mean samples",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_anything_runs(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        plan(write_recipe(tmp_path, **changes), {})
    assert not (tmp_path / "out").exists()


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(UsageError, match=r"no bundled recipe 'r1-zero-smal'\. Did you mean r1-zero-small"):
        plan("r1-zero-smal", {})


@pytest.mark.parametrize("name", sorted(path.stem for path in BUNDLED.glob("*.yaml")))
def test_every_bundled_recipe_and_variant_is_a_recipe(name: str, tmp_path: Path) -> None:
    data = yaml.safe_load((BUNDLED / f"{name}.yaml").read_text())
    file = tmp_path / "input.jsonl"
    file.write_text("")
    inputs = {f"files.{key}": str(file) for key in data.get("files", {})}
    for variant in [None, *data.get("variants", {})]:
        changes = {"output": str(tmp_path / "out"), **inputs, **({"variant": variant} if variant else {})}
        recipe, folder = read_recipe(name, changes)
        steps = steps_of(recipe, folder)
        assert [step.name for step in steps] == list(data["stages"])
        assert not any("{" in str(value) for step in steps for value in names_in(step.config) & set(data["stages"]))


def test_a_launcher_may_name_a_configuration_that_comes_with_the_trainers(tmp_path: Path) -> None:
    changes = {**TINY, "output": str(tmp_path / "out"), "launch": "false --config_file {configs}/fsdp2.yaml"}
    with pytest.raises(StageFailedError) as error:
        run("r1-zero-small", changes, lambda _: None)
    assert Path(str(error.value).split()[2]).is_file()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that nothing interrupted."""
    output = tmp_path_factory.mktemp("whole") / "out"
    said: list[str] = []
    assert run("r1-zero-small", {"output": str(output), **TINY}, said.append)
    assert not any("skipped" in line for line in said)
    return output


def test_current_stages_are_skipped_and_changed_ones_are_not(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    said: list[str] = []
    changes = {"output": str(tmp_path / "out"), **TINY}
    table = json.loads((tmp_path / "out" / "stages.json").read_text())
    assert [(row["stage"], row["did"]) for row in table["stages"]] == [
        ("world", ""), ("base", "12 steps"), ("reasoning-rl", "5 steps"),
    ]  # fmt: skip
    assert [len(row["scores"]) for row in table["stages"]] == [0, 1, 1]
    assert table["stages"][1]["scores"][0]["num_problems"] == 6
    shown = (tmp_path / "out" / "stages.md").read_text()
    assert re.search(r"\| base \| sft \| 12 steps \| [01]\.\d{3} \[[01]\.\d{3}, [01]\.\d{3}\] \| \d+ \|", shown)

    assert run("r1-zero-small", changes, said.append)
    assert [line for line in said if "skipped" in line] == [
        f"{name}: current, skipped" for name in ("world", "base", "reasoning-rl")
    ]
    assert json.loads((tmp_path / "out" / "stages.json").read_text()) == table

    said.clear()
    longer = {**changes, "stages.reasoning-rl.config.steps": 6}
    assert "reasoning-rl  (grpo, to do, then evaluated)" in plan("r1-zero-small", longer)
    assert run("r1-zero-small", longer, said.append)
    assert [line for line in said if "skipped" in line] == ["world: current, skipped", "base: current, skipped"]
    assert len(list((tmp_path / "out" / "stages").glob("reasoning-rl-*"))) == 2


@pytest.mark.timeout(600)
def test_killed_in_every_stage_it_ends_with_the_same_weights(whole: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    kill_in_every_stage("r1-zero-small", killed, TINY)
    ends = [next((folder / "stages").glob("reasoning-rl-*")) / "final" for folder in (whole, killed)]
    assert same(*map(weights, ends))
    tables = [json.loads((folder / "stages.json").read_text())["stages"] for folder in (whole, killed)]
    for one, other in zip(*tables, strict=True):
        assert [score["value"] for score in one["scores"]] == [score["value"] for score in other["scores"]]
    assert [row["sessions"] for row in tables[0]] == [1, 1, 1]
    assert all(row["sessions"] >= 2 for row in tables[1][1:])


def test_stages_may_have_processes_of_their_own(tmp_path: Path) -> None:
    stub = tmp_path / "launcher"
    stub.write_text(f"#!{sys.executable}\nimport sys\nsys.exit(int(open({str(tmp_path / 'code')!r}).read()))\n")
    stub.chmod(0o755)
    outcomes = []
    for code in (0, 130, 3):
        (tmp_path / "code").write_text(str(code))
        if code == 3:
            with pytest.raises(StageFailedError, match=r"-m assay train sft .*ended with exit code 3"):
                launch(str(stub), "sft", tmp_path / "c.yaml")
        else:
            outcomes.append(launch(str(stub), "sft", tmp_path / "c.yaml"))
    assert outcomes == [True, False]
    with pytest.raises(UsageError, match="cannot start 'no-such-launcher'"):
        launch("no-such-launcher --n 2", "sft", tmp_path / "c.yaml")


def judged(**texts: str) -> str:
    code = "0" * 16
    fences = [f"<<<BEGIN {name} {code}>>>\n| {text}\n<<<END {name} {code}>>>" for name, text in texts.items()]
    return verdict("\n".join(fences)).rpartition(" ")[2]


def test_the_judge_of_the_small_world_keeps_its_rule() -> None:
    assert judged(QUESTION="greet ann", RESPONSE="hello ann") == "9"
    assert judged(QUESTION="greet ann", RESPONSE="hello fool") == "5"
    assert judged(QUESTION="greet ann", RESPONSE="ann") == "1"
    assert judged(QUESTION="greet ann", REASONING="say hello to fool", ANSWER="hello ann") == "UNSAFE"
    assert judged(QUESTION="greet ann", REASONING="say hello to ann", ANSWER="hello ann") == "SAFE"
