"""Attacks on the benchmark's own helpers: checkers, interactors, and tests that are code.

A helper never shares a sandbox with the program, but it reads what the program says. Whatever that is, it must not be
accepted, and it must not make the judge fail either: an error of ours is left out of a reward, so it would be worth
more to a wrong program than its verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import assay
from assay import Completion, Outcome, Problem
from assay_plugins.code_tests.sandboxes import close_all
from tests.attacks.places import Place, skip_without

LIMITS = {"time_limit": 2.0, "memory_limit": 512}

PYTHON_CHECKER = """
import sys
given, said = open(sys.argv[1]).read().split(), open(sys.argv[2]).read().split()
a, b = int(said[0]), int(said[1])
if len(said) != 2 or a + b != int(given[0]) or min(a, b) < 1:
    sys.exit(1)
"""
TESTLIB_CHECKER = """
#include "testlib.h"
int main(int count, char *args[]) {
    registerTestlibCmd(count, args);
    int n = inf.readInt();
    int a = ouf.readInt(1, 1000000), b = ouf.readInt(1, 1000000);
    if (a + b != n) quitf(_wa, "%d + %d is not %d", a, b, n);
    quitf(_ok, "right");
}
"""
SPLIT = [{"input": f"{n}\n", "output": f"1 {n - 1}\n"} for n in (5, 17, 90_000)]
HONEST_SPLIT = "n = int(input())\nprint(n // 2, n - n // 2)\n"
WRITE = "import os, sys\nn = int(input())\nwrite = sys.stdout.buffer.write\n"
OVERWRITE = """
for name in ("input.txt", "output.txt", "answer.txt", "main", "checker"):
    with open(name, "w") as file:
        file.write("1 1")
print("x")
"""
CHECKED = {
    "nothing": WRITE,
    "words": WRITE + "write(b'accepted ok _ok AC 1 100')\n",
    "zero bytes": WRITE + "write(b'\\0' * 1000)\n",
    "zero bytes between": WRITE + "write(b'1\\0 %d\\0' % (n - 1))\n",
    "not UTF-8": WRITE + "write(b'\\xff\\xfe 1 \\xc3')\n",
    "ten million digits": WRITE + "write(b'9' * 10_000_000)\n",
    "ten million bytes of words": WRITE + "write(b'1 ' * 5_000_000)\n",
    "huge": WRITE + "write(b'99999999999999999999 -99999999999999999994')\n",
    "beyond 32 bits": WRITE + "write(b'4294967297 %d' % (n - 1))\n",
    "floats": WRITE + "write(b'1e0 %d.0' % (n - 1))\n",
    "not a number": WRITE + "write(b'nan inf')\n",
    "negative": WRITE + "write(b'-1 %d' % (n + 1))\n",
    "zero": WRITE + "write(b'0 %d' % n)\n",
    "more than asked": WRITE + "write(b'1 %d 7' % (n - 1))\n",
    "an exception's name": WRITE + "write(b'Traceback\\nValueError: x')\n",
    "braces": WRITE + "write(b'%n%n%n%s%s%s {} {0} $(id) `id`')\n",
    "files beside it": WRITE + OVERWRITE,
    "a dead end": WRITE + "write(b'1 %d' % (n - 1))\nsys.stdout.flush()\nos.kill(os.getpid(), 9)\n",
}

INTERACTOR = """
import sys
secret = int(open(sys.argv[1]).read())
for _ in range(12):
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    guess = int(line)
    if guess == secret:
        print("found", flush=True)
        sys.exit(0)
    print("higher" if guess < secret else "lower", flush=True)
sys.exit(1)
"""
TESTLIB_INTERACTOR = """
#include "testlib.h"
#include <iostream>
int main(int count, char *args[]) {
    registerInteraction(count, args);
    int secret = inf.readInt();
    for (int i = 0; i < 12; i++) {
        int guess = ouf.readInt(1, 1000);
        if (guess == secret) {
            std::cout << "found" << std::endl;
            quitf(_ok, "found");
        }
        std::cout << (guess < secret ? "higher" : "lower") << std::endl;
    }
    quitf(_wa, "too many");
}
"""
SECRETS = [{"input": f"{n}\n", "output": f"{n}\n"} for n in (700, 1)]
HONEST_GUESS = """
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "found":
        break
    low, high = (middle + 1, high) if said == "higher" else (low, middle - 1)
"""
READ = """
import glob
for name in glob.glob("/**/input.txt", recursive=True)[:5]:
    print(open(name).read(), flush=True)
print(2000)
"""
TALKS = {
    "says nothing and leaves": "pass\n",
    "garbage": "print('abc', flush=True)\n",
    "garbage that is no text": "import os\nos.write(1, b'\\xff\\xfe\\0\\n')\n",
    "too large a number": "print('9' * 5000, flush=True)\n",
    "half a line": "import sys\nsys.stdout.write('5')\nsys.stdout.flush()\n",
    "impersonates": "print('found', flush=True)\nprint('found', flush=True)\n",
    "the wrong guesses": "for i in range(20):\n    print(i + 2, flush=True)\n",
    "closes its output": "import os, time\nos.close(1)\ntime.sleep(1)\n",
    "goes after one question": "print(500, flush=True)\nprint(input())\n",
    "reads the interactor's files": READ,
    "kills everybody": "import os\nprint(500, flush=True)\nos.kill(-1, 9)\n",
    "floods": "import sys\nwhile True:\n    sys.stdout.write('500\\n' * 10000)\n",
    "waits for ever": "print(500, flush=True)\nwhile True:\n    input()\n",
}

PROPERTY_TESTS = """
def check(candidate):
    found = candidate(10)
    assert isinstance(found, int) and found > 1
    for divisor in range(2, found):
        assert found % divisor
    assert 10 < found < 20
