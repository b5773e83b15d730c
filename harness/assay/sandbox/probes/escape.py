"""What a hostile program would try first, tried by us: runs inside a sandbox, as an ordinary program.

Standard input: one JSON object of facts that only the host knows. Standard output: one JSON object that maps each
probe to the breaches it found, in words; an empty list means that the sandbox held. Nothing here does harm where the
sandbox does not hold: signals have number 0, and system calls get arguments that are no pointers to anything.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from typing import Any

REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS)
ANSWERS = {**errno.errorcode, 255: "it succeeded"}
NEW_NAMESPACES = {"NEWUSER": 0x10000000, "NEWNS": 0x20000, "NEWPID": 0x20000000, "NEWNET": 0x40000000}
PLACES = (
    "/", "/bin", "/boot", "/dev", "/dev/mqueue", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/proc/sys/kernel",
    "/root", "/run",
    "/srv", "/sys", "/sys/fs/cgroup", "/sys/kernel", "/usr", "/usr/bin", "/usr/lib", "/usr/local/lib",
    "/var", "/var/lib",
    "/var/mail",
)  # fmt: skip
WIPED = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
OWN_NAMES = {
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "PWD", "SHELL", "SHLVL", "TERM", "TMPDIR", "TZ", "USER", "_",
}  # fmt: skip
OWN_NAMES = {
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "PWD",
    "SHELL",
    "SHLVL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "_",
}


def files_of_the_host(facts: dict[str, Any]) -> list[str]:
    """Files that the host made for this check, and those that every host has and hides."""
    return [f"read {path}" for path in (*facts["files"], "/etc/shadow", "/proc/kcore", "/dev/mem") if _can_read(path)]


def sockets(facts: dict[str, Any]) -> list[str]:
    """Sockets that lead out: by address family, to a port and to an abstract socket of the host."""
    breaches = []
    for family in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                socket.socket(getattr(socket, family), kind).close()
                breaches.append(f"opened a socket of {family}")
                break
            except OSError:
                continue
    addresses: tuple[Any, ...] = (("127.0.0.1", facts["port"]), "\0" + facts["abstract"])
    for address in addresses:
        kind_of_address = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        try:
            with socket.socket(kind_of_address, socket.SOCK_STREAM) as connection:
                connection.settimeout(0.2)
                connection.connect(address)
            breaches.append(f"connected to {address!r} of the host")
        except OSError:
            continue
    return breaches


def other_processes(facts: dict[str, Any]) -> list[str]:
    """Processes that are not ours: seen by what only the host knows of them, or reached by a signal."""
    breaches = [
        f"sees process {pid} of the host"
        for pid in _others()
        if facts["token"].encode() in _content(f"/proc/{pid}/cmdline")
    ]
    # In a PID namespace of the run's own, numbers are other than those of /proc, and 1 is the run's own first process.
    nested = os.readlink("/proc/self") != str(os.getpid())
    # All numbers are tried, since /proc may hide some.
    for pid in range(2, 64) if nested else sorted({*_others(), *range(2, min(os.getpid(), 10_000) + 64)}):
        if pid != os.getpid() and _works(os.kill, pid, 0):
            breaches.append(f"may send signals to process {pid}: {_name(pid)}")
        if pid != os.getpid() and hasattr(signal, "pidfd_send_signal") and _works(_signal_by_descriptor, pid):
            breaches.append(f"may send signals to process {pid} through a pidfd")
    if _works(os.kill, -1, 0):
        breaches.append("kill(-1) reaches other processes")
    return breaches


def memory_of_others(facts: dict[str, Any]) -> list[str]:
    """Memory, environment, descriptors and folders of the agent and of whatever else is there."""
    breaches = []
    for pid in _others():
        breaches += [
            f"opened /proc/{pid}/{name}"
            for name in ("mem", "environ", "maps", "auxv")
            if _can_read(f"/proc/{pid}/{name}")
        ]
        breaches += [
            f"listed /proc/{pid}/{name}"
            for name in ("fd", "root", "cwd", "task/1/fd")
            if _works(os.listdir, f"/proc/{pid}/{name}")
        ]
    return breaches


def system_calls(facts: dict[str, Any]) -> list[str]:
    """Calls that must not reach the kernel: each is refused, or ends the process that makes it."""
    column = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
    calls = [
        (name, numbers[column], [1] * 6) for name, numbers in facts["calls"].items() if numbers[column] is not None
    ]
    clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    for name, flag in NEW_NAMESPACES.items():
        calls.append((f"clone({name})", clone, [flag | signal.SIGCHLD, 0, 0, 0, 0, 0]))
    breaches = []
    for (name, _, _), told in zip(calls, _answers(calls), strict=True):
        # The filter's own answer, where it is not one of the usual ones.
        if told and told != ANSWERS.get(facts["calls"].get(name, (0, 0, 0))[2]):
            breaches.append(f"{name} reached the kernel: {told}")
    return breaches


def privileges(facts: dict[str, Any]) -> list[str]:
    """Who we are, and who we can become."""
    status = dict(line.split(":", 1) for line in _content("/proc/self/status").decode().splitlines() if ":" in line)
    sets = {name: status.get(name, "0").strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    breaches = [f"{name} is {value}" for name, value in sets.items() if int(value, 16)]
    libc = ctypes.CDLL(None)
    for name, option, wanted in (("no_new_privs", 39, 1), ("the seccomp mode", 21, 2)):
        found = libc.prctl(option, 0, 0, 0, 0)
        if found != wanted:
            breaches.append(f"{name} is {found}")
    # Where a user namespace maps 0 to an ordinary user, being "root" in it, without a capability, is to be that user.
    real_root = {"uid": _maps_to_root("/proc/self/uid_map"), "gid": _maps_to_root("/proc/self/gid_map")}
    if (real_root["uid"] and 0 in (os.getuid(), os.geteuid())) or (
        real_root["gid"] and 0 in (os.getgid(), os.getegid(), *os.getgroups())
    ):
        breaches.append("runs as root or in its group")
    for kind, functions in {"uid": (os.setuid, os.seteuid), "gid": (os.setgid, os.setegid)}.items():
        breaches += [
            f"{function.__name__}(0) succeeded" for function in functions if real_root[kind] and _works(function, 0)
        ]
    if _works(os.setgroups, [0]):
        breaches.append("setgroups([0]) succeeded")
    return breaches


def foreign_writes(facts: dict[str, Any]) -> list[str]:
    """Folders and files that no program may change."""
    breaches = []
    for folder in {*PLACES, *filter(None, sys.path), *_mount_points()} - {"/dev/pts"}:
        if not os.path.isdir(folder) or os.path.realpath(folder) in (*WIPED, os.getcwd()):
            continue
        path = os.path.join(folder, f"assay-probe-{os.getpid()}")
        if _works(_create, path):
            breaches.append(f"created a file in {folder}")
        if _works(os.mkdir, path):
            os.rmdir(path)
            breaches.append(f"created a folder in {folder}")
    own = os.path.abspath(__file__)
    for path in (own, sys.executable, os.path.realpath(sys.executable), "/etc/passwd", "/proc/sys/kernel/core_pattern"):
        if not os.path.exists(path):
            continue
        if _works(lambda name: os.close(os.open(name, os.O_WRONLY)), path):
            breaches.append(f"opened {path} for writing")
        if _works(os.chmod, path, os.stat(path).st_mode & 0o7777):  # to what it is: no harm where it is allowed
            breaches.append(f"changed the mode of {path}")
    return breaches


def descriptors(facts: dict[str, Any]) -> list[str]:
    """Open files beside the three standard streams; they would lead to the agent or to other programs."""
    breaches = []
    for number in range(3, 256):
        try:
            breaches.append(f"descriptor {number} is open: {os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:
            if _works(os.fstat, number):
                breaches.append(f"descriptor {number} is open")
    return breaches


def environment(facts: dict[str, Any]) -> list[str]:
    """Variables that came from the host; only names are told, since their values may be secrets."""
    return [
        f"has the variable {name}"
        for name in os.environ
        if name not in OWN_NAMES and not name.startswith(("LC_", "PYTHON"))
    ]


def earlier_input(facts: dict[str, Any]) -> list[str]:
    """What an earlier program was given, searched for in this process's memory. The secret comes backwards."""
    secret = facts["secret_backwards"].encode()
    found = 0
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in _content("/proc/self/maps").decode().splitlines():
            span, mode, *_ = line.split()
            start, end = (int(number, 16) for number in span.split("-"))
            if not mode.startswith("rw") or end - start > 1 << 28:
                continue
            try:
                memory.seek(start)
                found += memory.read(end - start)[::-1].count(secret)
            except (OSError, ValueError, OverflowError):
                continue
    return [f"found an earlier program's input in memory, {found} times"] if found else []


