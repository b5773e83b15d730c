"""Checkers and interactors: programs of a benchmark's that decide, in a sandbox of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay_plugins.code_tests.results import Judgement, Status

Judged = Callable[..., Judgement]
SPLIT = """\
#include "testlib.h"
int main(int argc, char* argv[]) {
    setName("two numbers with a given sum, the first at most %d", 100);
    registerTestlibCmd(argc, argv);
    int sum = inf.readInt(), jury = ans.readInt(0, 100);
    if (jury > sum) quitf(_fail, "the jury is wrong");
    int a = ouf.readInt(0, 100, "a");
    long long b = ouf.readLong();
    if (a + b != sum) quitf(_wa, "%d + %lld is not %d", a, b, sum);
    quitf(_ok, "%d and %lld", a, b);
}
"""
PYTHON_SPLIT = """\
import sys
total, said, answer = (open(path).read().split() for path in sys.argv[1:4])
if len(said) != 2:
    sys.exit(2)
sys.exit(0 if sum(map(int, said)) == int(total[0]) else 1)
"""
OPEN_R1 = """\
import sys
total, answer, said = (open(path).read().split() for path in sys.argv[1:4])
print(100 if len(said) == 2 and sum(map(int, said)) == int(total[0]) else 50 if len(said) == 2 else 0)
"""
STYLES = {
    "testlib": {"language": "cpp", "code": SPLIT},
    "python": {"language": "python", "code": PYTHON_SPLIT},
    "open-r1": {"language": "python", "code": OPEN_R1, "style": "open-r1"},
}


def problem(checker: Any, answer: str = "3 4\n") -> dict[str, Any]:
    tests = [{"input": "7\n", "output": answer}, {"input": "9\n", "output": "9 0\n"}]
    return {"kind": "stdin", "tests": tests, "checker": checker, "time_limit": 2.0}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("n = int(input())\nprint(n - 1, 1)", Status.ACCEPTED),
        ("n = int(input())\nprint(1)\nprint(n - 1)", Status.ACCEPTED),
        ("n = int(input())\nprint(n, n)", Status.WRONG_ANSWER),
        ("print()", Status.WRONG_ANSWER),
        ("print('one two')", Status.WRONG_ANSWER),
        ("n = int(input())\nprint(n - 1, 1, 0)", Status.WRONG_ANSWER),
        ("import sys\nsys.stdout.buffer.write(b'\\xff\\x00' * 1000)", Status.WRONG_ANSWER),
        ("1 / 0", Status.RUNTIME_ERROR),
    ],
)
def test_checkers_decide(judged: Judged, style: str, code: str, status: Status) -> None:
    if "one two" in code and style == "open-r1":
        code = "print('1 1 1')"  # this checker crashes on words, and that is a case below
    judgement = judged(problem(STYLES[style]), code)
    assert judgement.status is status, judgement


def test_points_of_a_checker(judged: Judged) -> None:
    judgement = judged(problem(STYLES["open-r1"]), "print('1 1')", stop_early=False)
    assert judgement.status is Status.WRONG_ANSWER
    assert [result.points for result in judgement.results] == [0.5, 0.5]
    points = {
        "language": "cpp",
        "code": '#include "testlib.h"\nint main(int n, char** a) {'
        'registerTestlibCmd(n, a); double x = ouf.readDouble(0, 1); quitp(x, "%s", "given"); }',
    }
    assert judged(problem(points), "print(0.25)").results[0].points == 0.25
    assert judged(problem(points), "print(1)").status is Status.ACCEPTED


def test_an_output_that_the_checker_cannot_bear_is_wrong(judged: Judged) -> None:
    for code in ("print('one two')", "print('1e999 x')"):
        judgement = judged(problem(STYLES["open-r1"]), code)
        assert judgement.status is Status.WRONG_ANSWER
        assert "cannot read" in judgement.message
    slow = {"language": "python", "code": "import sys\nif 'x' in open(sys.argv[2]).read(): raise MemoryError\n"}
    assert judged(problem(slow), "print('x')").status is Status.WRONG_ANSWER
    assert judged(problem(slow), "print('y')").status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("checker", "words"),
    [
        ({"language": "cpp", "code": "int main( {"}, "does not compile"),
        ({"language": "cpp", "code": SPLIT.replace("jury > sum", "jury != sum")}, "says that it failed"),
        ({"language": "python", "code": "raise SystemError"}, "on its expected output too"),
        ({"language": "python", "code": "print('maybe')", "style": "open-r1"}, "printed no number"),
        ({"language": "cobol", "code": "x"}, "cobol"),
    ],
)
def test_a_failing_checker_is_our_failure(judged: Judged, checker: Any, words: str) -> None:
    judgement = judged(problem(checker), "print(3, 4)")
    assert judgement.status is Status.JUDGE_ERROR
    assert words in judgement.message


def test_the_solution_cannot_reach_the_checker(judged: Judged) -> None:
    """The attack on Piston's packages: overwrite checker.py, then print anything."""
    code = (
        "for name in ('checker.py', 'checker', 'main.py', '../checker.py', 'answer.txt', '/tmp/answer.txt'):\n"
        "    try: open(name, 'w').write('print(1)')\n    except OSError: pass\nprint(5)"
    )
    for checker in STYLES.values():
        assert judged(problem(checker), code).status is Status.WRONG_ANSWER


