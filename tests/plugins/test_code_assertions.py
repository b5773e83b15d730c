"""Tests that are code: what is read of them, and what running them decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay_plugins.code_tests.asserted import holds
from assay_plugins.code_tests.assertions import Check, plan
from assay_plugins.code_tests.inside.encode import encode
from assay_plugins.code_tests.reference import read_reference
from assay_plugins.code_tests.results import Judgement, Status

Judged = Callable[..., Judgement]
BOTH_MODES = pytest.mark.parametrize("mode", ["exec", "fork"])


def reference(tests: Any, entry_point: str | None = "f", setup: str = "", **more: Any) -> dict[str, Any]:
    return {"kind": "assertions", "entry_point": entry_point, "setup": setup, "tests": tests, **more}


def checks(tests: Any, entry_point: str | None = "f", setup: str = "") -> tuple[Check, ...] | None:
    return plan(read_reference(reference(tests, entry_point, setup))).checks


def test_plain_assertions_are_read_and_not_run() -> None:
    found = checks(
        "import math\ndef check(candidate):\n  'doc'\n  assert candidate(1, b=[2]) == (3,), 'm'\n  assert True\n"
    )
    assert found is not None
    assert len(found) == 1
    assert (found[0].function, found[0].args, found[0].kwargs) == ("f", [1], {"b": [2]})
    assert (found[0].relation, found[0].wanted) == ("==", {"t": "tuple", "v": [3]})


@pytest.mark.parametrize(
    ("assertion", "good", "bad"),
    [
        ("assert f(1) == [1, 2]", [1, 2], (1, 2)),
        ("assert [1] == f(1)", [1.0], [2]),
        ("assert f(1) != 3", 4, 3.0),
        ("assert f(1) is None", None, 0),
        ("assert f(1) is True", True, 1),
        ("assert f(1)", [0], []),
        ("assert not f(1)", 0, "x"),
        ("assert abs(f(1) - 1.5) < 1e-6", 1.5000001, 1.51),
        ("assert abs(1.5 - f(1)) < 1e-6", 1.5, "1.5"),
        ("assert math.isclose(f(1), 2.0, rel_tol=0.1)", 2.1, 3),
        ("assert math.isclose(f(1), 2.0)", 2.0, float("nan")),
        ("assert round(f(1), 2) == 0.33", 1 / 3, 0.35),
        ("assert f(1) == {1: 'a', 'b': {2}}", {"b": {2.0}, 1: "a"}, {1: "a"}),
        ("assert f(1) == -1", -1, 1),
    ],
)
def test_what_an_assertion_asks(assertion: str, good: Any, bad: Any) -> None:
    found = checks(assertion)
    assert found is not None
    assert holds(found[0], encode(good))
    assert not holds(found[0], encode(bad))
    namespace: dict[str, Any] = {"f": lambda _: good}
    exec("import math\n" + assertion, namespace)
    namespace["f"] = lambda _: bad
    with pytest.raises((AssertionError, TypeError)):
        exec("import math\n" + assertion, namespace)


@pytest.mark.parametrize(
    "tests",
    [
        "for x in range(3):\n  assert f(x) == x",
        "y = 3\nassert f(1) == y",
        "assert sorted(f(1)) == [1]",
        "assert f(f(1)) == 2",
        "assert f(*[1]) == 2",
        "assert 0 < f(1) < 2",
        "assert f(1) == 1 or f(1) == 2",
        "try:\n  f(1)\nexcept ValueError:\n  pass",
    ],
)
def test_whatever_else_is_run(tests: str) -> None:
    assert checks(tests) is None


def test_names_of_the_program() -> None:
    assert plan(read_reference(reference("assert g(len([1])) == h.x", None))).names == {"g": "g", "h": "h"}
    assert plan(read_reference(reference("assert sum([1]) == 1", None))).names == {"sum": "sum"}
    assert plan(read_reference(reference("assert candidate(1) == 1"))).names == {"candidate": "f", "f": "f"}
    assert plan(read_reference(reference("for _ in [1]: assert f(sys.maxsize)"))).modules == ("sys",)


READ = "assert f(1) == 2\nassert f(5) == 6"
RUN = "for x in (1, 5):\n    assert f(x) == x + 1, x"
PROGRAMS = [
    ("def f(x):\n    print('noise')\n    return x + 1", Status.ACCEPTED),
    ("class Solution:\n    def f(self, x):\n        return x + 1", Status.ACCEPTED),
    ("def f(x): return x * 2", Status.WRONG_ANSWER),
    ("def f(x): return None", Status.WRONG_ANSWER),
    ("def f(x): return [x + 1]", Status.WRONG_ANSWER),
    ("def f(x): raise KeyError(x)", Status.RUNTIME_ERROR),
    ("def f(x): raise AssertionError", Status.RUNTIME_ERROR),
    ("def f(x): raise SystemExit(0)", Status.RUNTIME_ERROR),
    ("def f(x): raise StopIteration", Status.RUNTIME_ERROR),
    ("import os\ndef f(x): os._exit(0)", Status.RUNTIME_ERROR),
    ("import sys\nsys.exit(0)", Status.RUNTIME_ERROR),
    ("def g(x): return x + 1", Status.RUNTIME_ERROR),
    ("def f(x): return x +", Status.COMPILE_ERROR),
    ("def f(x):\n    while True: pass", Status.TIME_LIMIT),
    ("def f(x): return [0] * 10**10", Status.MEMORY_LIMIT),
    ("class E:\n    def __eq__(s, o): return True\ndef f(x): return E()", Status.RUNTIME_ERROR),
    ("class E(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef f(x): return E(9)", Status.WRONG_ANSWER),
    ("import builtins, json\nbuiltins.AssertionError = OSError\njson.dumps = lambda x: '1'\ndef f(x): return 0", None),
    (
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n"
        "        for v in frame.f_locals.values():\n"
        "            if isinstance(v, dict) and 'wanted' in v: return v['wanted']\n        frame = frame.f_back",
        None,
    ),
    (
        "import os\ndef f(x):\n    for fd in range(256):\n"
        '        try: os.write(fd, b\'{"ok": 2}\\n{"end": "passed"}\\n\')\n'
        "        except OSError: pass\n    return 0",
        None,
    ),
]


@BOTH_MODES
@pytest.mark.parametrize("tests", [READ, RUN], ids=["read", "run"])
def test_verdicts(judged: Judged, mode: str, tests: str) -> None:
    for code, status in PROGRAMS:
        judgement = judged(reference(tests, time_limit=1.0), code, mode=mode)
        if status is None:
            assert judgement.status not in (Status.ACCEPTED, Status.JUDGE_ERROR), (code, judgement)
        else:
            assert judgement.status is status, (code, judgement)


@pytest.mark.parametrize(
    ("tests", "code"),
    [
        # Arguments that are changed in place, and values of many types on their way.
        ("a = [3, 1]\nf(a)\nassert a == [1, 3]", "def f(a): a.sort()"),
        ("d = {}\nf(d, 1)\nassert d == {1: 1}", "def f(d, k): d[k] = k"),
        ("assert list(f(3)) == [0, 1, 2]\nassert not isinstance(f(3), list)", "def f(n): return iter(range(n))"),
        ("try:\n    f(0)\nexcept ZeroDivisionError:\n    pass\nelse:\n    assert False", "def f(x): return 1 // x"),
        ("assert f(deque([1])).maxlen is None", "def f(x): return x"),
        ("x = f(2.5 + 1j, b'x', {1}, range(3))\nassert x == (2.5 + 1j, b'x', {1}, range(3))", "def f(*a): return a"),
        (
            "import random\nfor _ in range(200):\n    n = random.randrange(9**30)\n    assert f(n) == n + 1",
            "def f(x): return x + 1",
        ),
        # A class of the program's own: made, linked, and looked into, but never compared.
        (
            "r = Node(1)\nr.left = Node(2)\nassert depth(r) == 2\nassert r.left.v == 2",
            "class Node:\n    def __init__(self, v): self.v, self.left = v, None\n"
            "def depth(n): return 0 if n is None else 1 + depth(n.left)",
        ),
        (
            "s = Stack()\ns.push(4)\nassert s.pop() == 4",
            "class Stack:\n    def __init__(self): self.a = []\n    def push(self, x): self.a.append(x)\n"
            "    def pop(self): return self.a.pop()",
        ),
        (
            "check = Solution().f\nfor x in (1, 2): assert check(x) == x",
            "class Solution:\n    def f(self, x): return x",
        ),
        ("assert f([1, 2.5, 'a'], int) == [2.5, 'a']", "def f(a, t): return [x for x in a if type(x) is not t]"),
    ],
    ids=range(11),
)
def test_what_tests_may_do(judged: Judged, tests: str, code: str) -> None:
    judgement = judged(reference(tests, None, "from collections import deque"), code)
    assert judgement.status is Status.ACCEPTED, judgement


def test_helpers_of_the_prompt_are_the_tests_own(judged: Judged) -> None:
    """HumanEval's helpers, such as `poly`: a program that brings its own changes nothing."""
    setup = "def double(x):\n    return 2 * x\n\ndef f(x):\n    pass\n"
    tests = "def check(candidate):\n    for x in range(5):\n        assert double(candidate(x)) == 2 * x + 2\n"
    right = setup.replace("    pass", "    return x + 1")
    assert judged(reference(tests, "f", setup), right).status is Status.ACCEPTED
    cheat = "class Same:\n    def __eq__(s, o): return True\ndef double(x): return Same()\ndef f(x): return 0"
    assert judged(reference(tests, "f", setup), cheat).status is Status.WRONG_ANSWER


