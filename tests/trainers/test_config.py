"""The configuration: defaults, presets, changes from the command line, and every mistake named."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay import DataError, UsageError
from assay_trainers.common.configs import sections
from assay_trainers.common.order import take
from assay_trainers.grpo.config import AlarmConfig, TrainConfig, read_config
from assay_trainers.grpo.problems import load_problems
from assay_trainers.grpo.settings import PRESETS
from tests.conftest import ROOT

BASE: dict[str, Any] = {"model": "m", "output": "o", "data": {"path": "p.jsonl"}}


def test_the_default_is_the_report(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("model: m\noutput: o\ndata: {path: p.jsonl}\n")
    config = read_config(file)
    assert config.loss == PRESETS["r1"].loss
    assert (config.loss.kind, config.loss.beta, config.loss.eps_low) == ("grpo", 0.001, 10.0)
    assert (config.refresh_reference_every, config.rollout.group, config.rollout.temperature) == (400, 16, 1.0)
    assert config.optimizer.learning_rate == 3e-6


def test_changes_go_over_the_preset() -> None:
    config = read_config(
        BASE | {"preset": "dapo", "loss": {"eps_high": "3e-1"}}, {"loss.beta": 0.1, "rollout.group": 2}
    )
    assert (config.loss.kind, config.loss.eps_high, config.loss.beta) == ("dapo", 0.3, 0.1)
    assert config.rollout.group == 2
    assert "eps_high" not in BASE.get("loss", {})
    # What is written down reads back as the same configuration.
    assert read_config(config.as_dict()) == config


def test_the_hash_covers_what_decides_the_weights() -> None:
    config = read_config(BASE)
    assert config.hash == read_config(BASE, {"steps": 7, "output": "elsewhere", "alarms.kl": 1.0}).hash
    for change in ({"seed": 1}, {"rollout.group": 3}, {"loss.beta": 0.5}, {"reward": "r1-reasoning"}):
        assert config.hash != read_config(BASE, change).hash
    decaying = {"optimizer.schedule": "linear"}
    assert read_config(BASE, decaying).hash != read_config(BASE, decaying | {"steps": 7}).hash


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stepz": 3}, r"no field 'stepz'\. Did you mean steps"),
        ({"rollout.grup": 3}, r"no field 'rollout\.grup'\. Did you mean group"),
        ({"loss.eps": 3}, "loss has no field 'eps'"),
        ({"preset": "gpro"}, r"no GRPO preset 'gpro'\. Did you mean"),
        ({"rollout.group": 1}, r"rollout\.group: .*greater than or equal to 2, got 1"),
        ({"rollout.temperature": 0}, r"rollout\.temperature: .*greater than 0"),
        ({"optimizer.learning_rate": float("inf")}, r"optimizer\.learning_rate: .*finite"),
        ({"alarms.stop_on": ["fire"]}, r"alarms\.stop_on"),
        ({"model.name": "x"}, "model is a value, not a section"),
        ({"loss": 3}, "loss must be a mapping"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_config(BASE, change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "must be a mapping"),
        ("model: m\noutput: o\n", "'data' is missing"),
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: [", "is not YAML"),
        ("[" * 6000, "opening brackets"),
        ("#" * (2**20 + 1), "larger than"),
    ],
)
def test_hostile_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_config(file)
    with pytest.raises(UsageError, match="cannot read"):
        read_config(tmp_path / "missing.yaml")


def write(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_problems_from_a_file(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    path = write(
        tmp_path / "p.jsonl",
        {"prompt": "1+1=", "answer": "2", "level": 1},
        {"prompt": turns, "reference": ["a"], "verifier": "other", "id": "x"},
    )
    first, second = load_problems(path, None, verifier="boxed_math", limit=None)
    assert (first.id, first.reference, first.verifier, first.metadata) == ("1", "2", "boxed_math", {"level": 1})
    assert (second.id, second.verifier) == ("x", "other")
    assert [message.content for message in second.prompt] == ["s", "u"]
    assert len(load_problems(path, None, limit=1)) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prompt": "a"}], "row 1 lacks a reference"),
        ([{"answer": "a"}], "row 1 lacks a prompt"),
        ([{"prompt": "", "answer": 1}], "row 1: the prompt must be"),
        ([{"prompt": [{"role": "boss", "content": "x"}], "answer": 1}], "a turn of the prompt"),
        ([{"prompt": "a", "answer": 1, "id": 5}, {"prompt": "b", "answer": 1, "id": "5"}], "have the id '5'"),
        ([], "holds no problem"),
    ],
)
def test_broken_data_is_named(rows: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load_problems(write(tmp_path / "p.jsonl", *rows), None, limit=None)
    with pytest.raises(UsageError, match="exactly one of"):
        load_problems(None, None, limit=None)


def test_each_epoch_is_a_permutation_and_the_cursor_is_enough(tmp_path: Path) -> None:
    rows = [{"prompt": str(n), "answer": n} for n in range(5)]
    problems = load_problems(write(tmp_path / "p.jsonl", *rows), None, limit=None)
    whole = [problem.id for problem in take(problems, 15, 0, seed=1)]
    for epoch in range(3):
        assert sorted(whole[5 * epoch : 5 * epoch + 5]) == ["1", "2", "3", "4", "5"]
    assert len({tuple(whole[start : start + 5]) for start in (0, 5, 10)}) > 1
    assert [p.id for cursor in range(0, 15, 3) for p in take(problems, 3, cursor, seed=1)] == whole
    assert [p.id for p in take(problems, 15, 0, seed=2)] != whole


def test_the_page_names_every_field_preset_and_alarm() -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    named = [kind for name, kind in sections(TrainConfig).items() if name not in ("loss", "advantages")]
    fields = [entry.name for kind in (TrainConfig, *named) for entry in dataclasses.fields(kind)]
    thresholds = [entry.name for entry in dataclasses.fields(AlarmConfig)]
    known_elsewhere = {"data", "rollout", "optimizer", "checkpoints", "alarms"}  # sections, named by their fields
    for name in {*fields, *thresholds, *PRESETS} - known_elsewhere:
        assert re.search(rf"\b{name}\b", page), f"docs/training.md lacks {name}"


def test_less_precise_rollouts_are_corrected_unless_told_otherwise(make_config: Callable[..., TrainConfig]) -> None:
    assert make_config().loss.sampler_cap is None
    assert make_config(rollout__precision="bfloat16").loss.sampler_cap == 2.0
    assert make_config(rollout__precision="bfloat16", loss__sampler_cap=1.5).loss.sampler_cap == 1.5
    assert make_config(rollout__precision="bfloat16", loss__sampler_cap=None).loss.sampler_cap is None
    # The trainer's arithmetic is bfloat16 as well: there is nothing to correct.
    assert make_config(rollout__precision="bfloat16", dtype="bfloat16").loss.sampler_cap is None
