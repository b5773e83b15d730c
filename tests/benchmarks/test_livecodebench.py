"""LiveCodeBench: names, windows, the official files with their packed tests, hostile ones, and the official prompt."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import pickletools
import zlib
from datetime import date
from pathlib import Path

import pytest

from assay import DataError, UsageError, get_benchmark
from assay.plan import parse_benchmark
from assay_benchmarks import _code_lcb as lcb
from assay_benchmarks._code_packed import read_pickled_string, unpack_tests
from assay_benchmarks._code_prelude import LCB_PRELUDE
from assay_benchmarks.livecodebench import SHARDS, question
from assay_plugins.code_tests.reference import read_reference

from .code_files import lcb_function, lcb_row, packed, use, write


@pytest.mark.parametrize(
    ("text", "files", "start", "end"),
    [
        ("", (1, 5), date(2024, 8, 1), date(2025, 1, 31)),
        ("all", (1, 5), date(2024, 8, 1), date(2025, 1, 31)),
        ("v1", (1, 1), None, None),
        ("v6", (1, 6), None, None),
        ("release_v4", (1, 4), None, None),
        ("v1_v3", (1, 3), None, None),
        ("v6_v6", (6, 6), None, None),
        ("2024-08..2025-01", (1, 5), date(2024, 8, 1), date(2025, 1, 31)),
        ("v5,2024-08..2025-01", (1, 5), date(2024, 8, 1), date(2025, 1, 31)),
        (" 2024-02..2024-02 , v2 ", (1, 2), date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-02", (1, 5), date(2023, 2, 1), date(2023, 2, 28)),
        ("2024-08-15..2024-08-15", (1, 5), date(2024, 8, 15), date(2024, 8, 15)),
        ("2025-01..2025-02", (1, 6), date(2025, 1, 1), date(2025, 2, 28)),
        ("2025-02-01..", (1, 6), date(2025, 2, 1), None),
        ("..2023-12", (1, 5), None, date(2023, 12, 31)),
        ("v6,2025-02..,all", (1, 6), date(2025, 2, 1), None),
    ],
)
def test_brackets(text: str, files: tuple[int, int], start: date | None, end: date | None) -> None:
    chosen = lcb.parse_selection(text)
    assert ((chosen.first, chosen.last), chosen.start, chosen.end) == (files, start, end)
    assert chosen.keep_bad is ("all" in text)


@pytest.mark.parametrize(
    "text",
    [
        "v0", "v7", "v5,v4", "v3_v1", "2024-13..2025-01", "2024-02-30", "2025-01..2024-08", "..", "all,all", "latest",
        "2024-08..2025-01,2024-09", "v5 2024-08", ",", "statement_tests,v5", "prompt=other", "２０２４-08",
    ],
)  # fmt: skip
def test_unreadable_brackets_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError, match=r"livecodebench|LiveCodeBench"):
        get_benchmark(f"livecodebench[{text}]")


def test_a_number_of_samples_may_follow_the_brackets() -> None:
    assert parse_benchmark("livecodebench[v5,2024-08..2025-01]:4") == ("livecodebench[v5,2024-08..2025-01]", 4)
    assert parse_benchmark("livecodebench[v5]") == ("livecodebench[v5]", None)


def shards(folder: Path, *rows_of: list[dict]) -> Path:
    for shard, rows in zip(SHARDS, rows_of, strict=False):
        write(folder, shard.files[0], rows)
    return folder


def five(folder: Path, last: list[dict]) -> Path:
    filler = [[lcb_row(100 + number, contest_date="2023-06-01T00:00:00")] for number in range(4)]
    return shards(folder, *filler, last)


def test_the_official_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, five(tmp_path, [lcb_row(1), lcb_function(2), lcb_row(3, contest_date="2025-02-01T00:00:00")]))
    benchmark = get_benchmark("livecodebench")
    stdin, function = benchmark.problems()
    assert (benchmark.name, benchmark.protocol.samples, tuple(benchmark.metrics)) == ("livecodebench", 8, ("pass@1",))
    assert (stdin.id, stdin.verifier) == ("abc1_a", "code_tests")
    assert stdin.reference == {
        "kind": "stdin",
        "tests": [
            {"input": "1\n", "output": "2\n", "public": True},
            {"input": "20\n", "output": "40\n", "public": False},
        ],
        "time_limit": 6,
        "memory_limit": 1024,
        "compare": "lcb",
        "prelude": "lcb",
    }
    assert (function.reference["kind"], function.reference["entry_point"]) == ("functional", "double")
    assert [test["output"] for test in function.reference["tests"]] == ["2", "40"]
    assert stdin.metadata == {
        "contest_date": "2024-10-05",
        "contest_id": "abc1",
        "difficulty": "easy",
        "platform": "atcoder",
        "title": "Problem 1",
    }
    assert "40" not in stdin.prompt[0].content + function.prompt[0].content
    assert len(benchmark.provenance["files"]) == 5
    assert benchmark.excluded == {}


def test_large_tests_are_held_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = [{"input": f"{i}\n" * 1000, "output": f"{2 * i}\n" * 1000, "testtype": "stdin"} for i in range(50)]
    use(monkeypatch, five(tmp_path, [lcb_row(1, private_test_cases=packed(tests))]))
    (problem,) = get_benchmark("livecodebench").problems()
    assert len(json.dumps(problem.reference)) < len(json.dumps(tests)) / 10
    read = read_reference(problem.reference).tests
    assert [(test.input, test.output, test.public) for test in read[1:]] == [
        (test["input"], test["output"], False) for test in tests
    ]


def test_releases_and_windows_choose_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_of = [[lcb_row(number, contest_date=f"2024-0{number}-28T23:30:00")] for number in range(1, 7)]
    use(monkeypatch, shards(tmp_path, *rows_of))

    def ids(text: str) -> list[str]:
        return [problem.id for problem in get_benchmark(f"livecodebench[{text}]").problems()]

    assert ids("v2") == ["abc1_a", "abc2_a"]
    assert ids("v4_v5") == ["abc4_a", "abc5_a"]
    assert ids("v6,2024-03..2024-05-28") == ["abc3_a", "abc4_a", "abc5_a"]
    assert ids("2024-05-29..2024-06") == []  # of v5, whose files do not hold it
    assert get_benchmark("livecodebench[v2]").revision != get_benchmark("livecodebench[v3]").revision
    assert get_benchmark("livecodebench[v2]").revision == get_benchmark("livecodebench[release_v2]").revision


def test_known_bad_problems_are_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [
        lcb_row(1, question_id="arc185_c"),
        lcb_row(2, question_id="abc337_e"),
        lcb_function(3, question_id="3363", question_title="most-frequent-ids"),
    ]
    use(monkeypatch, five(tmp_path, [*bad, lcb_row(4)]))
    benchmark = get_benchmark("livecodebench")
    assert [problem.id for problem in benchmark.problems()] == ["abc4_a"]
    assert set(benchmark.excluded) == {"arc185_c", "abc337_e", "3363"}
    assert "interactive" in benchmark.excluded["abc337_e"]
    assert len(get_benchmark("livecodebench[all]").problems()) == 4
    assert len(lcb.ERRATA) == 17


def test_a_problem_without_tests_is_never_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, five(tmp_path, [lcb_row(1, public_test_cases="[]", private_test_cases="[]"), lcb_row(2)]))
    assert get_benchmark("livecodebench").excluded == {"abc1_a": "it has no tests"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_strings_of_every_pickle_protocol_are_read(protocol: int) -> None:
    for text in ("", "a", "ä" * 300, "x" * 70_000, "\\u0041\n\0", "\udc80"):
        assert read_pickled_string(pickle.dumps(text, protocol=protocol)) == text
    assert unpack_tests("here", "f", packed([1, "two"], protocol)) == [1, "two"]


class Harm:
    def __reduce__(self):
        return (open, ("harm-was-done", "w"))


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Harm()),
        pickle.dumps(Harm(), protocol=0),
        b"cos\nsystem\n(S'touch harm-was-done'\ntR.",
        pickle.dumps(["[]"]),
        pickle.dumps(12345678901234567890),
        pickle.dumps(b"[]"),
        pickle.dumps(None),
        pickle.dumps("[]") [:-1] + b"0(lp0\n.",
        pickle.dumps(("[]", "[]")),
        pickle.dumps("[]")[:-1],
        pickle.dumps("x" * 5000)[:4000],
        b"",
        b"\x80\x04.",
        b"\x80\x09N.",
        b"garbage",
        b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"x.",
        b"L" + b"9" * 100_000 + b"L\n.",
        b"(" * 100_000 + b".",
    ],
)  # fmt: skip
def test_hostile_pickles_are_refused_and_nothing_of_them_runs(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    field = base64.b64encode(zlib.compress(content)).decode()
    with pytest.raises(DataError, match=r"rows, line 3: the field 'private_test_cases' cannot be read: .*restore"):
        unpack_tests("rows, line 3", "private_test_cases", field)
    assert not (tmp_path / "harm-was-done").exists()


def test_the_official_loader_would_have_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hostile case above is hostile: unpickled, it does write its file."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Harm())).close()
    assert (tmp_path / "harm-was-done").exists()


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (base64.b64encode(zlib.compress(b"\0" * 30_000_000, 9)).decode(), "more than 1000000 bytes, which is the cap"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]"))[:-3]).decode(), "cut off"),
        (base64.b64encode(b"not zlib at all").decode(), "does not unpack"),
        ("%%%", "neither JSON nor base64"),
        ("ünï", "neither JSON nor base64"),
        ("[1, 2", "not JSON"),
        ("[NaN]", "not JSON: NaN"),
        ("[" * 100_000, "not JSON|nested too deeply"),
        (base64.b64encode(zlib.compress(pickle.dumps("[1, 2"))).decode(), "not JSON"),
    ],
)
def test_damage_is_named(field: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        unpack_tests("x", "private_test_cases", field, limit=1_000_000)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contest_date": "yesterday"}, "'contest_date' does not begin with a date"),
        ({"contest_date": 20241005}, "'contest_date' must hold text"),
        ({"question_content": ""}, "'question_content' must hold text and is empty"),
        ({"question_id": None}, "'question_id' must hold text"),
        ({"public_test_cases": '[{"input": 1, "output": "2", "testtype": "stdin"}]'}, "'input' of public_test_cases"),
        ({"public_test_cases": '[{"input": "1", "testtype": "stdin"}]'}, "'output' of .* is missing"),
        ({"public_test_cases": '["1"]'}, "must be an object"),
        ({"public_test_cases": '{"a": 1}'}, "must hold a list of tests"),
        ({"public_test_cases": '[{"input": "1", "output": "2", "testtype": "telepathy"}]'}, "stdin or functional"),
        ({"public_test_cases": '[{"input": "1", "output": "2", "testtype": "functional"}]'}, "of both kinds"),
    ],
)  # fmt: skip
def test_wrong_fields_name_file_line_and_remedy(
    changes: dict, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, five(tmp_path, [lcb_row(1), lcb_row(2) | changes]))
    with pytest.raises(DataError, match=rf"test5\.jsonl, line 2: .*{reason}.*restore it"):
        get_benchmark("livecodebench").problems()


def test_functional_tests_need_their_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, metadata in enumerate(["{}", "not json", '{"func_name": "os.system"}', "[]"]):
        folder = tmp_path / str(number)
        use(monkeypatch, five(folder, [lcb_function(1, metadata=metadata)]))
        with pytest.raises(DataError, match=r"line 1: .*(func_name|metadata)"):
            get_benchmark("livecodebench").problems()


def test_a_file_that_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, five(tmp_path, [lcb_row(1), lcb_row(2)]))
    path = tmp_path / SHARDS[4].files[0]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"test5\.jsonl, line 2 is not JSON.*cut off.*Restore the file"):
        get_benchmark("livecodebench").problems()


def test_a_missing_file_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, five(tmp_path, [lcb_row(1)]))
    with pytest.raises(DataError, match=r"test6\.jsonl(.|\n)*assay data fetch livecodebench\[v6_v6\]"):
        get_benchmark("livecodebench[v6]").problems()


def test_the_prompt_is_the_official_one() -> None:
    # SHA-256 of what get_generic_question_template_answer and SYSTEM_MESSAGE_GENERIC of the official runner
    # (28fef95) give for these two problems, system message and two line feeds first.
    texts = [question("Q", "", "generic"), question("Q", "class Solution:\n    pass", "generic")]
    assert texts[0].endswith(
        "```python\n# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with backticks)\n\n"
    )
    assert [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts] == GENERIC
    assert hashlib.sha256(question("Q", "", "deepseek-r1").encode()).hexdigest()[:16] == DEEPSEEK_R1
    assert hashlib.sha256(LCB_PRELUDE.encode()).hexdigest()[:16] == IMPORTS


GENERIC = ["2948306ad9af6ab2", "e1a7b3dfa5164ba4"]
DEEPSEEK_R1 = "3aef0ca3f15e5e06"
IMPORTS = "de326da583c8d651"


def test_the_local_layout(real_data: Path) -> None:
    benchmark = get_benchmark("livecodebench[statement_tests]")
    problems = benchmark.problems()
    assert len(problems) + len(benchmark.excluded) == 880
    assert sum("errata" in reason for reason in benchmark.excluded.values()) == 17
    assert sum(reason == "it has no tests" for reason in benchmark.excluded.values()) == 9
    assert all(test["public"] for problem in problems for test in problem.reference["tests"])
    assert {problem.reference["kind"] for problem in problems} == {"stdin", "functional"}
    in_window = get_benchmark("livecodebench[statement_tests,2024-08..2025-01,all]").problems()
    assert len(in_window) == 279  # what others count in this window of release v5
    assert {problem.metadata["contest_date"][:7] for problem in in_window} == {
        "2024-08", "2024-09", "2024-10", "2024-11", "2024-12", "2025-01",
    }  # fmt: skip


def test_the_other_layout_is_pointed_out(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match=r"lcb_problems_880\.jsonl is here.*\[statement_tests\]"):
        get_benchmark("livecodebench").problems()


def test_walking_a_pickle_runs_nothing() -> None:
    """`pickletools.genops` is documented to disassemble; a call in a pickle is an instruction to it, no call."""
    names = [opcode.name for opcode, _, _ in pickletools.genops(pickle.dumps(Harm()))]
    assert "REDUCE" in names
    assert json.dumps(names)
