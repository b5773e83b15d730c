"""Codeforces: open-r1's rows, what cannot be judged, generated tests in parquet, limits, the local layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import DataError, UsageError, get_benchmark
from assay_benchmarks._code_cf import division

from .code_files import cf_row, use, write

FILE = "codeforces_open_r1_test.jsonl"


def load(name: str, rows: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, FILE, rows)
    use(monkeypatch, tmp_path)
    monkeypatch.delenv("CF_TESTS_FOLDER", raising=False)
    benchmark = get_benchmark(name)
    return benchmark, benchmark.problems()


def generated(folder: Path, contest: int, rows: list[tuple[str, str, str]], **columns) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"test_cases_{contest:04d}.parquet"
    names = {
        "problem_id": [r[0] for r in rows],
        "input": [r[1] for r in rows],
        "output": [r[2] for r in rows],
    } | columns
    pq.write_table(pa.table({name: values for name, values in names.items() if values is not None}), path)
    return path


def test_a_row_becomes_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark, (problem,) = load("codeforces", [cf_row()], tmp_path, monkeypatch)
    assert (benchmark.protocol.samples, tuple(benchmark.metrics)) == (16, ("pass@1", "pass@n"))
    assert problem.id == "2050/A"
    assert problem.reference == {
        "kind": "stdin",
        "tests": [
            {"input": "1\n", "output": "2\n", "public": True},
            {"input": "77\n", "output": "154\n", "public": False},
        ],
        "time_limit": 3.0,
        "memory_limit": 256.0,
        "language": "python",
        "compare": "yes_no",
    }
    assert problem.metadata["division"] == "Div. 2"
    assert (problem.metadata["contest_id"], problem.metadata["index"]) == ("2050", "A")
    assert (problem.metadata["rating"], problem.metadata["tags"]) == (800, ["math"])
    assert problem.metadata["tests_complete"] is True
    text = problem.prompt[0].content
    assert text.startswith("You are an expert competitive programmer. You will be given a problem statement, test case")
    assert "provide a complete implementation in python3.\n\nYour solution must read" in text
    assert "Execution time limit: 1.5 seconds\nMemory limit: 256.0 MB\n\n# Problem\nPrint the double of n." in text
    assert "```input\n1\n```\n```output\n2\n```" in text
    assert text.endswith("\n\nNow solve the problem and return the code.\n")
    assert "154" not in text
    assert "SECRET" not in str(problem)
    assert "math" not in text


def test_cpp_has_the_problems_own_limit_and_another_factor_can_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (problem,) = load("codeforces[cpp]", [cf_row()], tmp_path, monkeypatch)
    assert (problem.reference["time_limit"], problem.reference["language"]) == (1.5, "cpp")
    assert "c++17" in problem.prompt[0].content
    assert "```cpp\n<your code here>" in problem.prompt[0].content
    assert get_benchmark("codeforces[time=2.5]").problems()[0].reference["time_limit"] == 3.75


def test_the_data_sets_own_prompt_is_taken_and_its_language_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [cf_row(language="cpp", prompt="In C++, please."), cf_row(language="python", prompt="In Python, please.")]
    _, (problem,) = load("codeforces", rows, tmp_path, monkeypatch)
    assert problem.prompt[0].content == "In Python, please."
    (other,) = get_benchmark("codeforces[cpp]").problems()
    assert other.prompt[0].content == "In C++, please."
    assert other.id == problem.id


def test_checkers_decide_instead_of_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (problem,) = load("codeforces", [cf_row(generated_checker="print(1)")], tmp_path, monkeypatch)
    assert problem.reference["checker"] == {"language": "python", "code": "print(1)", "style": "open-r1"}
    assert "compare" not in problem.reference


def test_what_cannot_be_judged_is_left_out_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interactor = {"language": "python", "code": "print(1)"}
    rows = [
        cf_row("A"),
        cf_row("B", interaction_format="Ask."),
        cf_row("C", interaction_format="Ask.", interactor=interactor),
        cf_row("D", input_mode="file"),
        cf_row("E", official_tests=[]),
        cf_row("F", executable=False),
        cf_row("G", official_tests=[{"input": "1 2 3...", "output": "4"}], official_tests_complete=False),
    ]
    benchmark, problems = load("codeforces", rows, tmp_path, monkeypatch)
    assert [problem.metadata["index"] for problem in problems] == ["A", "C"]
    assert problems[1].reference["interactor"] == interactor
    assert {key: reason.split()[-1] for key, reason in benchmark.excluded.items()} == {
        "2050/B": "interactor", "2050/D": "files", "2050/E": "here", "2050/F": "it", "2050/G": "here",
    }  # fmt: skip


def test_generated_tests_are_read_from_parquet_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [cf_row("A", official_tests_complete=False, generated_tests=2), cf_row("B", official_tests_complete=False)]
    generated(
        tmp_path / "generated_tests", 2050, [("2050/A", "5\r\n", "10\n"), ("2050/C", "x", "y"), ("2050/A", "6", "12")]
    )
    _, (a, b) = load("codeforces", rows, tmp_path, monkeypatch)
    assert [test["output"] for test in a.reference["tests"]] == ["2\n", "154\n", "10\n", "12"]
    assert a.reference["tests"][2] == {"input": "5\n", "output": "10\n", "public": False}
    assert (a.metadata["tests_complete"], b.metadata["tests_complete"]) == (True, False)
    complete = get_benchmark("codeforces[complete]")
    assert [problem.id for problem in complete.problems()] == ["2050/A"]
    assert complete.excluded == {"2050/B": "not all of its tests are here"}
    # The folder may be anywhere.
    (tmp_path / "generated_tests").rename(tmp_path / "elsewhere")
    assert [problem.id for problem in get_benchmark("codeforces[complete]").problems()] == []
    monkeypatch.setenv("CF_TESTS_FOLDER", str(tmp_path / "elsewhere"))
    assert len(get_benchmark("codeforces[complete]").problems()) == 1
    monkeypatch.setenv("CF_TESTS_FOLDER", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"CF_TESTS_FOLDER=.*nowhere is not a folder"):
        get_benchmark("codeforces").problems()


def test_damaged_parquet_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [cf_row("A", generated_tests=1)]
    path = generated(tmp_path / "generated_tests", 2050, [("2050/A", "5", "10")])
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"PAR1 nonsense PAR1"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"test_cases_2050\.parquet: not a readable parquet file"):
            load("codeforces", rows, tmp_path, monkeypatch)
    generated(tmp_path / "generated_tests", 2050, [("2050/A", "5", "10")], output=None)
    with pytest.raises(DataError, match=r"test_cases_2050\.parquet"):
        load("codeforces", rows, tmp_path, monkeypatch)
    generated(tmp_path / "generated_tests", 2050, [("2050/A", "5", "10")], output=[10])
    with pytest.raises(DataError, match=r"test_cases_2050\.parquet: 'output' of tests of 2050/A\[0\] must be text"):
        load("codeforces", rows, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "../../etc/passwd"}, "a Codeforces id is"),
        ({"id": 5}, "'id' must hold text"),
        ({"time_limit": None}, "must hold the limits"),
        ({"time_limit": "1"}, "'time_limit' must be a number above 0"),
        ({"time_limit": 1e300}, "'time_limit' must be a number above 0 and at most 3600"),
        ({"memory_limit": -1}, "'memory_limit' must be a number"),
        ({"memory_limit": "9" * 400}, "'memory_limit' must be a number"),
        ({"official_tests": "all"}, "'official_tests' must hold a list"),
        ({"official_tests": [{"input": "1"}]}, "'output' of .* is missing"),
        ({"examples": [1]}, r"examples\[0\] must be an object"),
        ({"input_mode": "telepathy"}, "'input_mode' must be stdio or file"),
        ({"generated_tests": "many"}, "'generated_tests' must be the number"),
        ({"generated_checker": 1}, "'generated_checker' must hold text"),
        ({"interactor": "run me"}, "'interactor' must be an object"),
        ({"description": None}, "'description' must hold text"),
    ],
)
def test_damage_is_named(changes: dict, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "interactor" in changes:
        changes["interaction_format"] = "Ask."
    with pytest.raises(DataError, match=rf"{FILE}, line 2: .*{reason}.*restore it"):
        load("codeforces", [cf_row("A"), cf_row("B") | changes], tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "text",
    [
        "java",
        "cpp,python",
        "complete,complete",
        "complete,statement_tests",
        "time=0",
        "time=1e9",
        "time=-1",
        "x=1",
        ",",
    ],
)
def test_unreadable_brackets_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError, match=r"codeforces\[.*(cannot read|never complete)"):
        get_benchmark(f"codeforces[{text}]")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Codeforces Round 889 (Div. 2)", "Div. 2"),
        ("Codeforces Round 889 (Div. 1)", "Div. 1"),
        ("Codeforces Round (Div. 1 + Div. 2, based on the finals)", "Div. 1 + Div. 2"),
        ("Educational Codeforces Round 160 (Rated for Div. 2)", "Div. 2"),
        ("Codeforces Global Round 27", "Div. 1 + Div. 2"),
        ("Codeforces Round 1000 (Div 3)", "Div. 3"),
        ("2024 ICPC Finals", None),
    ],
)
def test_divisions(name: str, expected: str | None) -> None:
    assert division(name) == expected


def test_the_local_layout(real_data: Path) -> None:
    benchmark = get_benchmark("codeforces[statement_tests]")
    problems = benchmark.problems()
    assert (len(problems), benchmark.protocol.samples, benchmark.excluded) == (408, 16, {})
    first = problems[0]
    assert (first.metadata["contest_id"], first.metadata["index"]) == ("1971", "A")
    assert first.reference["time_limit"] == 2.0
    assert all(test["public"] for problem in problems for test in problem.reference["tests"])
    raw = [json.loads(line) for line in (real_data / "codeforces_408.jsonl").read_bytes().split(b"\n") if line]
    for row, problem in zip(raw, problems, strict=True):
        before, _, after = row["problem"].partition("\nTags:\n")
        text = problem.prompt[0].content
        assert text.startswith(before.rstrip("\n"))
        assert text.endswith(after.partition("\n")[2].lstrip("\n"))
        assert "Tags:\n" not in text
    assert "Python program" in benchmark.protocol.instruction
    assert "C++17 program" in get_benchmark("codeforces[statement_tests,cpp]").protocol.instruction


@pytest.mark.parametrize("number", ["1e400", "9" * 5000, "-0.0", "1e-400", "NaN", "true"])
def test_numbers_beyond_all_bounds(number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, FILE, [cf_row("A", time_limit="@")])
    path.write_text(path.read_text().replace('"@"', number))
    use(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=rf"{FILE}, line 1"):
        get_benchmark("codeforces").problems()
