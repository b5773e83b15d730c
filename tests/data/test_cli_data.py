"""`assay data` as a person runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = (
    "import sys\n"
    "from assay.cli.data import app\n"
    "from assay.errors import AssayError\n"
    "try:\n"
    "    app(sys.argv[1:])\n"
    "except AssayError as error:\n"
    "    print(error, file=sys.stderr)\n"
    "    sys.exit(error.exit_code)\n"
)


def assay_data(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "ASSAY_PLUGINS": "aime,gpqa,reasoning_gym,boxed_math", **environment}
    return subprocess.run([sys.executable, "-c", RUN, *arguments], env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my data"
    folder.mkdir()
    rows = [{"id": f"aime2024-I-{i:02d}", "problem": f"{i} + 0?", "answer": f"{i:03d}"} for i in range(1, 4)]
    (folder / "aime_2024.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_list(folder: Path) -> None:
    done = assay_data("list", "--data", str(folder), "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 0
    assert set(rows) == {"aime24", "aime25", "aime_pool", "gpqa_diamond"}
    assert (rows["aime24"]["found"], rows["aime24"]["rows"], rows["aime24"]["origin"]) == (True, 3, "folder")
    assert rows["aime25"]["found"] is False
    assert "holds no aime_2025.jsonl" in rows["aime25"]["problem"]
    table = assay_data("list", "--data", str(folder)).stdout
    assert rows["aime24"]["sha256"][:12] in table
    assert "depends on what is asked for" in table


def test_check_a_sound_set(folder: Path) -> None:
    done = assay_data("check", "--data", str(folder))
    assert done.returncode == 0
    assert "ok    aime24        3 problems, every gold answer scores 1" in done.stdout
    assert "skipped, not found: `assay data fetch aime25`, or --data DIR" in done.stdout


def test_check_finds_a_bad_gold_answer(folder: Path) -> None:
    with open(folder / "aime_2024.jsonl", "a") as file:
        file.write('{"id": "aime2024-I-01", "problem": "again?", "answer": "7"}\n')
    done = assay_data("check", "aime24", "--data", str(folder), "--json")
    assert done.returncode == 1
    (row,) = json.loads(done.stdout)
    assert row["flaws"] == [{"problem_id": "aime2024-I-01", "reason": "its id occurs more than once"}]
    assert "FAIL  aime24  1 flaws" in assay_data("check", "aime24", "--data", str(folder)).stdout


def test_check_fails_where_a_named_set_is_missing(folder: Path) -> None:
    done = assay_data("check", "aime25", "--data", str(folder))
    assert done.returncode == 1
    assert "FAIL  aime25  the data of aime25 was not found. Tried:" in done.stdout


def test_check_a_generated_set() -> None:
    done = assay_data("check", "reasoning_gym:leg_counting,size=5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 problems" in done.stdout


def test_fetch_without_a_network(folder: Path) -> None:
    done = assay_data("fetch", "aime25", "aime24", "--data", str(folder), "--json")
    assert done.returncode == 1
    failed, present = json.loads(done.stdout)
    assert "cannot be reached" in failed["problem"]
    assert (present["ok"], present["origin"]) == (True, "folder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "aime42"), "no benchmark is called 'aime42'. Did you mean"),
        (("fetch", "reasoning_gym:maze"), "there is nothing to fetch"),
        (("check", "aime42"), "no benchmark is called 'aime42'"),
        (("list", "--data", "/nothing/there"), "the data folder /nothing/there does not exist"),
        (("fetch",), "Missing argument"),
    ],
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...], message: str) -> None:
    done = assay_data(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