def test_nodes_of_a_prelude(judged: Judged) -> None:
    prelude = "class ListNode:\n    def __init__(self, val=0, next=None):\n        self.val, self.next = val, next\n"
    tests = "head = f(ListNode(1, ListNode(2)))\nassert (head.val, head.next.val, head.next.next) == (2, 1, None)"
    right = "def f(h):\n    p = None\n    while h: h.next, p, h = p, h, h.next\n    return p"
    assert judged(reference(tests, prelude=prelude), right).status is Status.ACCEPTED
    assert judged(reference(tests, prelude=prelude), "def f(h): return h").status is Status.WRONG_ANSWER
    endless = "def f(h):\n    h.next.next = h\n    return h"
    assert judged(reference(tests, prelude=prelude), endless).status is Status.RUNTIME_ERROR


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        ("x = undefined_here.y\nassert f(1) == 2", "AttributeError"),
        ("import no_such_module\nassert f(1) == 2", "no_such_module"),
        ("assert f(lambda x: x) == 2", "cannot be sent"),
        ("if False:\n    f(1)", "never called"),
        ("import os\nos._exit(0)\nassert f(1) == 2", "did not come to an end"),
    ],
)
def test_tests_that_fail_by_themselves_are_our_failure(judged: Judged, tests: str, words: str) -> None:
    code = "class undefined_here: pass\ndef f(x): return 2"
    judgement = judged(reference(tests), code)
    if words == "AttributeError":  # the program's name, the program's fault
        assert judgement.status is Status.RUNTIME_ERROR
    else:
        assert judgement.status is Status.JUDGE_ERROR
        assert words in judgement.message


