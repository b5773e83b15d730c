"""Real programs in a real sandbox: every status, scores' raw material, limits, and our own failures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from assay import Program, ProgramRun, RunLimits, RunStatus, Sandbox, SandboxError
from assay_plugins.code_tests.bench import Bench, borderline, held_to, measured_time_factor
from assay_plugins.code_tests.judge import ATTEMPTS, judge
from assay_plugins.code_tests.reference import read_reference
from assay_plugins.code_tests.results import Judgement, Status
from assay_plugins.code_tests.stdin import cheapest_first, with_lcb_imports

Judged = Callable[..., Judgement]
BOTH_MODES = pytest.mark.parametrize("mode", ["exec", "fork"])
ADD = {
    "kind": "stdin",
    "time_limit": 1.0,
    "memory_limit": 256,
    "tests": [{"input": f"{i} {i * i}\n", "output": f"{i + i * i}\n"} for i in range(1, 13)],
}
SORT = {
    "kind": "functional",
    "entry_point": "arrange",
    "time_limit": 1.0,
    "tests": [{"arguments": [[3, 1, 2]], "output": [1, 2, 3]}, {"input": "[5, 4]", "output": "[4, 5]"}],
}
PYTHON = [
    ("a, b = map(int, input().split())\nprint(a + b)", Status.ACCEPTED),
    ("import sys\nfor line in sys.stdin: print(sum(map(int, line.split())))", Status.ACCEPTED),
    ("import sys\nprint(sum(map(int, open(0).read().split())), end='')\nsys.exit(0)", Status.ACCEPTED),
    ("a, b = map(int, input().split())\nprint(a * b)", Status.WRONG_ANSWER),
    ("", Status.WRONG_ANSWER),
    ("while True: pass", Status.TIME_LIMIT),
    ("import time\ntime.sleep(60)", Status.TIME_LIMIT),
    ("x = bytearray(10**9)\nprint(1)", Status.MEMORY_LIMIT),
    ("while True: print('x' * 10000)", Status.OUTPUT_LIMIT),
    ("a, b = map(int, input().split())\nprint(a + b)\nraise SystemExit(3)", Status.RUNTIME_ERROR),
    ("a, b = map(int, input().split())\nprint(a + b)\n1 / 0", Status.RUNTIME_ERROR),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", Status.RUNTIME_ERROR),
    ("print(1", Status.COMPILE_ERROR),
    ("if 1:\nprint(1)", Status.COMPILE_ERROR),
    ("eval('1 +')", Status.RUNTIME_ERROR),
]


@BOTH_MODES
@pytest.mark.parametrize(("code", "status"), PYTHON, ids=range(len(PYTHON)))
def test_python_programs(judged: Judged, mode: str, code: str, status: Status) -> None:
    judgement = judged(ADD, code, mode=mode)
    assert judgement.status is status, judgement
    assert len(judgement.results) == (12 if status is Status.ACCEPTED else 1)


CPP = [
    ("#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b<<'\\n';}", Status.ACCEPTED),
    ("#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a-b-1<<'\\n';}", Status.WRONG_ANSWER),
    ("int main(){return 0;}", Status.WRONG_ANSWER),
    ("int main(){return 7;}", Status.RUNTIME_ERROR),
    ("int main(){int*p=0;*p=1;return 0;}", Status.RUNTIME_ERROR),
    ("int main(){for(volatile int i=0;;i++);}", Status.TIME_LIMIT),
    ("int main(){return 0", Status.COMPILE_ERROR),
    ('#include "/etc/passwd"\nint main(){}', Status.COMPILE_ERROR),
]


@pytest.mark.parametrize(("code", "status"), CPP, ids=range(len(CPP)))
def test_cpp_programs(judged: Judged, code: str, status: Status) -> None:
    judgement = judged({**ADD, "tests": ADD["tests"][:3]}, code, "cpp")  # type: ignore[index]
    assert judgement.status is status, judgement
    if status is Status.COMPILE_ERROR:
        assert "error" in judgement.message


FUNCTIONS = [
    (
        "class Solution:\n    def arrange(self, items: List[int]) -> List[int]:\n"
        "        print(items)\n        return sorted(items)",
        Status.ACCEPTED,
    ),
    ("def arrange(items): return tuple(sorted(items))", Status.ACCEPTED),
    ("\ufeff# -*- coding: utf-8 -*-\ndef arrange(items): return sorted(items)  # é\u2028", Status.ACCEPTED),
    (
        "def arrange(items):\n    heapify(items)\n    return [heappop(items) for _ in range(len(items))]",
        Status.ACCEPTED,
    ),
    (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\n"
        "class P:\n    x: List[int]\n"
        "def arrange(items): return sorted(P(items).x)",
        Status.ACCEPTED,
    ),
    (
        "def arrange(items): return sorted(items)\nif __name__ == '__main__':\n    print(arrange([input()]))",
        Status.ACCEPTED,
    ),
    ("def arrange(items): return items", Status.WRONG_ANSWER),
    ("def arrange(items): return str(sorted(items))", Status.WRONG_ANSWER),
    ("def arrange(items): print(sorted(items))", Status.WRONG_ANSWER),
    ("def sort(items): return sorted(items)", Status.RUNTIME_ERROR),
    (
        "class L(list):\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef arrange(items): return L()",
        Status.WRONG_ANSWER,
    ),
    (
        "class E:\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef arrange(items): return E()",
        Status.RUNTIME_ERROR,
    ),
    ("import os\ndef arrange(items): os._exit(0)", Status.RUNTIME_ERROR),
    ("import os\nos.write(1, b'[1, 2, 3]\\n')\nos._exit(0)", Status.RUNTIME_ERROR),
    ("def arrange(items)\n    return 1", Status.COMPILE_ERROR),
    ("def arrange(items):\n    while True: pass", Status.TIME_LIMIT),
    ("def arrange(items): return list(range(10**7))", None),
    ("def arrange(items):\n    a = []\n    for _ in range(10**5): a = [a]\n    return a", Status.RUNTIME_ERROR),
]


@BOTH_MODES
@pytest.mark.parametrize(("code", "status"), FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_functions(judged: Judged, mode: str, code: str, status: Status | None) -> None:
    judgement = judged(SORT, code, mode=mode)
    if status is None:
        assert judgement.status not in (Status.ACCEPTED, Status.JUDGE_ERROR)
    else:
        assert judgement.status is status, judgement


def test_functions_by_name_in_place_and_on_nodes(judged: Judged) -> None:
    named = {**SORT, "tests": [{"arguments": {"items": [2, 1], "reverse": True}, "output": [2, 1]}]}
    assert judged(named, "def arrange(reverse, items): return sorted(items, reverse=reverse)").status is Status.ACCEPTED
    assert judged(named, "def arrange(a, b): return sorted(a, reverse=b)").status is Status.ACCEPTED
    in_place = {**SORT, "result": 0}
    assert judged(in_place, "def arrange(items): items.sort()").status is Status.ACCEPTED
    prelude = "class ListNode:\n    def __init__(self, val=0, next=None):\n        self.val, self.next = val, next\n"
    nodes = {**SORT, "prelude": prelude, "tests": [{"arguments": [[1, 2, 3]], "output": [3, 2, 1]}]}
    code = (
        "class Solution:\n    def arrange(self, head: Optional[ListNode]) -> Optional[ListNode]:\n        last = None\n"
        "        while head: head.next, last, head = last, head, head.next\n        return last"
    )
    assert judged(nodes, code).status is Status.ACCEPTED


def test_floats_of_a_function(judged: Judged) -> None:
    mean = {"kind": "functional", "entry_point": "mean", "tests": [{"arguments": [[1, 2, 2]], "output": 1.6666667}]}
    code = "def mean(a): return sum(a) / len(a)"
    assert judged(mean, code).status is Status.WRONG_ANSWER
    assert judged({**mean, "compare": "floats"}, code).status is Status.ACCEPTED


def test_the_first_failure_ends_it_and_is_named(judged: Judged) -> None:
    code = "a, b = map(int, input().split())\nprint(a + b if a != 5 else 'five')"
    judgement = judged(ADD, code)
    assert judgement.status is Status.WRONG_ANSWER
    failed = judgement.results[-1]
    assert failed.index == 4
    assert failed.details == {"input": "5 25\n", "line": 1, "expected": "30", "got": "five"}
    every = judged(ADD, code, stop_early=False)
    assert len(every.results) == 12
    assert [result.index for result in every.results if result.status is not Status.ACCEPTED] == [4]


def test_public_and_cheap_tests_come_first() -> None:
    tests = [
        {"input": "x" * 100, "output": ""},
        {"input": "x", "output": ""},
        {"input": "x" * 50, "output": "", "public": True},
    ]
    assert [test.index for test in cheapest_first(read_reference({"kind": "stdin", "tests": tests}).tests)] == [2, 1, 0]


def test_the_expected_output_is_not_in_the_sandbox(judged: Judged) -> None:
    """A program that would know it when it saw it looks at every file and process, and does not find it."""
    secret = "7261951"
    code = (
        "import hashlib, os, re\nsaid = 'nothing'\ndef look(path):\n    global said\n"
        "    try:\n        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)\n        data = os.read(fd, 1 << 20)\n"
        "        os.close(fd)\n    except OSError: return\n"
        "    for word in set(re.findall(rb'\\d{7}', data)):\n"
        f"        if hashlib.sha256(word).hexdigest() == '{hashlib.sha256(secret.encode()).hexdigest()}': said = path\n"
        "for root, _, names in os.walk('/'):\n"
        "    if root.startswith(('/proc', '/sys', '/usr', '/lib', '/dev')): continue\n"
        "    for name in names: look(os.path.join(root, name))\n"
        "for p in os.listdir('/proc'):\n    for f in ('cmdline', 'environ', 'maps', 'status'): look(f'/proc/{p}/{f}')\n"
        "for f in range(256): look(f'/proc/self/fd/{f}')\nprint(said)\n"
    )
    reference = {"kind": "stdin", "tests": [{"input": "1\n", "output": secret}], "time_limit": 5}
    judgement = judged(reference, code)
    assert judgement.status is Status.WRONG_ANSWER, judgement
    assert judgement.results[0].details["got"] == "nothing"


def test_runs_near_the_limit_are_repeated_alone(judged: Judged) -> None:
    burn = "import time\nwhile time.process_time() < {}: pass\nprint(3)"
    reference = {"kind": "stdin", "time_limit": 0.5, "tests": [{"input": "", "output": "3"}] * 2}
    near = judged(reference, burn.format(0.57), mode="exec")
    assert near.status is Status.TIME_LIMIT
    assert near.repeated == 1
    assert judged(reference, burn.format(3), mode="exec").status is Status.TIME_LIMIT
    assert judged(reference, burn.format(0.2), mode="exec").status is Status.ACCEPTED
    assert judged(reference, burn.format(0.7), mode="exec", time_factor=2.0).status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("status", "cpu", "wall", "again"),
    [
        (RunStatus.OK, 0.9, 1.0, False),
        (RunStatus.OK, 1.1, 1.2, True),
        (RunStatus.OK, 0.2, 2.6, True),
        (RunStatus.RUNTIME_ERROR, 1.1, 1.2, True),
        (RunStatus.TIME_LIMIT, 1.3, 1.4, False),
        (RunStatus.TIME_LIMIT, 0.01, 3.3, False),  # it slept
        (RunStatus.TIME_LIMIT, 0.9, 3.3, True),  # it was kept from computing
    ],
)
def test_which_runs_are_repeated(status: RunStatus, cpu: float, wall: float, again: bool) -> None:
    limits = RunLimits(cpu_seconds=1.0, wall_seconds=2.5)
    run = ProgramRun(status=status, cpu_seconds=cpu, wall_seconds=wall)
    assert borderline(run, limits) is again
    late = cpu > 1.0 or wall > 2.5
    assert (held_to(run, limits).status is RunStatus.TIME_LIMIT) is late


def test_the_time_factor_is_measured(sandbox: Sandbox) -> None:
    factor = measured_time_factor(sandbox)
    assert 1.0 <= factor <= 10.0


def test_livecodebenchs_imports(judged: Judged) -> None:
    code = "print(gcd(4, 6), Counter('aa')['a'], sys.maxsize > 0)"
    reference = {"kind": "stdin", "tests": [{"input": "", "output": "2 2 True"}]}
    assert judged(reference, code).status is Status.RUNTIME_ERROR
    assert judged({**reference, "prelude": "lcb"}, code).status is Status.ACCEPTED
    future = "'doc'\nfrom __future__ import annotations\nprint(gcd(4, 6), 2, True)"
    assert judged({**reference, "prelude": "lcb"}, future).status is Status.ACCEPTED
    assert with_lcb_imports("x = 1").endswith("\nx = 1")


def test_a_language_that_is_missing_is_our_failure(judged: Judged) -> None:
    judgement = judged(ADD, "program x;", "cobol")
    assert judgement.status is Status.JUDGE_ERROR
    assert "cobol" in judgement.message


class Failing:
    """A sandbox whose first leases fail, as when a container is killed."""

    name = "failing"

    def __init__(self, sandbox: Sandbox, failures: int) -> None:
        self.sandbox, self.failures, self.leases = sandbox, failures, 0

    def load(self, *args: Any, **options: Any) -> AbstractContextManager[Program]:
        self.leases += 1
        if self.leases <= self.failures:
            raise SandboxError("the worker died")
        return self.sandbox.load(*args, **options)


@pytest.mark.parametrize(
    "reference", [ADD, SORT, {"kind": "assertions", "entry_point": "f", "tests": "assert f(1) == 1"}]
)
def test_a_failing_sandbox_is_tried_again_and_never_the_models_fault(sandbox: Sandbox, reference: Any) -> None:
    code = "def arrange(a): return sorted(a)\ndef f(x): return x\nprint(sum(map(int, open(0).read().split())))"
    for failures in range(ATTEMPTS + 1):
        failing = Failing(sandbox, failures)
        judgement = judge(Bench(sandbox=failing), read_reference(reference), code, "python")  # type: ignore[arg-type]
        expected = Status.ACCEPTED if failures < ATTEMPTS else Status.JUDGE_ERROR
        assert judgement.status is expected, judgement
        assert failing.leases == min(failures + 1, ATTEMPTS)
    assert "the worker died" in judgement.message


NAMED_AS_IN_A_LIBRARY = {
    "nothing": ("pass", Status.RUNTIME_ERROR),
    "another name": ("def g(a, b):\n    return gcd(a, b)", Status.RUNTIME_ERROR),
    "imported by the program": ("from math import gcd", Status.ACCEPTED),
    "its own": ("def gcd(a, b):\n    return gcd(b, a % b) if b else a", Status.ACCEPTED),
    "a method that uses what is imported for it": (
        "class Solution:\n    def gcd(self, a: int, b: List[int]) -> int:\n        return gcd(a, b)",
        Status.ACCEPTED,
    ),
}


@BOTH_MODES
@pytest.mark.parametrize("name", NAMED_AS_IN_A_LIBRARY)
@pytest.mark.parametrize("prelude", ["", "from math import *\nfrom typing import *"])
def test_a_function_of_a_library_is_none_of_the_programs(judged: Judged, mode: str, name: str, prelude: str) -> None:
    """What is imported for a program must not be taken for the function that it was asked for."""
    code, status = NAMED_AS_IN_A_LIBRARY[name]
    tests = [{"arguments": [12, 18], "output": 6}, {"arguments": [7, 5], "output": 1}]
    reference = {"kind": "functional", "entry_point": "gcd", "prelude": prelude, "time_limit": 2.0, "tests": tests}
    assert judged(reference, code, mode=mode).status is status
    if name != "a method that uses what is imported for it":
        code_tests = ["assert gcd(12, 18) == 6", "assert gcd(7, 5) == 1"]
        asserted = {"kind": "assertions", "entry_point": "gcd", "prelude": prelude, "setup": "", "tests": code_tests}
        assert judged({**asserted, "time_limit": 2.0}, code, mode=mode).status is status
