"""`assay codeforces` on real files, and on a finished run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.codeforces_plugin import PLACES
from tests.conftest import ROOT

PLUGIN = Path(__file__).with_name("codeforces_plugin.py")
POOL = [2400, 2100, 1900, 1700, 1600, 1500, 1400, 1300, 1200, 1000]
POINTS = [5000, 3000, 2950, 1500, 1450, 1400, 500, 450, 400, 0]


def assay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "assay", *map(str, arguments)], capture_output=True, text=True, timeout=200
    )


def codeforces(*arguments: str | Path) -> Any:
    done = assay("codeforces", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def contest(contest_id: int, division: str = "Div. 2") -> dict[str, Any]:
    problems = [{"index": "A", "points": 500}, {"index": "B1", "points": 1000}, {"index": "C", "points": 4500}]
    rows = [[points, 0, rating] for points, rating in zip(POINTS, POOL, strict=True)]
    return {"contest_id": contest_id, "division": division, "problems": problems, "rows": rows}


@pytest.fixture
def rounds(tmp_path: Path) -> Path:
    return write(tmp_path / "rounds.jsonl", contest(2000), contest(2001, "Div. 1"), contest(2002))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write(
        tmp_path / "results.jsonl",
        {"contest_id": 2000, "index": "A", "attempts": [False, True, True]},
        {"contest_id": 2000, "index": "B1", "attempts": [True]},
        {"contest_id": 2001, "points": 6000},
        {"contest_id": 9, "index": "A", "attempts": [True]},
    )


def test_a_rating_with_everything_it_rests_on(rounds: Path, results: Path, tmp_path: Path) -> None:
    histogram = write(tmp_path / "h.json", {"1000": 60, "1700": 30, "2600": 10})
    report = codeforces("rate", rounds, "--results", results, "--histogram", histogram)
    first, second = report["contests"]
    assert (first["contest_id"], first["score"]["points"], first["rank"], first["field"]) == ("2000", 1450, 5.5, 10)
    assert first["rating"] == pytest.approx(1639.7, abs=0.05)
    assert first["codeelo"] == {"rank": 5, "rating": 1709}
    assert (second["rank"], second["bound"], second["rating"], second["exact"]) == (1, ">=", 2500, None)
    # Below its cap the won contest counts in full: two places with a sum of 6.5.
    expected = 2 * sum(1 / (1 + 10 ** ((report["rating"] - each) / 400)) for each in POOL)
    assert expected + 2 == pytest.approx(6.5, abs=1e-6)
    assert report["low"] == pytest.approx(first["rating"], abs=2e-3)
    assert report["high"] is None
    assert (report["percentile"], report["rated_users"]) == (90, 100)
    assert report["codeelo"]["rating"] == (1709 + 2499) / 2
    assert report["codeelo"]["percentile"] == 90
    assert report["divisions"]["Div. 1"]["bound"] == ">="
    assert report["divisions"]["Div. 2"]["rating"] == pytest.approx(first["rating"], abs=1e-4)
    notices = " ".join(report["notices"])
    assert "contest 2002 is left out: there are no results" in notices
    assert "contest 2000: no attempts at C, counted as unsolved (1 of 3 problems)" in notices
    assert "results of contests 9 are left out" in notices
    assert report["rules"]["seed"] == 0


def test_the_table_says_the_same(rounds: Path, results: Path, tmp_path: Path) -> None:
    histogram = write(tmp_path / "h.json", {"1000": 60, "1700": 30, "2600": 10})
    done = assay("codeforces", "rate", rounds, "--results", results, "--histogram", histogram)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["2000", "Div.", "2", "2/3", "1450", "0", "5.5", "10", "1640", "1709"] in lines
    assert ["2001", "Div.", "1", "-", "6000", "0", "1", "10", ">=", "2500", "2499"] in [
        [*line[:3], "-", *line[4:]] for line in lines
    ]
    assert "better than 90.0% of 100 rated users" in done.stdout
    assert "1 of them with a field too weak" in done.stdout
    assert "CodeElo's rule: 2104" in done.stdout
    assert "note: contest 2002 is left out" in done.stderr


def test_rules_change_the_rating(rounds: Path, results: Path) -> None:
    def rating(*options: str) -> float:
        return float(codeforces("rate", rounds, "--results", results, *options)["contests"][0]["rating"])

    assert rating("--rule", "strict") == pytest.approx(1709.1, abs=0.05)
    assert rating("--attempts", "1") < rating()  # A falls away: 1000 points
    assert rating("--wrong-points", "0") > rating()
    by_codeelo = codeforces("rate", rounds, "--results", results, "--rule", "codeelo")
    assert (by_codeelo["rating"], by_codeelo["bound"], by_codeelo["low"], by_codeelo["high"]) == (2104, "=", 1709, 2499)
    text = assay("codeforces", "rate", rounds, "--results", results, "--rule", "codeelo").stdout
    assert "rating by CodeElo's rule: 2104 (95% interval: 1709 to 2499)" in text


def test_update_reproduces_the_official_changes(shared_data: Path) -> None:
    path = shared_data / "codeforces_rounds_rating.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {shared_data}")
    for each in codeforces("update", path):
        assert each["agreement"] >= 0.999, each["contest_id"]
        assert each["participants"] == len(each["changes"])
        assert each["differing"] == sum(row["delta"] != row["official_delta"] for row in each["changes"])
    text = assay("codeforces", "update", path).stdout
    assert text.count("is reproduced exactly") == 4


def test_update_lists_who_differs(tmp_path: Path) -> None:
    columns = ["handle", "points", "penalty", "old_rating", "delta"]
    rows = [["ann\x1b[31m", 10, 0, 1500, 96], ["bob", 5, 0, 1500, -97]]
    path = write(tmp_path / "t.jsonl", {"contest_id": 5, "columns": columns, "rows": rows})
    done = assay("codeforces", "update", path)
    assert "the official change of 1 is reproduced exactly (50.000%)" in done.stdout
    assert "bob" in done.stdout
    assert "ann" not in done.stdout
    assert (
        "\x1b[31m" not in assay("codeforces", "update", write(path, {**json.loads(path.read_text()), "id": 6})).stdout
    )


def test_update_from_rating_changes_alone(tmp_path: Path) -> None:
    rows = [
        {"contestId": 1000, "contestName": "x", "handle": handle, "rank": rank, "oldRating": 1500, "newRating": new}
        for handle, rank, new in [("ann", 1, 1596), ("bob", 2, 1402)]
    ]
    (report,) = codeforces("update", write(tmp_path / "c.json", {"status": "OK", "result": rows}))
    assert (report["agreement"], report["corrections"]) == (1, [-11, 0])
    assert report["notices"] == ["contest 1000: places are those of the rating changes, its standings were not given"]


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    texts = {"first": ["no", "yes", "crash"], "second": ["half", "", "yes"], "third": ["crash", "yes", "no"]}
    lines = []
    for key, (contest_id, index) in PLACES.items():
        for identity in (key, f"{contest_id}/{index}"):
            for sample, text in enumerate(texts[key]):
                lines.append({"problem_id": identity, "sample_index": sample, "text": f"<think></think>{text}"})
    return write(tmp_path / "replay.jsonl", *lines)


@pytest.mark.parametrize("name", ["rounds", "by_id"])
def test_a_run_is_read_as_attempts_in_order(rounds: Path, replay: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    done = assay("run", f"replay:{replay}", f"{name}:3", "--plugin", PLUGIN, "--out", out, "-q")
    assert list(out.rglob("manifest.json")), done.stderr
    plugin = () if name == "by_id" else ("--plugin", PLUGIN)
    report = codeforces("rate", rounds, "--results", out, *plugin)
    first, second = (each["score"] for each in report["contests"])
    # A at the second try, B1 at the third (half right and no answer are wrong); our own crash is no try.
    assert (first["points"], first["wrong_tries"], first["missing"]) == (450 + 900, 3, ["C"])
    assert (second["points"], second["wrong_tries"]) == (500, 0)
    notices = " ".join(report["notices"])
    assert ("contests were read off the problems' ids" in notices) == (name == "by_id")


def test_a_run_of_another_benchmark_is_refused(rounds: Path, replay: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assay("run", f"replay:{replay}", "nowhere:3", "--plugin", PLUGIN, "--out", out, "-q")
    done = assay("codeforces", "rate", rounds, "--results", out, "--plugin", PLUGIN)
    assert done.returncode == 1
    assert "problem 'first' of nowhere does not say which contest it is from" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("lines", "options", "code", "message"),
    [
        ([{"contest_id": 9, "points": 5}], [], 1, "the results are of contests 9, the standings of 2000, 2001, 2002"),
        ([{"contest_id": 2000, "index": "Z", "attempts": []}], [], 1, "contest 2000 has no problem 'Z'"),
        ([{"contest_id": 2000, "points": 1e300}], [], 1, "line 1: points must be finite"),
        ([], [], 1, "holds no results"),
        ([{"contest_id": 2000, "points": 5}], ["--level", "1"], 2, "--level must lie strictly between 0 and 1"),
        ([{"contest_id": 2000, "points": 5}], ["--wrong-penalty", "inf"], 2, "--wrong-penalty must be a finite number"),
        ([{"contest_id": 2000, "points": 5}], ["--rule", "best"], 2, "rule"),
        ([{"contest_id": 2000, "points": 5}], ["--histogram", "gone"], 1, "cannot read gone"),
        ([{"contest_id": 2000, "points": 5}], ["--rating-changes", "gone"], 1, "cannot read gone"),
    ],
)
def test_what_a_person_can_get_wrong(
    rounds: Path, tmp_path: Path, lines: list[Any], options: list[str], code: int, message: str
) -> None:
    done = assay("codeforces", "rate", rounds, "--results", write(tmp_path / "r.jsonl", *lines), *options)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_run_is_refused(rounds: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = assay("codeforces", "rate", rounds, "--results", tmp_path / "empty")
    assert (done.returncode, "holds no run" in done.stderr) == (1, True)


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    page = ROOT / "docs" / "codeforces.md"
    shown = page.read_text().split("```text\n")[1].split("```")[0]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, str(ROOT / "tests" / "docs" / "run_page.py"), str(page)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in done.stdout.splitlines()[: len(shown.splitlines())]
    ], done.stderr


def test_the_names_of_the_commands_load_nothing_heavy() -> None:
    script = "import assay.cli.codeforces, sys; print({'numpy', 'rich', 'orjson', 'pyarrow'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