def test_a_value_that_tests_cannot_use_is_wrong(judged: Judged) -> None:
    tests = "for x in (1, 2):\n    assert abs(f(x) - 1) < 9\n    assert f(x) in {1, 2}"
    for result in ("'a'", "None", "[1]", "{1: 2}", "10**5000", "float('nan')", "b'x'"):
        assert judged(reference(tests), f"def f(x): return {result}").status is Status.WRONG_ANSWER, result


@pytest.mark.parametrize("result", ["10**15", "range(10**12)", "'x' * 10**7", "{i * (2**61 - 1) for i in range(2000)}"])
def test_a_program_cannot_make_the_tests_fail(judged: Judged, result: str) -> None:
    tests = "n = 0\nfor x in f(1) if hasattr(f(1), '__iter__') else range(f(1)):\n    n += 1\nassert n == {1}[0]"
    judgement = judged(reference(tests), f"def f(x): return {result}", helper_seconds=1.0)
    assert judgement.status is Status.WRONG_ANSWER, judgement


def test_the_failing_assertion_is_shown(judged: Judged) -> None:
    read = judged(reference(["assert f(1) == 2", "assert f(2) == 3"]), "def f(x): return 2")
    assert read.results[0].index == 1
    assert read.message == "assert f(2) == 3 does not hold: got 2"
    run = judged(reference(["assert f(1) == 2", "for x in [2]: assert f(x) == 3"]), "def f(x): return 2")
    assert run.results[0].index == 1
    assert "for x in [2]: assert f(x) == 3" in run.message
