"""The agent: fork mode against the interpreter itself, runs that are talked to, files, arguments, exit codes."""

# ruff: noqa: E501 - a program in one line is easier to read

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from tests.sandbox.conftest import open_native

from assay import RunLimits, RunMode, RunStatus, Sandbox, SandboxError, SourceCode
from assay.sandbox.languages import java_names
from assay.sandbox.unsafe import UnsafeSandbox

LIMITS = RunLimits(cpu_seconds=10.0, wall_seconds=30.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Native where it runs, else none: the agent is the same, and these programs are ours."""
    try:
        with open_native() as native:
            native.languages()
            yield native
    except (SandboxError, pytest.skip.Exception):
        with UnsafeSandbox() as unsafe:
            yield unsafe


HONEST = {
    "hello": "print('hello')",
    "input lines": "n = int(input())\nprint(sum(map(int, input().split())), n)",
    "readline": "import sys\nprint([sys.stdin.readline() for _ in range(4)])",
    "iterate": "import sys\nprint([line for line in sys.stdin])",
    "read all": "import sys\nprint(sys.stdin.read().split())",
    "buffer": "import sys\nprint(sys.stdin.buffer.read())",
    "buffer readline": "import sys\nr = sys.stdin.buffer.readline\nprint(r(), r())",
    "open 0": "print(open(0).read().split())",
    "open 0 binary": "import os, io\nprint(io.BytesIO(os.read(0, 1 << 20)).readline())",
    "dev stdin": "print(open('/dev/stdin').read())",
    "fileinput": "import fileinput\nprint([line for line in fileinput.input()])",
    "raw write": "import os\nos.write(1, b'raw\\n')",
    "buffer write": "import sys\nsys.stdout.buffer.write(b'\\xff\\x00bytes')",
    "mixed writes": "import sys\nsys.stdout.write('a')\nsys.stdout.flush()\nsys.stdout.buffer.write(b'b')\nprint('c')",
    "surrogates": "import sys\nsys.stdout.write('\\udcff')",
    "utf-8": "print('ж中🙂')",
    "bad input bytes": "import sys\nprint(ascii(sys.stdin.read()))",
    "carriage returns": "import sys\nprint(ascii(sys.stdin.read()), ascii('x'))",
    "replaced stdout": "import io, sys, atexit\nsys.stdout = io.StringIO()\n"
    "atexit.register(lambda: sys.__stdout__.write(sys.stdout.getvalue()))\nprint('later')",
    "fast output": "import io, os, sys, atexit\nb = io.BytesIO()\nsys.stdout.write = lambda s: b.write(s.encode())\n"
    "atexit.register(lambda: os.write(1, b.getvalue()))\nprint('fast')",
    "unflushed file": "out = open('/dev/stdout', 'w')\nout.write('unflushed')",
    "fdopen": "import os\nout = os.fdopen(1, 'w')\nout.write('kept')",
    "del at exit": "class A:\n    def __del__(self): print('gone')\na = A()",
    "del uses globals": "import sys\nclass A:\n    def __del__(self): sys.stdout.write('gone ' + str(B))\nB = 3\na = A()\ndef f(): return a",
    "fast io class": "import os, sys\nfrom io import BytesIO, IOBase\nclass FastIO(IOBase):\n    newlines = 0\n    def __init__(self, file):\n"
    "        self._fd = file.fileno()\n        self.buffer = BytesIO()\n        self.writable = 'x' in file.mode or 'r' not in file.mode\n"
    "        self.write = self.buffer.write if self.writable else None\n    def flush(self):\n        if self.writable:\n"
    "            os.write(self._fd, self.buffer.getvalue())\n            self.buffer.truncate(0), self.buffer.seek(0)\n"
    "class IOWrapper(IOBase):\n    def __init__(self, file):\n        self.buffer = FastIO(file)\n        self.flush = self.buffer.flush\n"
    "        self.writable = self.buffer.writable\n        self.write = lambda s: self.buffer.write(s.encode('ascii'))\n"
    "sys.stdout = IOWrapper(sys.stdout)\nprint('fast')",
    "del of a cycle": "class A:\n    def __del__(self): print('gone')\na = A(); a.a = a",
    "closed stdout": "import sys\nprint('x')\nsys.stdout.close()",
    "thread outlives main": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('thread'))).start()",
    "deep thread": "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 26)\n"
    "def f(n): return n and 1 + f(n - 1)\nt = threading.Thread(target=lambda: print(f(30000)))\nt.start()\nt.join()",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(100000))",
    "deep C recursion": "import sys, functools\nsys.setrecursionlimit(10**6)\n@functools.lru_cache(None)\n"
    "def f(n): return n and 1 + f(n - 1)\nprint(f(15000))",
    "default recursion limit": "def f(n): return n and 1 + f(n - 1)\nprint(f(985))\ntry: f(1000)\nexcept RecursionError: print('limit')",
    "exit": "print(1)\nexit()",
    "quit": "print(1)\nquit()",
    "exit 3": "import sys\nsys.exit(3)",
    "exit 256": "import sys\nsys.exit(256)",
    "exit -1": "import sys\nsys.exit(-1)",
    "exit True": "import sys\nsys.exit(True)",
    "exit text": "import sys\nsys.exit('message')",
    "exit tuple": "raise SystemExit((1, 2))",
    "exit in thread": "import sys, threading\nthreading.Thread(target=sys.exit, args=(3,)).start()",
    "os._exit": "import os\nprint('lost')\nos._exit(7)",
    "raise": "def f(x):\n    return 1 / x\nf(0)",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e",
    "group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "syntax": "print('never')\ndef f(:\n    pass",
    "signal defaults": "import signal\nprint([(s.name, str(signal.getsignal(s))[:20]) for s in signal.valid_signals() if hasattr(s, 'name')])",
    "indentation": "if True:\nprint(1)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "generator exit": "raise GeneratorExit",
    "excepthook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0",
    "bad excepthook": "import sys\nsys.excepthook = lambda *a: 1 / 0\nraise ValueError",
    "abort": "import os\nos.abort()",
    "kill self": "import os\nos.kill(os.getpid(), 9)",
    "terminate self": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "sigpipe": "import os\nr, w = os.pipe()\nos.close(r)\ntry:\n    os.write(w, b'x')\nexcept BrokenPipeError: print('broken')",
    "sigint handler": "import signal\nprint(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
    "main module": "import sys\nprint(__name__, sys.modules['__main__'].__dict__ is globals(), __file__ == sys.argv[0], __spec__)",
    "annotations": "x: int = 3\nprint(__annotations__, __doc__, __package__, __builtins__.__name__)",
    "docstring": "'''doc'''\nprint(__doc__)",
    "future": "from __future__ import annotations\nprint(__annotations__)",
    "pickle main": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nprint(A(1))",
    "own source": "print(open(__file__).read().count('open'))",
    "inspect": "import inspect\ndef f(): pass\nprint(inspect.getsource(f))",
    "path": "import sys\nprint('' in sys.path, sys.flags.isolated, sys.flags.dont_write_bytecode)",
    "no import from scratch": "open('evil.py', 'w').write('print(1)')\ntry:\n    import evil\nexcept ImportError: print('no')",
    "fork": "import os\nif os.fork() == 0:\n    print('child')\n    raise SystemExit(3)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))",
    "fork random": "import os, random\nr, w = os.pipe()\nif os.fork() == 0:\n    os.write(w, str(random.random()).encode())\n"
    "    os._exit(0)\nos.wait()\nprint(os.read(r, 99) != str(random.random()).encode())",
    "multiprocessing": "import multiprocessing\nif __name__ == '__main__':\n    with multiprocessing.Pool(2) as p: print(p.map(abs, [-1, -2]))",
    "subprocess": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(2)'], capture_output=True).stdout)",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nprint(asyncio.run(f()))",
    "stdin name": "import sys\nprint(sys.stdin.name, sys.stdout.name, sys.stdin.encoding, sys.stdout.errors, sys.stdin.isatty())",
    "seek": "import sys\nsys.stdin.readline()\nsys.stdin.seek(0)\nprint(sys.stdin.readline())",
    "umask and cwd": "import os\nprint(oct(os.umask(0)), os.listdir('.'))",
    "gc": "import gc\nprint(gc.isenabled(), gc.get_threshold())",
    "decimal context": "import decimal\nprint(decimal.getcontext().prec)",
    "big int text": "try:\n    print(len(str(10 ** 5000)))\nexcept ValueError as e: print(e)",
    "stderr": "import sys\nprint('err', file=sys.stderr)\nprint('out')",
    "warnings": "import warnings\nwarnings.warn('careful')",
    "name that is ours": "import sys\nprint([m for m in sys.modules if 'assay' in m])",
}
INPUT = b"2\n3 4\r\n\xff last"


@pytest.mark.parametrize("name", HONEST)
def test_fork_mode_does_what_the_interpreter_does(sandbox: Sandbox, name: str) -> None:
    source = SourceCode(language="python", code=HONEST[name])
    results = []
    for mode in ("exec", "fork"):
        with sandbox.load(source, mode=mode) as program:  # type: ignore[arg-type]
            for _ in range(2):  # the second run in fork mode uses the code that the first one compiled
                run = program.run(INPUT, LIMITS)
                # How often a traceback repeats its line depends on how deep the C stack was to begin with.
                stderr = re.sub(rb"repeated \d+ more", b"repeated", run.stderr)
                results.append((run.status, run.exit_code, run.signal, run.stdout, stderr))
    assert results[0] == results[1]
    assert results[2] == results[0]
    assert results[3] == results[0]


def test_fork_mode_matches_an_interpreter_outside(tmp_path: object) -> None:
    """The expected values above come from the sandbox; some are checked against a plain process as well."""
    for name, expected in {"exit 256": 0, "exit -1": 255, "exit True": 1, "exit text": 1, "raise": 1}.items():
        assert subprocess.run([sys.executable, "-I", "-c", HONEST[name]], capture_output=True).returncode == expected


def test_random_numbers_differ_between_runs(sandbox: Sandbox) -> None:
    with sandbox.load(
        SourceCode(language="python", code="import random\nprint(random.random())"), mode="fork"
    ) as program:
        assert len({run.stdout for run in program.run_many([b""] * 4, LIMITS)}) == 4


def test_arguments_and_files_reach_one_run_only(sandbox: Sandbox) -> None:
    code = "import os, sys\nprint(sys.argv[1:], sorted(os.listdir('.')), *[open(n).read() for n in sys.argv[1:]])"
    for mode in ("exec", "fork"):
        with sandbox.load(SourceCode(language="python", code=code), mode=mode) as program:  # type: ignore[arg-type]
            run = program.run(b"", LIMITS, args=["a.txt", "b"], files={"a.txt": b"one", "b": b"two"})
            assert run.stdout.decode() == "['a.txt', 'b'] ['a.txt', 'b'] one two\n"
            assert program.run(b"", LIMITS).stdout == b"[] []\n"


IGNORED_CHILDREN = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        os._exit(0)
    time.sleep(0.2)
"""


@pytest.mark.parametrize("mode", ["exec", "fork"])
def test_processor_time_of_children_that_nobody_waits_for_counts(sandbox: Sandbox, mode: RunMode) -> None:
    source = SourceCode(language="python", code=IGNORED_CHILDREN)
    with sandbox.load(source, mode=mode) as program:
        run = program.run(b"", RunLimits(cpu_seconds=1.0, wall_seconds=25.0))
    assert run.status is RunStatus.TIME_LIMIT
    assert run.wall_seconds < 20


def test_runs_of_one_program_begin_alike(sandbox: Sandbox) -> None:
    code = "import os, sys\nprint(os.getppid() != 1, sys.argv[1:], len(sys.modules), 'dataclasses' in sys.modules)"
    with sandbox.load(SourceCode(language="python", code=code), mode="fork") as program:
        runs = [run.stdout for run in program.run_many([b"", b"", b""], LIMITS)]
        again = program.run(b"", LIMITS).stdout
        other = program.run(b"", RunLimits(cpu_seconds=1.0), args=("x",)).stdout
    assert {*runs, again} == {runs[0]}
    assert b"['x']" in other


def test_files_beside_the_program(sandbox: Sandbox) -> None:
    code = "import pathlib\nprint(pathlib.Path(__file__).with_name('data.bin').read_bytes())"
    with sandbox.load(SourceCode(language="python", code=code, files={"data.bin": b"\x00\x01"})) as program:
        assert program.run(b"", LIMITS).stdout == b"b'\\x00\\x01'\n"


def test_run_many_keeps_the_order_and_stops_where_told(sandbox: Sandbox) -> None:
    source = SourceCode(language="python", code="print(int(input()) * 2)")
    for mode in ("exec", "fork"):
        with sandbox.load(source, mode=mode) as program:  # type: ignore[arg-type]
            inputs = [str(number).encode() for number in range(30)]
            assert [int(run.stdout) for run in program.run_many(inputs, LIMITS)] == [2 * n for n in range(30)]
            seen: list[int] = []

            def go_on(index: int, run: object, seen: list[int] = seen) -> bool:
                seen.append(index)
                return index < 6

            assert len(list(program.run_many(inputs, LIMITS, go_on=go_on))) == 7
            assert seen == list(range(7))
            assert program.run(b"21", LIMITS).stdout == b"42\n"
            runs = program.run_many(inputs, LIMITS)
            for _ in range(4):
                next(runs)
            with pytest.raises(ValueError, match="run_many"):
                program.run(b"1", LIMITS)
    with sandbox.load(source) as program:  # the generator above was left hanging when its lease ended
        assert program.run(b"4", LIMITS).stdout == b"8\n"


def test_large_inputs_and_outputs_pass_whole(sandbox: Sandbox) -> None:
    data = bytes(range(256)) * (20 << 12)
    limits = RunLimits(output_bytes=64 << 20, cpu_seconds=20.0, memory_bytes=2**30)
    code = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    with sandbox.load(SourceCode(language="python", code=code), mode="fork") as program:
        for run in program.run_many([data, b"", data[:70_000], data], limits):
            assert run.status is RunStatus.OK
        assert program.run(data, limits).stdout == data[::-1]


def test_a_run_that_is_talked_to(sandbox: Sandbox) -> None:
    code = "import sys\nfor line in sys.stdin:\n    print(int(line) ** 2, flush=True)\nprint('bye')\nsys.exit(4)"
    for mode in ("exec", "fork"):
        with sandbox.load(SourceCode(language="python", code=code), mode=mode) as program:  # type: ignore[arg-type]
            for _ in range(2):
                live = program.start(LIMITS)
                for number in range(5):
                    live.send(f"{number}\n".encode())
                    assert live.receive(10.0) == f"{number * number}\n".encode()
                    assert not live.ended
                live.close_stdin()
                said = b""
                while not live.ended:
                    said += live.receive(10.0)
                assert said == b"bye\n"
                run = live.finish()
                assert (run.exit_code, run.stdout, run.status) == (4, b"", RunStatus.RUNTIME_ERROR)
                live.send(b"late\n")
                assert live.receive(0.1) == b""
            assert program.run(b"3\n", LIMITS).stdout == b"9\nbye\n"


def test_a_live_run_ends_at_its_limits_and_when_killed(sandbox: Sandbox) -> None:
    with sandbox.load(SourceCode(language="python", code="while True: pass")) as program:
        live = program.start(RunLimits(cpu_seconds=0.3, wall_seconds=5.0))
        with pytest.raises(ValueError, match="finish"):
            program.run(b"", LIMITS)
        assert live.finish().status is RunStatus.TIME_LIMIT
        live = program.start(LIMITS)
        assert live.receive(0.05) == b""
        assert live.finish(kill=True).signal == 9
        with pytest.raises(ValueError, match="finished before"):
            live.finish()
        program.start(LIMITS)  # left behind: the lease ends it
    with sandbox.load(SourceCode(language="python", code="print(1)")) as program:
        assert program.run(b"", LIMITS).stdout == b"1\n"


def test_a_live_run_that_reads_nothing_or_floods_blocks_nobody(sandbox: Sandbox) -> None:
    limits = RunLimits(cpu_seconds=5.0, wall_seconds=5.0, output_bytes=1 << 20)
    with sandbox.load(
        SourceCode(language="python", code="import time\nprint('x', flush=True)\ntime.sleep(60)")
    ) as program:
        live = program.start(limits)
        for _ in range(20):
            live.send(b"y" * (1 << 20))
        assert live.receive(5.0) == b"x\n"
        assert live.finish(kill=True).status is RunStatus.RUNTIME_ERROR
    with sandbox.load(SourceCode(language="python", code="while True: print('z' * 1000)")) as program:
        live = program.start(limits)
        for _ in range(50):
            live.send(b"y" * 1000)
            time.sleep(0.01)
        run = live.finish()
        assert run.status is RunStatus.OUTPUT_LIMIT
        assert len(run.stdout) == 1 << 20


PROGRAMS = {
    "c": '#include <stdio.h>\n#include <math.h>\nint main(){int x;scanf("%d",&x);printf("%d %.1f\\n",x+1,sqrt(4.0));}',
    "cpp": "#include <bits/stdc++.h>\nusing namespace std;int main(){int x;cin>>x;cout<<x+1<<' '<<\"2.0\"<<endl;}",
    "java": "import java.util.*;\nclass Other {}\npublic class Solve { public static void main(String[] a) {"
    ' System.out.println(new Scanner(System.in).nextInt() + 1 + " 2.0"); } }',
    "javascript": "console.log(parseInt(require('fs').readFileSync(0, 'utf8')) + 1, '2.0')",
    "typescript": "declare var require: any;\nconst x: number = parseInt(require('fs').readFileSync(0, 'utf8'));\nconsole.log(x + 1, '2.0')",
    "csharp": 'using System;class P{static void Main(){Console.WriteLine((int.Parse(Console.ReadLine())+1)+" 2.0");}}',
    "php": '<?php echo intval(fgets(STDIN)) + 1, " 2.0\\n";',
    "bash": "read x; echo $((x + 1)) 2.0",
    "go": 'package main\nimport "fmt"\nfunc main() { var x int; fmt.Scan(&x); fmt.Println(x+1, "2.0") }',
    "rust": "use std::io;fn main(){let mut s=String::new();io::stdin().read_line(&mut s).unwrap();"
    'println!("{} 2.0", s.trim().parse::<i32>().unwrap()+1);}',
}


@pytest.mark.parametrize("language", PROGRAMS)
def test_each_language_compiles_runs_and_is_cached(sandbox: Sandbox, language: str) -> None:
    if language not in sandbox.languages():
        pytest.skip(f"no {language} here")
    source = SourceCode(language=language, code=PROGRAMS[language])
    for _ in range(2):
        with sandbox.load(source) as program:
            assert program.compilation is None or program.compilation.status is RunStatus.OK, program.compilation
            run = program.run(b"41\n", LIMITS)
            assert (run.status, run.stdout) == (RunStatus.OK, b"42 2.0\n"), run
    if language in ("c", "cpp", "java", "rust", "go", "csharp"):
        with sandbox.load(source) as program:
            assert program.compilation is None


def test_what_a_compiler_says_is_kept(sandbox: Sandbox) -> None:
    if "cpp" not in sandbox.languages():
        pytest.skip("no g++ here")
    with sandbox.load(SourceCode(language="cpp", code="int main(){ undeclared; }")) as program:
        assert program.compilation is not None
        assert program.compilation.status is RunStatus.RUNTIME_ERROR
        assert b"undeclared" in program.compilation.stderr
    with sandbox.load(
        SourceCode(language="c++", code='#include "h.h"\nint main(){return X;}', files={"h.h": b"#define X 9"})
    ) as program:
        assert program.run(b"", LIMITS).exit_code == 9


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("public class A { public static void main(String[] a) {} }", ("A", "A")),
        ("class Helper {} class Solve { public static void main(String[] a) {} } class After {}", ("Solve", "Solve")),
        ("public interface I {} class M { static void main(String[] a) {} }", ("I", "M")),
        (
            "/* public class No {} */ // class No\npackage x.y;\npublic final class Yes {static void main(){}}",
            ("Yes", "x.y.Yes"),
        ),
        ('class T { String s = "class U { static void main"; public static void main(String... a) {} }', ("T", "T")),
        ("", ("Main", "Main")),
        ("class " * 10_000 + "/*" * 10_000, ("Main", "Main")),
    ],
)
def test_java_is_named_after_its_public_class_and_started_at_its_main(code: str, names: tuple[str, str]) -> None:
    started = time.monotonic()
    assert java_names(code) == names
    assert time.monotonic() - started < 2


HOG = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass\n"


@pytest.mark.parametrize("mode", ["exec", "fork"])
def test_waiting_for_a_processor_does_not_count_by_the_clock(mode: RunMode) -> None:
    """On one processor with seven others that run all the time, while the limit leaves room for two of them."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everywhere)})
    hogs = []
    try:
        with open_native() as native:
            code = "import time\nwhile time.process_time() < 0.4: pass\nprint('done')"
            with native.load(SourceCode(language="python", code=code), mode=mode) as program:
                hogs = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(7)]
                run = program.run(b"", RunLimits(cpu_seconds=2.0, wall_seconds=1.2))
                assert (run.status, run.stdout) == (RunStatus.OK, b"done\n")
                assert run.wall_seconds < 1.2
            with native.load(SourceCode(language="python", code="import time\ntime.sleep(9)"), mode=mode) as program:
                sleeping = program.run(b"", RunLimits(cpu_seconds=2.0, wall_seconds=0.5))
                assert sleeping.status is RunStatus.TIME_LIMIT
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
        os.sched_setaffinity(0, everywhere)
