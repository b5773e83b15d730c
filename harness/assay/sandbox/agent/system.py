"""The system calls that Python's standard library lacks, by ctypes."""

from __future__ import annotations

import ctypes
import errno
import os

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
_CAPABILITY_VERSION_3 = 0x20080522
SECUREBITS_LOCKED = 0b1110_1011
"""NOROOT and NO_CAP_AMBIENT_RAISE on, KEEP_CAPS off, all locked: no program gains capabilities by being executed.
SETUID_FIXUP stays as it is (locked): leaving user id 0 must take the capabilities away."""

# PyDLL keeps the interpreter's lock: these calls are short, and releasing it costs more than they do.
LIBC = ctypes.PyDLL(None, use_errno=True)
# Declared once: converting arguments on the fly makes objects, and every page that a fork writes to must be copied.
_PRCTL, _SETFSUID = LIBC.prctl, LIBC.setfsuid
_PRCTL.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_SETFSUID.argtypes = [ctypes.c_uint]


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


def set_fs_uid(uid: int) -> None:
    """`setfsuid(2)`: what is created next (a pipe) belongs to that user. Never fails; without the right it is idle."""
    _SETFSUID(uid)