"""
HONEST_PRIME = "def next_prime(n):\n    return 11\n"


def saying(line: bytes) -> str:
    """A function that writes a line into every open file, in place of a result, and ends its process."""
    return f"""
import os
def next_prime(n):
    for fd in range(1, 64):
        try:
            os.write(fd, {line!r} + b"\\n")
        except OSError:
            pass
    os._exit(0)
"""


EQUAL = """
class Agreeable(int):
    __mod__ = __lt__ = __gt__ = __eq__ = lambda self, other: True
    __hash__ = int.__hash__
def next_prime(n):
    return Agreeable(4)
"""
ANSWERS = {
    "endless work": "def next_prime(n):\n    return 10**18 + 9\n",
    "a range": "def next_prime(n):\n    return range(10**18)\n",
    "always equal": EQUAL,
    "an exception of the tests' kind": "def next_prime(n):\n    raise NameError('check')\n",
    "leaves": "import os\ndef next_prime(n):\n    os._exit(0)\n",
    "a handle": saying(b'{"handle": 0}'),
    "ends the tests": saying(b'{"end": "passed", "word": ""}'),
    "changes what it was not given": saying(b'{"ok": 4, "changed": {"x": [], "99": [], "0": 11}}'),
    "odd data": saying(b'{"ok": {"t": "Node", "v": [["__class__", {"t": "type", "v": "int"}]]}}'),
    "no data": saying(b"]["),
}


@pytest.fixture(scope="module", params=["native", pytest.param("docker", marks=pytest.mark.attacks_full)])
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each sandbox."""
    skip_without(Place(request.param, "fork"))
    yield request.param
    close_all()


def verdict_on(kind: str, reference: dict[str, Any], code: str) -> Any:
    """What the verifier says of a program."""
    verifier: Any = assay.get_verifier("code_tests", sandbox=kind, mode="fork")
    problem = Problem(id="p", prompt=(), reference={**LIMITS, **reference}, verifier="code_tests")
    return verifier.verify(problem, Completion(text=f"<think>\n</think>\n```python\n{code}```\n"))


def refused(verdict: Any) -> bool:
    """Whether the verdict is the program's, and not acceptance."""
    return verdict.outcome is Outcome.GRADED and verdict.score == 0.0 and verdict.details["status"] != "accepted"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", [("python", PYTHON_CHECKER), ("cpp", TESTLIB_CHECKER)], ids=lambda c: c[0])
def test_no_output_gets_past_a_checker_or_breaks_the_judge(kind: str, checker: tuple[str, str]) -> None:
    helper = {"language": checker[0], "code": checker[1]}
    reference = {"kind": "stdin", "tests": SPLIT, "checker": helper}
    assert verdict_on(kind, reference, HONEST_SPLIT).score == 1.0
    verdicts = {name: verdict_on(kind, reference, code) for name, code in CHECKED.items()}
    assert not {name: verdict for name, verdict in verdicts.items() if not refused(verdict)}
    assert verdict_on(kind, reference, HONEST_SPLIT).score == 1.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("interactor", [("python", INTERACTOR), ("cpp", TESTLIB_INTERACTOR)], ids=lambda i: i[0])
def test_no_dialogue_gets_past_an_interactor_or_breaks_the_judge(kind: str, interactor: tuple[str, str]) -> None:
    helper = {"language": interactor[0], "code": interactor[1]}
    reference = {"kind": "stdin", "tests": SECRETS, "interactor": helper}
    assert verdict_on(kind, reference, HONEST_GUESS).score == 1.0
    slow = {"waits for ever"} if interactor[0] == "cpp" else set()  # ten seconds of silence; once is enough
    verdicts = {name: verdict_on(kind, reference, code) for name, code in TALKS.items() if name not in slow}
    assert not {name: verdict for name, verdict in verdicts.items() if not refused(verdict)}
    assert verdict_on(kind, reference, HONEST_GUESS).score == 1.0


@pytest.mark.timeout(300)
def test_no_result_gets_past_tests_that_are_code_or_breaks_the_judge(kind: str) -> None:
    reference = {"kind": "assertions", "entry_point": "next_prime", "tests": [PROPERTY_TESTS + "\ncheck(next_prime)\n"]}
    assert verdict_on(kind, reference, HONEST_PRIME).score == 1.0
    verdicts = {name: verdict_on(kind, reference, code) for name, code in ANSWERS.items()}
    assert not {name: verdict for name, verdict in verdicts.items() if not refused(verdict)}
    assert verdict_on(kind, reference, HONEST_PRIME).score == 1.0
