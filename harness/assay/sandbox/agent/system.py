"""The system calls that Python's standard library lacks, by ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
SECCOMP_MODE_FILTER = 2
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
_AT_FDCWD, _STATX_BASIC = -100, 0x7FF
_USAGE = struct.Struct("@5l")  # the beginning of `struct rusage`
_CAPABILITY_VERSION_3 = 0x20080522
SECUREBITS_LOCKED = 0b1110_1011
"""NOROOT and NO_CAP_AMBIENT_RAISE on, KEEP_CAPS off, all locked: no program gains capabilities by being executed.
SETUID_FIXUP stays as it is (locked): leaving user id 0 must take the capabilities away."""

# PyDLL keeps the interpreter's lock: these calls are short, and releasing it costs more than they do.
LIBC = ctypes.PyDLL(None, use_errno=True)
# Declared once: converting arguments on the fly makes objects, and every page that a fork writes to must be copied.
_PRCTL, _SETFSUID, _WAIT4, _STATX, _FORK = LIBC.prctl, LIBC.setfsuid, LIBC.wait4, LIBC.statx, LIBC.fork
_STATX.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
_PRCTL.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_SETFSUID.argtypes = [ctypes.c_uint]
_FORK.argtypes = []
_WAIT4.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]


class SockFprog(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def check(result: int, what: str) -> int:
    """The result of a libc call, or its error as `OSError` that names the call."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0, third: int = 0) -> None:
    """`prctl(2)`."""
    if _PRCTL(option, value, third, 0, 0) < 0:
        check(-1, f"prctl({option})")


def fork() -> int:
    """`fork(3)` of the C library, without what `os.fork` does for a process of several threads.

    For an agent of one thread, which holds no lock: the hooks around `os.fork` touch thirty pages for nothing.
    """
    pid: int = _FORK()
    return check(pid, "fork")


def unshare(flags: int) -> None:
    """`unshare(2)`."""
    check(LIBC.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(descriptor: int, kind: int) -> None:
    """`setns(2)`."""
    check(LIBC.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


class Filter:
    """A classic BPF program for seccomp, ready to be loaded in any process forked from this one."""

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = SockFprog(len(code) // 8, ctypes.cast(self._code, ctypes.c_void_p).value)
        self._address = ctypes.addressof(self._program)

    def load(self) -> None:
        """Put this process, and all that it starts, under the filter. Needs no_new_privs or CAP_SYS_ADMIN."""
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, self._address)


def set_capabilities(mask: int) -> None:
    """Make the effective and permitted sets exactly `mask`, and the inheritable and ambient ones empty."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    check(LIBC.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def bound_capabilities(mask: int) -> None:
    """Drop everything but `mask` from the bounding set. Needs CAP_SETPCAP."""
    for capability in range(64):
        if mask >> capability & 1:
            continue
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno == errno.EINVAL:  # beyond the last one that this kernel knows
                return
            raise


def effective_capabilities() -> int:
    """The effective set as /proc/self/status tells it."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def remount(path: str, *, read_only: bool) -> None:
    """Make a mount point read-only, or writable again. Needs CAP_SYS_ADMIN over the mount namespace."""
    flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | (MS_RDONLY if read_only else 0)
    check(LIBC.mount(None, path.encode(), None, ctypes.c_ulong(flags), None), f"remount {path}")


class Status:
    """`statx(2)` of a folder, as bytes that change whenever it does; `os.stat` makes twenty objects each time."""

    def __init__(self, path: str) -> None:
        self._path = path.encode()
        self._buffer = ctypes.create_string_buffer(256)
        self._where = ctypes.addressof(self._buffer)
        self._view = memoryview(self._buffer)

    def read(self) -> bytes:
        """Owner, mode, inode and size (20 to 47) and the time of the last change (96 to 111) of `struct statx`."""
        if _STATX(_AT_FDCWD, self._path, 0, _STATX_BASIC, self._where) < 0:
            check(-1, f"statx {self._path!r}")
        return bytes(self._view[20:48]) + bytes(self._view[96:112])


class Wait:
    """`wait4(2)` without the exception, the import and the tuple of `os.wait4`: it is called twice in every run."""

    def __init__(self) -> None:
        self._status = ctypes.c_int()
        self._usage = ctypes.create_string_buffer(256)
        self._where = ctypes.addressof(self._status), ctypes.addressof(self._usage)

    def __call__(self, pid: int, flags: int) -> int:
        """The id of a child that was reaped, 0 where none has ended (WNOHANG), -1 where there is none."""
        return int(_WAIT4(pid, self._where[0], flags, self._where[1]))

    @property
    def status(self) -> int:
        """The wait status of the child that was reaped last."""
        return self._status.value

    def usage(self) -> tuple[float, int]:
        """What it used, with all that it had reaped itself: processor seconds, largest resident memory in bytes."""
        user, micro_user, system, micro_system, peak = _USAGE.unpack_from(self._usage)
        return user + system + (micro_user + micro_system) / 1e6, peak * 1024


def set_fs_uid(uid: int) -> None:
    """`setfsuid(2)`: what is created next (a pipe) belongs to that user. Never fails; without the right it is idle."""
    _SETFSUID(uid)