def shared_objects(facts: dict[str, Any]) -> list[str]:
    """Names by which programs could leave each other messages."""
    tables = ("/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/sysvipc/sem")  # each begins with a line of headings
    breaches = [f"{path} is not empty" for path in tables if len(_content(path).splitlines()) > 1]
    for folder in ("/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp", tempfile.gettempdir()):
        try:
            names = sorted(set(os.listdir(folder)) - set(os.path.abspath(os.getcwd()).split("/")))
        except OSError:
            continue
        names = [
            name
            for name in names
            if _can_read(os.path.join(folder, name)) or _works(os.listdir, os.path.join(folder, name))
        ]
        if names:
            breaches.append(f"{folder} holds {names[:3]}")
    return breaches


def _others() -> list[int]:
    """Processes in /proc but this one, by their numbers there."""
    own = os.readlink("/proc/self")
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and name != own]


def _maps_to_root(path: str) -> bool:
    """Whether id 0 here is id 0 outside of this user namespace too."""
    ranges = [tuple(map(int, line.split())) for line in _content(path).decode().splitlines()]
    return not ranges or any(first == 0 and outside == 0 for first, outside, _ in ranges)


def _name(pid: int) -> str:
    return _content(f"/proc/{pid}/cmdline").replace(b"\0", b" ")[:60].decode(errors="replace").strip()


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def _can_read(path: str) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:
            file.read(1)
    except OSError as error:
        # Opening is what is guarded; that reading at offset 0 fails afterwards (memory is not mapped there) is no help.
        return error.errno in (errno.EIO, errno.EISDIR) and error.filename is None
    return True