GUESS = """\
#include "testlib.h"
int main(int argc, char* argv[]) {
    registerInteraction(argc, argv);
    int secret = inf.readInt();
    for (int turn = 0; turn < 20; turn++) {
        std::string word = ouf.readToken("[?!]");
        int guess = ouf.readInt(1, 1000);
        if (word == "!") {
            if (guess == secret) quitf(_ok, "%d questions", turn);
            quitf(_wa, "it is %d, not %d", secret, guess);
        }
        std::cout << (guess < secret ? "more" : "less or equal") << std::endl;
    }
    quitf(_wa, "too many questions");
}
"""
SEARCH = """\
low, high = 1, 1000
while low < high:
    middle = (low + high) // 2
    print('?', middle, flush=True)
    if input() == 'more': low = middle + 1
    else: high = middle
print('!', low, flush=True)
"""


def guessing(interactor: str = GUESS, secrets: tuple[int, ...] = (1, 700, 1000), limit: float = 1.0) -> dict[str, Any]:
    tests = [{"input": f"{secret}\n", "output": ""} for secret in secrets]
    helper = {"language": "cpp", "code": interactor}
    return {"kind": "stdin", "tests": tests, "interactor": helper, "time_limit": limit}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (SEARCH, Status.ACCEPTED),
        (SEARCH.replace("print('!', low", "print('!', low % 1000 + 1"), Status.WRONG_ANSWER),
        (SEARCH.replace("(low + high) // 2", "low"), Status.WRONG_ANSWER),
        ("print('!', 5000, flush=True)", Status.WRONG_ANSWER),
        ("print('what', flush=True)", Status.WRONG_ANSWER),
        ("", Status.WRONG_ANSWER),
        ("print('? 3', flush=True)\nprint('!', input())", Status.WRONG_ANSWER),
        (SEARCH + "1 / 0", Status.RUNTIME_ERROR),
        ("1 / 0", Status.RUNTIME_ERROR),
        ("while True: pass", Status.TIME_LIMIT),
        ("input()", Status.TIME_LIMIT),
        ("import sys\nprint('? 3')\nsys.stdin.readline()", Status.TIME_LIMIT),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("mode", ["exec", "fork"])
def test_dialogues(judged: Judged, mode: str, code: str, status: Status) -> None:
    judgement = judged(guessing(), code, mode=mode)
    assert judgement.status is status, judgement
    if status is Status.WRONG_ANSWER and "5000" in code:
        assert judgement.results[0].details["program_said"] == "! 5000\n"


def test_the_secret_of_the_interactor_is_out_of_reach(judged: Judged) -> None:
    code = (
        "import os\nfor name in ('input.txt', '../input.txt', '/tmp/input.txt'):\n"
        "    if os.path.exists(name): print('!', open(name).read(), flush=True)\nprint('! 3', flush=True)"
    )
    assert judged(guessing(), code).status is Status.WRONG_ANSWER


def test_a_flood_is_bounded(judged: Judged) -> None:
    judgement = judged(guessing(), "while True: print('? 3')")
    assert judgement.status in (Status.WRONG_ANSWER, Status.TIME_LIMIT, Status.OUTPUT_LIMIT, Status.RUNTIME_ERROR)
    assert len(judgement.results[0].details["program_said"]) < 2000


def test_a_program_cannot_make_the_interactor_fail(judged: Judged) -> None:
    careless = {"language": "python", "code": "import sys\nsecret = int(open(sys.argv[1]).read())\n"
                "print('go', flush=True)\nsys.exit(int(input()) != secret)\n"}  # fmt: skip
    reference = {"kind": "stdin", "tests": [{"input": "7\n", "output": ""}], "interactor": careless, "time_limit": 1.0}
    assert judged(reference, "input()\nprint(7)").status is Status.ACCEPTED
    for said in ("8", "garbage", "9" * 5000, "\\ud800"):
        code = f"input()\nimport sys\nsys.stdout.buffer.write('{said}\\n'.encode('utf-8', 'surrogatepass'))"
        assert judged(reference, code).status is Status.WRONG_ANSWER, said
    broken = {**careless, "code": "raise SystemError"}
    assert judged({**reference, "interactor": broken}, "input()").status is not Status.ACCEPTED


