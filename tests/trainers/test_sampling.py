"""Rejection sampling over stored completions: what falls where, provenance, topping up, and that SFT reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay import DataError, UsageError
from assay.cli.sample import sample as sample_command
from assay_trainers.sampling.command import plan, sample
from assay_trainers.sampling.config import SampleConfig, read_config
from assay_trainers.sft.config import DataConfig
from assay_trainers.sft.data import read_examples

GOOD = "<think>one and one more make two</think>\\boxed{2}"
RESPONSES = {
    "1+1?": [
        GOOD,
        "<think>it is three</think>\\boxed{3}",
        "<think>one and one 加起来 一共 是 二 这 很 容易</think>\\boxed{2}",
        "<think>```python\nprint(1+1)\n```</think>\\boxed{2}",
        GOOD,
        "<think>count up from one by one step and land on two</think>\\boxed{2}",
        "<think>start at zero, hop twice, and there you are at two</think>\\boxed{2}",
        {"response": "<think>so", "finish_reason": "length"},
    ],
    "2+2?": ["\\boxed{5}"] * 8,
    "copied out of an examination about apples and pears and plums?": ["<think>easy</think>\\boxed{4}"] * 8,
}
ANSWERS = dict(zip(RESPONSES, ("2", "4", "4"), strict=True))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    problems = [
        {"id": f"p{n}", "prompt": prompt, "answer": answer, "verifier": "boxed_math"}
        for n, (prompt, answer) in enumerate(ANSWERS.items())
    ]
    replay = [
        {"problem_id": f"p{n}", "sample_index": index, **(r if isinstance(r, dict) else {"response": r})}
        for n, responses in enumerate(RESPONSES.values())
        for index, r in enumerate(responses)
    ]
    for name, rows in (("problems", problems), ("replay", replay)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def config_of(files: Path, **changes: Any) -> SampleConfig:
    base = {
        "model": f"replay:{files / 'replay.jsonl'}",
        "output": str(files / "out"),
        "data": {"path": str(files / "problems.jsonl"), "instruction": "Box it.", "template": "r1"},
        "samples": 8,
        "keep": 2,
        "verifiers": {"boxed_math": {"extraction": "strict"}},
    }
    return read_config(base, changes)


def test_each_sample_falls_at_its_step_and_the_report_adds_up(files: Path) -> None:
    chosen = sample(config_of(files))
    assert {step: count for step, count in chosen.fell.items() if count} == {
        "truncated": 1,
        "wrong": 9,
        "no_mixed_language": 1,
        "no_code_in_reasoning": 1,
        "near duplicate": 8,
        "beyond keep": 1,
    }
    assert (chosen.drawn, len(chosen.kept), chosen.answered, chosen.problems) == (24, 3, 2, 3)
    report = json.loads((files / "out" / "report.json").read_text())
    assert report["drawn"] == sum(report["fell"].values()) + report["kept"]
    assert "| near duplicate | 8 | 4 |" in (files / "out" / "report.md").read_text()


def test_rows_say_where_they_come_from_and_sft_reads_them(files: Path) -> None:
    sample(config_of(files))
    rows = pq.read_table(files / "out" / "rows.parquet").to_pylist()
    assert rows == [json.loads(line) for line in (files / "out" / "rows.jsonl").read_text().splitlines()]
    first = rows[0]
    assert first["prompt"] == [{"role": "user", "content": "1+1?\nBox it."}]
    assert first["completion"] == [{"role": "assistant", "content": GOOD}]
    assert (first["problem_id"], first["sample_index"], first["extracted"], first["score"]) == ("p0", 0, "2", 1.0)
    assert first["verifier"] == "boxed_math"
    assert all(first[name] for name in ("model_fingerprint", "data_revision", "seed", "sample_key", "verifier_version"))
    assert [name.split()[0] for name in first["filters"]] == list(config_of(files).filters)
    assert [row["sample_index"] for row in rows] == [0, 5, 0]
    for name in ("rows.parquet", "rows.jsonl"):
        examples = list(read_examples(DataConfig(path=str(files / "out" / name))))
        assert [turn.content for turn in examples[0].turns] == ["1+1?\nBox it.", GOOD]


def test_raw_prompts_stay_raw(files: Path) -> None:
    sample(config_of(files, **{"data.template": "raw", "data.instruction": ""}))
    (example, *_) = read_examples(DataConfig(path=str(files / "out" / "rows.parquet")))
    assert (example.prompt, example.completion) == ("1+1?", GOOD)


def test_more_samples_top_up_and_the_same_ones_cost_nothing(files: Path) -> None:
    assert sample(config_of(files, samples=1)).drawn == 3
    assert sample(config_of(files)).drawn == 24
    (journal,) = (files / "out" / "store").rglob("manifest.json")
    sessions = json.loads(journal.read_text())["sessions"]
    assert [session["planned_samples"] for session in sessions] == [3, 24]
    before = (files / "out" / "rows.parquet").read_bytes()
    sample(config_of(files))
    assert (files / "out" / "rows.parquet").read_bytes() == before


def test_benchmarks_are_kept_out(files: Path) -> None:
    plugin = files / "exam.py"
    plugin.write_text(
        "import assay\n"
        "class Exam(assay.BaseBenchmark):\n"
        "    name = 'exam'\n"
        "    def problems(self):\n"
        "        text = 'copied out of an examination about apples and pears and plums?'\n"
        "        return [assay.Problem(id='e', prompt=(assay.Message(role='user', content=text),), reference='4',\n"
        "                              verifier='boxed_math')]\n"
        "@assay.hookimpl\n"
        "def register_benchmarks():\n"
        "    return {'exam': Exam}\n"
    )
    import assay

    assay.load_plugin(str(plugin))
    chosen = sample(config_of(files, benchmarks=["exam"]))
    assert chosen.fell["not_in_benchmarks"] == 8
    assert {kept.problem.id for kept in chosen.kept} == {"p0"}


def test_the_shortest_may_be_preferred_and_filters_switched_off(files: Path) -> None:
    chosen = sample(config_of(files, filters=[], near_duplicates=None, keep=0))
    assert len(chosen.kept) == 14
    chosen = sample(config_of(files, filters=[], prefer="shortest", keep=1))
    assert [kept.sample_index for kept in chosen.kept] == [3, 0]


def test_mistakes_are_found_before_anything_is_drawn(files: Path) -> None:
    with pytest.raises(UsageError, match="no_mixed_languages"):
        sample(config_of(files, filters=["no_mixed_languages"]))
    with pytest.raises(UsageError, match=r"no field 'sampels'\. Did you mean samples"):
        config_of(files, sampels=3)
    (files / "problems.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no problem"):
        sample(config_of(files))
    assert not (files / "out").exists()


def test_nothing_good_is_an_error_that_leaves_a_report(files: Path) -> None:
    with pytest.raises(UsageError, match="no sample of 24 passed every step"):
        sample(config_of(files, filters=["format_tags"], **{"verifiers.format_tags": {"answer_tags": True}}))
    assert json.loads((files / "out" / "report.json").read_text())["kept"] == 0
    assert not (files / "out" / "rows.parquet").exists()


def test_the_command(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    path = files / "sample.yaml"
    path.write_text(yaml.safe_dump(config_of(files).as_dict()))
    assert "3 problems × 4 = 12" in plan(path, {"samples": 4})
    sample_command(str(path), dry_run=True)
    assert re.search(r"rows at most +6", capsys.readouterr().out)
    sample_command(str(path))
    shown = capsys.readouterr().err
    assert re.search(r"wrong +9 of 24 fell", shown)
    assert "kept 3 rows of 2 of 3 problems" in shown
