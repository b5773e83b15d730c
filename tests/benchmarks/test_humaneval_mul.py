"""HumanEval-Mul: rows of MultiPL-E's schema, and real programs in the languages that the sandbox has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.validate import validate_benchmark
from assay_benchmarks._multipl_e import assemble
from assay_benchmarks.humaneval_mul import LANGUAGES

HEADS = {
    "java": (
        "import java.util.*;\nimport org.javatuples.*;\nclass Problem {\n    // Twice.\n"
        "    public static long twice(long n) {\n"
    ),
    "cpp": "#include<assert.h>\n#include<bits/stdc++.h>\n// Twice.\nlong twice(long n) {\n",
    "cs": "using System;\nusing System.Numerics;\nclass Problem {\n    // 2.\n    public static long Twice(long n) {\n",
    "js": "//Twice.\nfunction twice(n){\n",
    "ts": "//Twice.\nfunction twice(n: number): number {\n",
    "php": "<?php\n// Twice.\nfunction twice($n) {\n",
    "sh": "#!/bin/bash\n# Twice.\n# $1 is an integer\ntwice() {\n",
}  # fmt: skip
JS_TESTS = (
    "const assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = twice;\n"
    "  assert.deepEqual(candidate(2),4);\n  assert.deepEqual(candidate(0),0);\n}\n\ntest();"
)
TESTS = {
    "java": "    }\n    public static void main(String[] args) {\n    assert(twice((2l)) == (4l));\n    }\n\n}\n",
    "cpp": "}\nint main() {\n    auto candidate = twice;\n    assert(candidate((2)) == (4));\n}\n",
    "cs": "    }\n    public static void Main(string[] args) {\n    Debug.Assert(Twice((2L)) == (4L));\n    }\n\n}\n",
    "js": JS_TESTS,
    "ts": "declare var require: any;\n" + JS_TESTS,
    "php": (
        "function candidate(...$args) {\n    return twice(...$args);\n}\n\nfunction test(): void {\n"
        '    if (candidate(2) !== 4) { throw new Exception("Test failed!"); }\n}\n\ntest();'
    ),
    "sh": '}\n\ncandidate() {\n    twice "$@"\n}\n\nset -e\nrun_test() {\n    [[ $(candidate "2") = "4" ]]\n}\n\n'
    "run_test",
}  # fmt: skip
PYTHON = {
    "task_id": "Python/0", "prompt": 'def twice(n):\n    """ Twice.\n    """\n',
    "canonical_solution": "    return 2 * n\n",
    "test": "\n\ndef check(twice):\n    assert twice(2) == 4\n\ncheck(twice)", "declaration": "", "text": "",
}  # fmt: skip
PROGRAMS = {
    "java": (
        'import org.javatuples.*;\nclass Problem {\n  // "}" in a comment }\n'
        "  public static long twice(long n) { return RIGHT; }\n"
        '  public static void main(String[] args) { System.out.println("{"); }\n}\nclass Other { }'
    ),
    "cpp": "#include<iostream>\n#define NDEBUG\nlong twice(long n) { return RIGHT; }\nint main() { std::cout << '}'; }",
    "cs": (
        "using System.Numerics;\npublic class Problem { public static long Twice(long n) { return RIGHT; }"
        " static void Main() { } }"
    ),
    "js": "function twice(n) { return RIGHT; }",
    "ts": "export function twice(n: number): number { return RIGHT; }",
    "php": "<?php\nfunction twice($n) { return RIGHT; }\n?>",
    "sh": "#!/bin/bash\ntwice() {\n  echo $((RIGHT))\n}",
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for language, head in HEADS.items():
        row = {"name": "HumanEval_0_twice", "language": language, "prompt": head, "tests": TESTS[language]}
        lines = [row]
        if language == "java":
            lines.append({**row, "name": "HumanEval_1_pair", "tests": row["tests"] + "Pair<Long, Long> p;"})
        (tmp_path / f"humaneval-{language}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "humaneval-python.jsonl").write_text(json.dumps(PYTHON) + "\n")
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    return tmp_path


def test_all_eight_languages_with_the_prompt_of_chat_models(files: Path) -> None:
    benchmark = assay.get_benchmark("humaneval_mul")
    assert [problem.metadata["language"] for problem in benchmark.problems()] == list(LANGUAGES)
    assert list(benchmark.excluded) == ["java/HumanEval_1_pair"]
    assert benchmark.problems()[2].prompt[0].content == (
        "Please help me to complete the function. Use the given packages only and DO NOT refer any new package. Please "
        "return all completed function in a codeblock. \nHere is the given code to do completion:\n```cpp\n"
        "#include<assert.h>\n#include<bits/stdc++.h>\n// Twice.\nlong twice(long n) {\n```"
    )
    some = assay.get_benchmark("humaneval_mul[sh,cpp]")
    assert [problem.id for problem in some.problems()] == ["cpp/HumanEval_0_twice", "sh/HumanEval_0_twice"]
    with pytest.raises(assay.UsageError, match="no 'rust'"):
        assay.get_benchmark("humaneval_mul[rust]")


def runnable() -> dict[str, str]:
    """File names of the languages that the sandbox has; skips where there is no sandbox."""
    try:
        with assay.open_sandbox("auto") as sandbox:
            return {name: LANGUAGES[name] for name in HEADS if LANGUAGES[name] in sandbox.languages()}
    except assay.SandboxError as error:
        pytest.skip(f"no sandbox here: {error}")


def test_programs_run_against_the_tests(files: Path) -> None:
    there = runnable()
    assert {"js", "sh", "cpp", "java"} & set(there), "no language to try"
    pool = assay.Pool(workers=1)
    verifier = assay.get_verifier("multipl_e")
    problems = {p.metadata["language"]: p for p in assay.get_benchmark("humaneval_mul").problems()}
    with pool:
        for name, language in there.items():
            n = "$1" if language in ("php", "bash") else "n"
            n = "$n" if language == "php" else n

            def judged(value: str, name: str = name, language: str = language) -> assay.Verdict:
                text = f"Here:\n```{language}\n{PROGRAMS[name].replace('RIGHT', value)}\n```"
                return pool.verify(verifier, problems[name], assay.Completion(text=text))

            right, wrong = judged(f"2*{n}"), judged(f"3*{n}")
            assert (right.outcome, right.score) == (assay.Outcome.GRADED, 1.0), (name, right.reason)
            assert wrong.score == 0.0, (name, wrong.reason)
            assert "…" in wrong.reason or "status" in wrong.reason or "error" in wrong.reason
        if "js" in there:
            text = "```js\nfunction twice(n) { process.exit(0); }\n```"
            assert pool.verify(verifier, problems["js"], assay.Completion(text=text)).score == 0.0, "ended early"


def test_python_is_judged_as_humaneval_is(files: Path) -> None:
    runnable()
    assert validate_benchmark(assay.get_benchmark("humaneval_mul[python]")) == []


def test_no_block_is_no_answer(files: Path) -> None:
    problem = assay.get_benchmark("humaneval_mul[js]").problems()[0]
    verifier = assay.get_verifier("multipl_e")
    for text in ("no code", "<think>```js\nx\n```"):
        assert verifier.verify_fast(problem, assay.Completion(text=text)).outcome == "no_answer"


@pytest.mark.parametrize("name", sorted(HEADS))
def test_the_word_is_printed_last_and_no_assertion_can_be_left_out(name: str) -> None:
    program = assemble(LANGUAGES[name], PROGRAMS[name], TESTS[name], "WORD")
    assert program.count("WORD") == 1
    before, after = program.split("WORD")
    assert "4" in before.rpartition("\n")[0], "the tests stand before it"
    assert after.count("}") <= 6
    assert "Debug.Assert(" not in program
    assert name != "java" or "assert(" not in program


def rates(files: Path, responses: dict[str, str]) -> dict[str, Any]:
    rows = [{"problem_id": key, "response": text} for key, text in responses.items()]
    (files / "replay.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    name = "humaneval_mul[js,sh]:1"
    [result] = assay.evaluate(f"replay:{files / 'replay.jsonl'}", name, out=files / "runs")
    return result.summary


def test_the_figure_is_the_mean_over_languages(files: Path) -> None:
    there = runnable()
    if not {"js", "sh"} <= set(there):
        pytest.skip("the sandbox lacks JavaScript or Bash")
    right = PROGRAMS["js"].replace("RIGHT", "2*n")
    summary = rates(files, {"js/HumanEval_0_twice": f"```js\n{right}\n```", "sh/HumanEval_0_twice": "no"})
    assert summary["aggregates"] == {"js": 1.0, "sh": 0.0, "mean over 2 languages": 0.5}