def test_an_interactor_that_fails_is_our_failure(judged: Judged) -> None:
    assert judged(guessing("int main( {"), SEARCH).status is Status.JUDGE_ERROR
    failing = GUESS.replace("int secret = inf.readInt();", 'int secret = inf.readInt(2000, 3000, "secret");')
    judgement = judged(guessing(failing), "print('! 3', flush=True)")
    assert judgement.status is Status.JUDGE_ERROR
    assert "violates the range" in judgement.message


def test_our_header_decides_as_testlib_does(judged: Judged) -> None:
    """With ASSAY_TESTLIB naming the original, checkers of every kind of reading decide alike with either."""
    path = os.environ.get("ASSAY_TESTLIB")
    if not path:
        pytest.skip("ASSAY_TESTLIB does not name a copy of testlib.h")
    original = Path(path).read_text(encoding="utf-8")
    for code in (
        "print('3 4')",
        "print('3 4 ')",
        "print('+3 4')",
        "print('03 4')",
        "print('3 4 x')",
        "print('3')",
        "print('101 -94')",
    ):
        statuses = [judged(problem(STYLES["testlib"]), code, testlib=text).status for text in (None, original)]
        assert statuses[0] is statuses[1], code


READS = [
    ("readInt()", "5", 0),
    ("readInt()", "+5", 2),
    ("readInt()", "05", 2),
    ("readInt()", "-0", 2),
    ("readInt()", "5.0", 2),
    ("readInt()", "2147483648", 2),
    ("readInt()", "", 2),
    ("readInt()", "5 6", 2),
    ("readInt(1, 4)", "5", 1),
    ("readLong()", "9223372036854775807", 0),
    ("readLong()", "9223372036854775808", 2),
    ("readUnsignedLong()", "18446744073709551615", 0),
    ("readUnsignedLong()", "-1", 2),
    ("readDouble()", "1e3", 0),
    ("readDouble()", "nan", 2),
    ("readDouble()", "inf", 2),
    ("readDouble()", "1.2.3", 2),
    ("readDouble()", "0x10", 2),
    ("readDouble(0, 1)", "1.5", 1),
    ("readStrictDouble(0, 9, 1, 2)", "1.25", 0),
    ("readStrictDouble(0, 9, 1, 2)", "1.255", 2),
    ("readStrictDouble(0, 9, 1, 2)", "1", 2),
    ("readStrictDouble(0, 9, 0, 2)", "01.5", 2),
    ('readToken("[a-c]{2,3}|x[^0-9]*")', "abc", 0),
    ('readToken("[a-c]{2,3}|x[^0-9]*")', "a", 1),
    ('readToken("[a-c]{2,3}|x[^0-9]*")', "xyz", 0),
    ('readToken("[a-c]{2,3}|x[^0-9]*")', "xy1", 1),
    ('readToken("(ab|c)+d?")', "ababcd", 0),
    ('readToken("(ab|c)+d?")', "abad", 1),
    ('readToken("a{3}")', "aaa", 0),
    ('readToken("a{3}")', "aaaa", 1),
    ('readToken("[a-z]{1,300000}")', "a" * 200_000, 0),
    ("readLine()", "a b  c", 0),
    ("readLine()", "a\nb", 2),
    ("readInts(3)", "1 2 3", 0),
    ("readInts(3)", "1 2", 2),
    ('readInts(2, 1, 5, "v")', "1 6", 1),
    ("readWord()", "  x  ", 0),
    ("readChar('x')", "x", 0),
    ("readChar('x')", "y", 2),
]


def test_reading(judged: Judged) -> None:
    """What each way of reading accepts; the numbers are testlib's exit statuses."""
    cases = "\n".join(f"        case {index}: ouf.{call}; break;" for index, (call, _, _) in enumerate(READS))
    code = (
        '#include "testlib.h"\nint main(int argc, char* argv[]) {\n    registerTestlibCmd(argc, argv);\n'
        f'    switch (inf.readInt()) {{\n{cases}\n    }}\n    quitf(_ok, "read");\n}}\n'
    )
    tests = [{"input": f"{index}\n", "output": ""} for index in range(len(READS))]
    answers = [text for _, text, _ in READS]
    reference = {"kind": "stdin", "tests": tests, "checker": {"language": "cpp", "code": code}}
    printing = f"answers = {answers!r}\nprint(end=answers[int(input())])"
    judgement = judged(reference, printing, stop_early=False)
    assert len(judgement.results) == len(READS)
    for result in judgement.results:
        call, text, status = READS[result.index]
        wanted = {0: "ok", 1: "wrong answer", 2: "wrong output format"}[status]
        assert result.message.startswith(wanted), (call, text[:20], result)