def _create(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(path)


def _signal_by_descriptor(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(descriptor, 0)
    finally:
        os.close(descriptor)


def _works(function: Callable[..., Any], *arguments: Any) -> bool:
    try:
        function(*arguments)
    except OSError:
        return False
    return True


def _mount_points() -> list[str]:
    return [line.split()[4] for line in _content("/proc/self/mountinfo").decode(errors="replace").splitlines()]


def _answers(calls: list[tuple[str, int, list[int]]]) -> list[str]:
    """How the kernel answered each call, made in children; "" where it was refused or the child was killed for it."""
    answers: list[str] = []
    while len(answers) < len(calls):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reading)
                _make_calls(calls[len(answers) :], writing)
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            numbers = list(pipe.read())
        _, status = os.waitpid(child, 0)
        answers += ["" if number in REFUSED else ANSWERS.get(number, str(number)) for number in numbers]
        if len(answers) < len(calls):
            killer = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            answers.append("" if killer == signal.SIGSYS else f"could not be tried: signal {killer}")
    return answers


def _make_calls(calls: list[tuple[str, int, list[int]]], pipe: int) -> None:
    """Make the calls and write a byte for each: its errno, or 255 where it succeeded."""
    libc = ctypes.CDLL(None, use_errno=True)
    maker = os.getpid()
    for _, number, arguments in calls:
        result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
        if os.getpid() != maker:  # a clone that should not be
            os._exit(0)
        os.write(pipe, bytes([255 if result != -1 else ctypes.get_errno()]))


PROBES = (
    files_of_the_host, sockets, other_processes, memory_of_others, system_calls, privileges, foreign_writes,
    descriptors,
    environment, earlier_input, shared_objects,
)  # fmt: skip


def main() -> None:
    """Run every probe; one that breaks is a breach, since it proves nothing."""
    facts = json.load(sys.stdin)
    found = {}
    for probe in PROBES:
        try:
            found[probe.__name__] = probe(facts)
        except Exception as error:  # noqa: BLE001 - told to the host
            found[probe.__name__] = [f"could not be tried: {type(error).__name__}: {error}"]
    print(json.dumps(found))


main()
