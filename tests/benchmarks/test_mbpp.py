"""MBPP: splits by official ids, the paper's prompt, setup code, entry points, both layouts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay import DataError, get_benchmark
from assay_benchmarks.mbpp import entry_point

from .code_files import use, write


def row(number: int, **changes) -> dict:
    return {
        "id": f"mbpp-{number}",
        "problem": "Write a function to double a number.",
        "canonical_solution": "def double(n):\r\n  return n * 2",
        "tests": ["assert double(1) == 2", "assert double(2) == 4", "assert double(5) == 10"],
        "challenge_tests": ["assert double(1000) == 2000"],
        "setup": "",
    } | changes


def test_the_papers_prompt_and_the_instruction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "mbpp.jsonl", [row(11)])
    use(monkeypatch, tmp_path)
    benchmark = get_benchmark("mbpp")
    (problem,) = benchmark.problems()
    assert problem.prompt[0].content == (
        "You are an expert Python programmer, and here is your task: Write a function to double a number. Your code "
        "should pass these tests:\n\nassert double(1) == 2\nassert double(2) == 4\nassert double(5) == 10"
    )
    assert benchmark.protocol.instruction.strip() == "Put the whole solution into one ```python code block."
    assert problem.reference["entry_point"] == "double"
    assert "1000" not in str(problem.reference), "challenge tests are not part of the official score"
    assert benchmark.gold_response(problem) == "```python\ndef double(n):\r\n  return n * 2\n```"
    assert "n * 2" not in str(problem)


def test_splits_go_by_the_official_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "mbpp.jsonl", [row(number) for number in (974, 600, 511, 510, 11, 10, 1, 601)])
    use(monkeypatch, tmp_path)
    assert [problem.id for problem in get_benchmark("mbpp").problems()] == ["mbpp-510", "mbpp-11"]
    every = [problem.id for problem in get_benchmark("mbpp:all").problems()]
    assert sorted(every) == sorted(f"mbpp-{n}" for n in (974, 600, 511, 510, 11, 10, 1, 601))


def test_googles_own_file_has_the_same_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = row(11, setup="root = 1")
    google = {
        "task_id": 11,
        "text": ours["problem"],
        "code": ours["canonical_solution"],
        "test_list": ours["tests"],
        "test_setup_code": "root = 1",
        "challenge_test_list": [],
    }
    write(tmp_path / "a", "mbpp.jsonl", [ours])
    write(tmp_path / "b", "mbpp.jsonl", [google])
    revisions = []
    for folder in "ab":
        use(monkeypatch, tmp_path / folder)
        benchmark = get_benchmark("mbpp")
        assert benchmark.problems()[0].reference["setup"] == "root = 1"
        assert benchmark.gold_response(benchmark.problems()[0])
        revisions.append(benchmark.revision)
    assert revisions[0] == revisions[1]


@pytest.mark.parametrize(
    ("tests", "name"),
    [
        (["assert f(1) == g(2)", "assert f(2) == 3"], "f"),
        (["assert f(1) == g(2)"], "f"),
        (["assert math.isclose(f(1), 2)"], "f"),
        (["assert not f(1)"], "f"),
        (["assert sum(1, 2) == 3", "assert sum(2, 2) == 4"], "sum"),
        (["assert set(f(1)) == set([1])"], "f"),
        (["assert longest([Pair(1, 2)]) == 1"], "longest"),
        (["assert True"], None),
        (["x = 1"], None),
        (["assert f(1)", "assert g(1)"], None),
    ],
)
def test_the_function_that_is_asked_for(tests: list[str], name: str | None) -> None:
    assert entry_point("here", tests) == name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tests": []}, "'tests' holds no assertion"),
        ({"tests": "assert double(1) == 2"}, "'tests' must hold a list of texts and is text"),
        ({"tests": [1]}, "'tests' must hold a list of texts"),
        ({"tests": ["assert ("]}, "an assertion is not Python"),
        ({"tests": ["assert " + "(" * 3000 + ")" * 3000]}, "an assertion is not Python"),
        ({"id": "mbpp-eleven"}, "must be a task's number"),
        ({"id": "mbpp-" + "9" * 5000}, "must be a task's number"),
        ({"id": True}, "'id' must hold text"),
        ({"problem": None}, "'problem' must hold text"),
    ],
)
def test_damage_is_named(changes: dict, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "mbpp.jsonl", [row(12), row(13) | changes])
    use(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=rf"mbpp\.jsonl, line 2: .*{reason}"):
        get_benchmark("mbpp").problems()


def test_the_real_set(real_data: Path) -> None:
    test, every = get_benchmark("mbpp"), get_benchmark("mbpp:all")
    assert (len(test.problems()), len(every.problems())) == (500, 974)
    assert {problem.id for problem in test.problems()} == {f"mbpp-{number}" for number in range(11, 511)}
    assert {problem.id for problem in every.problems() if problem.reference["setup"]} == {"mbpp-367", "mbpp-927"}
    assert every.no_gold == ""
    for problem in every.problems():
        name = problem.reference["entry_point"]
        assert name is not None
        assert re.search(rf"def\s+{re.escape(name)}\s*\(", every.gold_response(problem)), problem.id
