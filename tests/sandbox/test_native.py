"""What native keeps in and out, as root and as an ordinary user. Each hostile program says what it could do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox.conftest import open_native

from assay import ProgramRun, RunLimits, RunStatus, Sandbox, SandboxError, SourceCode
from assay.sandbox.native import NativeSandbox

NOBODY = 65534
LIMITS = RunLimits(cpu_seconds=5.0, wall_seconds=20.0)
SHORT = RunLimits(cpu_seconds=0.4, wall_seconds=1.0)


@pytest.fixture(scope="module", params=["own user", "nobody"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Native as whoever runs the tests, and, where that is root, as an ordinary user."""
    if request.param == "nobody" and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with open_native(user=NOBODY) if request.param == "nobody" else open_native() as opened:
        try:
            opened.languages()
        except SandboxError as error:
            pytest.skip(f"native: {error}")
        yield opened


@pytest.fixture(params=["exec", "fork"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(
    sandbox: Sandbox,
    code: str,
    mode: str = "exec",
    limits: RunLimits = LIMITS,
    stdin: bytes = b"",
    language: str = "python",
) -> ProgramRun:
    with sandbox.load(SourceCode(language=language, code=code), mode=mode) as program:  # type: ignore[arg-type]
        assert program.compilation is None or program.compilation.status is RunStatus.OK, program.compilation
        return program.run(stdin, limits)


def said(sandbox: Sandbox, code: str, mode: str = "exec", limits: RunLimits = LIMITS) -> str:
    result = run(sandbox, code, mode, limits)
    assert result.status is RunStatus.OK, result
    return result.stdout.decode().strip()


def test_only_usr_and_little_else_can_be_seen(sandbox: Sandbox, mode: str) -> None:
    roots = said(sandbox, "import os\nprint(*sorted(os.listdir('/')))", mode).split()
    assert set(roots) <= {
        "assay",
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "proc",
        "sbin",
        "tmp",
        "usr",
        "var",
    }
    assert "shadow" not in said(sandbox, "import os\nprint(*os.listdir('/etc'))", mode).split()
    code = "import os\nprint(sum(name.isdigit() for name in os.listdir('/proc')), os.path.exists('/proc/1/cmdline'))"
    processes, agent = said(sandbox, code, mode).split()
    assert int(processes) <= 2  # itself and, as an ordinary user, the first process of its run
    assert agent == "False"


def test_nothing_but_the_scratch_folders_can_be_written(sandbox: Sandbox, mode: str) -> None:
    code = """
import os
found = []
for folder, folders, names in os.walk("/", onerror=lambda error: None):
    if folder.startswith("/proc"):
        folders.clear()
        continue
    if folder.startswith("/usr") and folder.count("/") > 2:
        folders.clear()
    try:
        open(os.path.join(folder, "x"), "w")
        found.append(folder)
    except OSError:
        pass
print(*sorted(found))
"""
    assert set(said(sandbox, code, mode).split()) <= {"/assay/scratch", "/tmp", "/var/tmp", "/dev/shm"}


def test_a_program_cannot_change_itself_for_its_next_run(sandbox: Sandbox, mode: str) -> None:
    code = """
import os
for attempt in (
    lambda: os.chmod(__file__, 0o777),
    lambda: open(__file__, "a").write("\\nprint('changed')"),
    lambda: os.replace(__file__, __file__ + "x"),
    lambda: os.unlink(__file__),
    lambda: os.rename(os.path.dirname(__file__), "/assay/other"),
    lambda: os.rename("/assay/scratch", "/assay/else"),
    lambda: os.mkdir("/assay/new"),
):
    try:
        attempt()
        print("done")
    except OSError:
        pass
print("ran")
"""
    with sandbox.load(SourceCode(language="python", code=code), mode=mode) as program:  # type: ignore[arg-type]
        outputs = [program.run(b"", LIMITS).stdout for _ in range(2)]
    assert outputs == [b"ran\n", b"ran\n"]


LEAVE = """
import os
if os.path.exists("/tmp/left") or os.path.exists("left") or os.listdir("/dev/shm"):
    print("found")
for place in ("/tmp", ".", "/dev/shm", "/var/tmp"):
    open(place + "/left", "w").write("secret")
    deep = place
    for _ in range(60):
        deep += "/d"
        os.mkdir(deep)
        os.chmod(deep, 0o700)
        open(deep + "/f", "w").write("x")
    os.symlink("/usr", place + "/link")
    os.mkfifo(place + "/pipe")
    while len(deep) > len(place):
        os.chmod(deep, 0)
        deep = deep[:-2]
        if deep == place:
            break
    try:
        os.chmod(place, 0o555)
    except OSError:
        pass
print("left", os.stat("/tmp").st_mode & 0o7777 or 0)
"""


def test_nothing_is_left_for_the_next_run_or_program(sandbox: Sandbox, mode: str) -> None:
    with sandbox.load(SourceCode(language="python", code=LEAVE), mode=mode) as program:  # type: ignore[arg-type]
        outputs = [program.run(b"", LIMITS) for _ in range(2)]
    for output in outputs:
        assert output.status is RunStatus.OK, output
        assert b"found" not in output.stdout
    assert said(
        sandbox, "import os\nprint(os.listdir('.'), *map(os.listdir, ('/tmp', '/var/tmp', '/dev/shm')))", mode
    ) == ("[] [] [] []")
    assert said(sandbox, "open('/tmp/a', 'w'); open('/dev/shm/a', 'w'); open('b', 'w'); print('ok')", mode) == "ok"


def test_folders_nested_beyond_any_path_are_wiped(sandbox: Sandbox) -> None:
    code = "import os\nfor _ in range(6000):\n    os.mkdir('d' * 50)\n    os.chdir('d' * 50)\nprint('deep')"
    assert said(sandbox, code) == "deep"
    assert said(sandbox, "import os\nprint(os.listdir('.'))") == "[]"


def test_full_file_systems_stay_within_the_program(sandbox: Sandbox, mode: str) -> None:
    fill = """
import errno
for place in ("/tmp", ".", "/dev/shm"):
    try:
        for number in range(100000):
            open(f"{place}/{number}", "wb").close()
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    assert said(sandbox, fill, mode).split() == ["ENOSPC"] * 3
    big = """
import errno
try:
    for number in range(1000):
        open(f"/tmp/{number}", "wb").write(bytes(8 << 20))
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert said(sandbox, big, mode) == "ENOSPC"
    assert said(sandbox, "open('/tmp/a', 'w').write('x' * 100000); print('ok')", mode) == "ok"


SURVIVE = """
import os, sys, time
def again():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            while True:
                time.sleep(0.01)
        os._exit(0)
for _ in range(3):
    again()
print("parent")
"""


def test_daemons_do_not_survive_their_run(sandbox: Sandbox, mode: str) -> None:
    started = time.monotonic()
    assert said(sandbox, SURVIVE, mode) == "parent"
    assert time.monotonic() - started < 10
    processes = said(sandbox, "import os\nprint(sum(name.isdigit() for name in os.listdir('/proc')))", mode)
    assert int(processes) <= 2


def test_a_fork_bomb_is_held(sandbox: Sandbox, mode: str) -> None:
    code = """
import os, time
made = 0
try:
    for _ in range(500):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
"""
    assert int(said(sandbox, code, mode)) <= 34
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    assert run(sandbox, bomb, mode, SHORT).status is RunStatus.TIME_LIMIT
    assert said(sandbox, "print('still here')", mode) == "still here"


def test_signals_reach_nobody_else(sandbox: Sandbox, mode: str) -> None:
    code = """
import os, signal
reached = []
for pid in range(1, 400):
    if pid == os.getpid():
        continue
    for number in (signal.SIGTERM, signal.SIGSTOP):
        try:
            os.kill(pid, number)
            reached.append(pid)
        except OSError:
            pass
print("done")
"""
    # As an ordinary user the first process of the run can be reached, and takes the run with it when it is told to end.
    result = run(sandbox, code, mode)
    assert result.status in (RunStatus.OK, RunStatus.RUNTIME_ERROR)
    run(sandbox, "import os\nos.kill(-1, 9)\nprint('alone')", mode)
    assert said(sandbox, "print('next')", mode) == "next"


@pytest.mark.parametrize(
    "code",
    [
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import os\nos.close(1)\nos.close(0)\nos.close(2)\nwhile True: pass",
        "import time\ntime.sleep(60)",
        "import signal\nfor n in {*range(1, 65)} - {9, 19, 32, 33}: signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
        "import os\nfor _ in range(8):\n  if os.fork() == 0: break\nwhile True: pass",
        "import threading\nfor _ in range(8):\n  threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()",
    ],
    ids=["stops itself", "closes its streams", "sleeps", "ignores signals", "burns in children", "burns in threads"],
)
def test_whatever_takes_too_long_ends_as_time_limit(sandbox: Sandbox, mode: str, code: str) -> None:
    result = run(sandbox, code, mode, SHORT)
    assert result.status is RunStatus.TIME_LIMIT
    assert result.wall_seconds < 10


def test_memory_is_limited_per_process_and_together(sandbox: Sandbox, mode: str) -> None:
    limits = RunLimits(cpu_seconds=10.0, wall_seconds=30.0, memory_bytes=128 * 2**20)
    result = run(sandbox, "data = bytearray(1 << 30)\nprint(len(data))", mode, limits)
    assert result.status is RunStatus.MEMORY_LIMIT
    assert not result.stdout
    spread = """
import os, time
for _ in range(16):
    if os.fork() == 0:
        data = bytearray(os.urandom(1) * (100 << 20))
        time.sleep(20)
        os._exit(0)
time.sleep(20)
print("all")
"""
    result = run(sandbox, spread, mode, limits)
    assert result.status in (RunStatus.MEMORY_LIMIT, RunStatus.RUNTIME_ERROR)
    assert b"all" not in result.stdout


def test_output_is_limited_and_what_came_before_is_kept(sandbox: Sandbox, mode: str) -> None:
    limits = RunLimits(output_bytes=100_000)
    result = run(sandbox, "print('a' * 99_999)", mode, limits)
    assert (result.status, len(result.stdout)) == (RunStatus.OK, 100_000)
    result = run(sandbox, "print('a' * 100_000)", mode, limits)
    assert (result.status, result.stdout) == (RunStatus.OUTPUT_LIMIT, b"a" * 100_000)
    flood = "import sys\nfor _ in range(2000): sys.stderr.write('e' * 1000)\nprint('fine')"
    result = run(sandbox, flood, mode, limits)
    assert (result.status, result.stdout) == (RunStatus.OK, b"fine\n")
    assert len(result.stderr) == 16 * 2**10


def test_no_network_no_namespaces_no_tracing(sandbox: Sandbox, mode: str) -> None:
    code = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
refused = []
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET):
    try:
        socket.socket(family, socket.SOCK_STREAM if family != socket.AF_NETLINK else socket.SOCK_RAW)
        print("socket", family)
    except OSError:
        refused.append(family)
a, b = socket.socketpair()
for name, arguments in {
    "unshare": (0x10000000,), "mount": (b"none", b"/tmp", b"tmpfs", 0, None), "ptrace": (16, 1, 0, 0),
    "setns": (0, 0), "chroot": (b"/tmp",), "shmget": (1234, 4096, 0o1600), "memfd_create": (b"x", 0),
    "bpf": (0, 0, 0),
}.items():
    call = getattr(libc, name, None)
    if call is not None and call(*arguments) >= 0:
        print(name)
for number in (425, 323, 250, 321, 310):
    if libc.syscall(number, 0, 0, 0, 0, 0) >= 0:
        print("call", number)
print(len(refused), os.sched_getaffinity(0) != set())
"""
    assert said(sandbox, code, mode) == "5 True"


def test_setuid_programs_and_capabilities_give_nothing(sandbox: Sandbox, mode: str) -> None:
    code = """
import os, re
status = open("/proc/self/status").read()
print(re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\\s*0*([1-9a-f][0-9a-f]*)", status),
      re.search(r"NoNewPrivs:\\s*(\\d)", status)[1], re.search(r"Seccomp:\\s*(\\d)", status)[1])
for attempt in (lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.seteuid(1)):
    try:
        attempt()
    except OSError:
        continue
print(open("/proc/self/uid_map").read().split()[0])
"""
    assert said(sandbox, code, mode).splitlines()[0] == "[] 1 2"
    suid = next((path for path in ("/usr/bin/su", "/bin/su", "/usr/bin/mount") if os.path.exists(path)), None)
    if suid:
        program = f"import os\nif os.fork() == 0: os.execv({suid!r}, [{suid!r}, '--version'])\nos.wait()\nprint('same')"
        assert "same" in run(sandbox, program, mode).stdout.decode()


def test_no_descriptor_environment_or_memory_of_the_agent_is_inherited(sandbox: Sandbox, mode: str) -> None:
    secret = "S3CRET-" + "9f2c"
    code = f"x = '{secret}'\nprint(input() + x)"
    with sandbox.load(SourceCode(language="python", code=code), mode=mode) as program:  # type: ignore[arg-type]
        program.run(f"INPUT-{secret}\n".encode(), LIMITS)
    search = """
import os, re
needle = re.compile(b"S3CRE[T]-9f2[c]")  # so that it does not find itself
hits = 0
for line in open("/proc/self/maps"):
    match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
    if match and "[v" not in line:
        start, stop = (int(word, 16) for word in match.groups())
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(start)
            try:
                data = memory.read(stop - start)
            except OSError:
                continue
            hits += len(needle.findall(data))
print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:3], hits, sorted(os.environ))
"""
    text = said(sandbox, search, mode)
    assert text.startswith("[0, 1, 2] 0 "), text
    assert text.endswith("['HOME', 'LANG', 'PATH', 'TMPDIR']"), text


def test_a_compiler_sees_no_more_than_a_program(sandbox: Sandbox) -> None:
    if "cpp" not in sandbox.languages():
        pytest.skip("no g++ here")
    for code in ('#include "/etc/shadow"\nint main(){}', '#include "/proc/1/environ"\nint main(){}'):
        with sandbox.load(SourceCode(language="cpp", code=code)) as program:
            assert program.compilation is not None
            assert program.compilation.status is RunStatus.RUNTIME_ERROR
            assert b"No such file" in program.compilation.stderr or b"ermission denied" in program.compilation.stderr
            with pytest.raises(ValueError, match="did not compile"):
                program.run(b"", LIMITS)
    bomb = "template<int N> struct A { A<N-1> a; A<N-2> b; };\n#define X A<900> x\nint a[1<<30]={1};int main(){X;}"
    limits = RunLimits(cpu_seconds=2.0, wall_seconds=10.0, memory_bytes=2**30, output_bytes=2**20)
    with sandbox.load(SourceCode(language="cpp", code=bomb), compile_limits=limits) as program:
        assert program.compilation is not None
        assert program.compilation.status is not RunStatus.OK


def test_host_is_unharmed_when_it_is_killed_in_the_middle(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom assay.sandbox.native import NativeSandbox\nfrom assay.sandbox.types import *\n"
        "s = NativeSandbox()\n"
        "with s.load(SourceCode(language='python', code='while True: pass')) as p:\n"
        "    print('ready', flush=True)\n    p.run(b'', RunLimits(cpu_seconds=500, wall_seconds=500))\n"
    )
    environment = {**os.environ, "ASSAY_TEST_MARK": str(tmp_path)}
    host = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert host.stdout is not None
    with host:
        if host.stdout.readline() != b"ready\n":
            host.kill()
            pytest.skip("native does not run here")
        children = _tree(host.pid)
        assert children
        time.sleep(0.3)
        host.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def _tree(pid: int) -> list[int]:
    found: list[int] = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            children = [int(word) for word in path.read_text().split()]
            found += children
            todo += children
    return found


def test_closing_leaves_no_process_descriptor_or_group() -> None:
    def state() -> tuple[int, int, int]:
        groups = len(list(Path("/sys/fs/cgroup").glob(f"**/assay-{os.getpid()}-*")))
        return len(os.listdir("/proc/self/fd")), len(_tree(os.getpid())), groups

    before = state()
    for _ in range(3):
        with open_native(workers=2) as sandbox:
            assert said(sandbox, "print(1)") == "1"
    assert state() == before


def test_a_missing_python_in_the_given_root_is_said(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"has no /usr/bin/python3.*assay sandbox build"):
        NativeSandbox(root=str(tmp_path))


def test_description_is_data_and_names_what_is_lacking(sandbox: Sandbox) -> None:
    import json

    description = json.loads(json.dumps(dict(sandbox.description)))
    assert description["name"] == "native"
    assert description["seccomp"] is True
    assert isinstance(description["lacks"], list)
    assert bool(description["landlock"]) == (not any("Landlock" in lack for lack in description["lacks"]))


def test_a_worker_starts_quickly() -> None:
    with open_native() as sandbox:
        sandbox.languages()
    times = []
    for _ in range(3):
        started = time.monotonic()
        with open_native() as sandbox:
            sandbox.languages()
        times.append(time.monotonic() - started)
    assert min(times) < 2.0  # about 0.1 s on a quiet machine


def test_a_live_run_sees_the_end_of_its_input(sandbox: Sandbox, mode: str) -> None:
    source = SourceCode(language="python", code="import sys\nprint(len(sys.stdin.read()))")
    with sandbox.load(source, mode=mode) as program:  # type: ignore[arg-type]
        live = program.start(LIMITS)
        live.send(b"hello\n")
        live.close_stdin()
        assert live.receive(10.0) == b"6\n"
        assert live.finish().status is RunStatus.OK


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_that_our_parent_ignored_are_not_ignored_in_programs(number: signal.Signals, mode: str) -> None:
    """`nohup` and a shell's `&` leave some signals ignored in all that they start."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with open_native() as opened:
            result = run(opened, f"import os\nprint(1, flush=True)\nos.kill(os.getpid(), {int(number)})", mode)
    except SandboxError as error:
        pytest.skip(f"native: {error}")
    finally:
        signal.signal(number, before)
    assert result.status is RunStatus.RUNTIME_ERROR, result
