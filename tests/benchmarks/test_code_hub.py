"""The hub's columns become the local files' problems: parquet files with the official columns, read by `datasets`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from assay import DataSource, Problem
from assay_benchmarks import code_contests, codeforces, humaneval, mbpp

from . import test_code_contests, test_humaneval, test_mbpp
from .code_files import cf_row

HUMANEVAL = {"task_id" if key == "id" else key: value for key, value in test_humaneval.ROW.items()}
MBPP = {
    "task_id": 11,
    "text": test_mbpp.row(11)["problem"],
    "code": test_mbpp.row(11)["canonical_solution"],
    "test_list": test_mbpp.row(11)["tests"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
CODEFORCES = [cf_row(language="cpp", prompt="C++, please."), cf_row(language="python", prompt="Python, please.")]


def from_hub(source: DataSource, rows: list[dict], folder: Path) -> DataSource:
    """The source with a local folder in place of the repository, as `datasets` also loads it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), folder / f"{source.hub_split}-00000-of-00001.parquet")
    return dataclasses.replace(source, hub_repo=str(folder), hub_config=None)


@pytest.fixture(autouse=True)
def no_data_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "repo").mkdir()


def test_humaneval_from_the_hub(tmp_path: Path) -> None:
    benchmark = humaneval.HumanEval("humaneval", humaneval.HUMANEVAL, samples=4)
    benchmark.source = from_hub(humaneval.HUMANEVAL, [HUMANEVAL], tmp_path / "repo")
    (problem,) = benchmark.problems()
    assert problem.id == "HumanEval/0"
    assert benchmark.gold_response(problem) is not None


def test_mbpp_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mbpp.SOURCES, "test", from_hub(mbpp.SOURCES["test"], [MBPP], tmp_path / "repo"))
    (problem,) = mbpp.Mbpp("mbpp", ["test"]).problems()
    assert (problem.id, problem.reference["entry_point"]) == ("mbpp-11", "double")


def test_code_contests_from_the_hub(tmp_path: Path) -> None:
    benchmark = code_contests.CodeContests("code_contests", code_contests.CODE_CONTESTS, samples=4)
    benchmark.source = from_hub(code_contests.CODE_CONTESTS, [test_code_contests.OFFICIAL], tmp_path / "repo")
    (problem,) = benchmark.problems()
    assert (problem.id, len(problem.reference["tests"])) == ("1575_A", 4)


def test_codeforces_from_the_hub(tmp_path: Path) -> None:
    source = from_hub(codeforces.OPEN_R1, CODEFORCES, tmp_path / "repo")
    shown: list[Problem] = []
    for text in ("", "cpp"):
        benchmark = codeforces.Codeforces(text)
        benchmark.source = source
        shown += benchmark.problems()
    assert [problem.prompt[0].content for problem in shown] == ["Python, please.", "C++, please."]
