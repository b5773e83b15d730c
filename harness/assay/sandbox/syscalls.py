"""System calls that programs do not get, in one table for every sandbox, and the seccomp filter made of it.

Denied is what widens the kernel's surface without any use to a program that reads, computes and writes: other
namespaces and mounts, tracing and reading of other processes, kernel modules, keys, BPF, io_uring, userfaultfd, clocks,
System V and POSIX message queues and shared memory (they would outlive a program), and every socket but local pairs.
`clone3` is answered with ENOSYS, whereupon the C library uses `clone`, whose flags can be inspected. Memory files
(`memfd_create`) are denied because no limit counts them.

The filter is classic BPF, written here as a binary search over the call's number: about seven comparisons for each
call, and none for most on kernels from 5.11 on, which remember what is always allowed. Calls of another architecture
(i386 and x32 on x86_64), whose numbers mean other things, end the process.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl (aarch64) of Linux 6.12; from 424 on all
architectures share them.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from assay.errors import SandboxError


@dataclass(frozen=True, slots=True)
class Denied:
    """One denied call."""

    name: str
    x86_64: int | None
    """Its number there; None where the architecture has no such call."""
    aarch64: int | None
    error: int = errno.EPERM
    agent_needs: bool = False
    """The agent uses it before it loads the filter: a profile around the whole container must allow it."""


def _same(names: str, first: int) -> list[Denied]:
    return [Denied(name, first + i, first + i) for i, name in enumerate(names.split())]


DENIED: tuple[Denied, ...] = (
    # other namespaces, mounts, roots
    Denied("unshare", 272, 97),
    Denied("setns", 308, 268),
    Denied("mount", 165, 40),
    Denied("umount2", 166, 39),
    Denied("pivot_root", 155, 41),
    Denied("chroot", 161, 51),
    *_same("open_tree move_mount fsopen fsconfig fsmount fspick", 428),
    Denied("mount_setattr", 442, 442),
    *_same("statmount listmount", 457),
    Denied("open_tree_attr", 467, 467),
    Denied("name_to_handle_at", 303, 264),
    Denied("open_by_handle_at", 304, 265),
    Denied("clone3", 435, 435, errno.ENOSYS),
    # other processes
    Denied("ptrace", 101, 117),
    Denied("process_vm_readv", 310, 270),
    Denied("process_vm_writev", 311, 271),
    Denied("kcmp", 312, 272),
    Denied("pidfd_getfd", 438, 438),
    Denied("process_madvise", 440, 440),
    Denied("process_mrelease", 448, 448),
    Denied("migrate_pages", 256, 238),
    Denied("move_pages", 279, 239),
    Denied("perf_event_open", 298, 241),
    # the kernel itself
    Denied("init_module", 175, 105),
    Denied("finit_module", 313, 273),
    Denied("delete_module", 176, 106),
    Denied("create_module", 174, None),
    Denied("get_kernel_syms", 177, None),
    Denied("query_module", 178, None),
    Denied("kexec_load", 246, 104),
    Denied("kexec_file_load", 320, 294),
    Denied("bpf", 321, 280),
    Denied("io_uring_setup", 425, 425, errno.ENOSYS),
    Denied("io_uring_enter", 426, 426, errno.ENOSYS),
    Denied("io_uring_register", 427, 427, errno.ENOSYS),
    Denied("userfaultfd", 323, 282),
    Denied("fanotify_init", 300, 262),
    Denied("fanotify_mark", 301, 263),
    Denied("add_key", 248, 217),
    Denied("request_key", 249, 218),
    Denied("keyctl", 250, 219),
    Denied("lookup_dcookie", 212, 18),
    Denied("vmsplice", 278, 75),
    Denied("memfd_create", 319, 279, errno.ENOSYS, agent_needs=True),
    Denied("memfd_secret", 447, 447, errno.ENOSYS),
    Denied("personality", 135, 92),
    Denied("modify_ldt", 154, None),
    Denied("iopl", 172, None),
    Denied("ioperm", 173, None),
    Denied("uselib", 134, None),
    Denied("_sysctl", 156, None),
    Denied("sysfs", 139, None),
    Denied("vserver", 236, None),
    Denied("nfsservctl", 180, 42),
    Denied("remap_file_pages", 216, 234),
    Denied("mbind", 237, 235),
    Denied("set_mempolicy", 238, 237),
    Denied("get_mempolicy", 239, 236),
    Denied("set_mempolicy_home_node", 450, 450),
    # the machine's state
    Denied("reboot", 169, 142),
    Denied("swapon", 167, 224),
    Denied("swapoff", 168, 225),
    Denied("quotactl", 179, 60),
    Denied("quotactl_fd", 443, 443),
    Denied("acct", 163, 89),
    Denied("sethostname", 170, 161),
    Denied("setdomainname", 171, 162),
    Denied("settimeofday", 164, 170),
    Denied("clock_settime", 227, 112),
    Denied("clock_adjtime", 305, 266),
    Denied("adjtimex", 159, 171),
    Denied("syslog", 103, 116),
    Denied("vhangup", 153, 58),
    # what outlives a program or leaves the machine; extended attributes would stay on folders and streams of ours
    Denied("setxattr", 188, 5, errno.EOPNOTSUPP),
    Denied("lsetxattr", 189, 6, errno.EOPNOTSUPP),
    Denied("fsetxattr", 190, 7, errno.EOPNOTSUPP),
    Denied("removexattr", 197, 14, errno.EOPNOTSUPP),
    Denied("lremovexattr", 198, 15, errno.EOPNOTSUPP),
    Denied("fremovexattr", 199, 16, errno.EOPNOTSUPP),
    Denied("setxattrat", 463, 463, errno.EOPNOTSUPP),
    Denied("removexattrat", 466, 466, errno.EOPNOTSUPP),
    Denied("socket", 41, 198),
    Denied("msgget", 68, 186),
    Denied("msgsnd", 69, 189),
    Denied("msgrcv", 70, 188),
    Denied("msgctl", 71, 187),
    Denied("semget", 64, 190),
    Denied("semop", 65, 193),
    Denied("semctl", 66, 191),
    Denied("semtimedop", 220, 192),
    Denied("shmget", 29, 194),
    Denied("shmat", 30, 196),
    Denied("shmctl", 31, 195),
    Denied("shmdt", 67, 197),
    Denied("mq_open", 240, 180),
    Denied("mq_unlink", 241, 181),
    Denied("mq_timedsend", 242, 182),
    Denied("mq_timedreceive", 243, 183),
    Denied("mq_notify", 244, 184),
    Denied("mq_getsetattr", 245, 185),
)

CLONE: Mapping[str, int] = {"x86_64": 56, "aarch64": 220}
SOCKETPAIR: Mapping[str, int] = {"x86_64": 53, "aarch64": 199}
KILL: Mapping[str, int] = {"x86_64": 62, "aarch64": 129}
CLONE_NEW_NAMESPACES = 0x7E02_0000
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID and NET: denied in the flags of `clone`."""
AF_UNIX = 1
"""The only family of `socketpair` that is allowed."""

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x4000_0000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in `struct seccomp_data`, little-endian


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One `struct sock_filter`."""
    return struct.pack("<HBBI", code, yes, no, value)


def _return(action: int) -> list[bytes]:
    return [_op(_RETURN, action)]


def _search(leaves: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Code that goes to the last leaf whose first number is at most the call's."""
    if len(leaves) == 1:
        return leaves[0][1]
    middle = len(leaves) // 2
    left, right = _search(leaves[:middle]), _search(leaves[middle:])
    return [_op(_AT_LEAST, leaves[middle][0], len(left), 0), *left, *right]


def deny_filter(machine: str) -> bytes:
    """The filter for a machine ("x86_64" or "aarch64") as an array of `struct sock_filter`.

    Raises `SandboxError` for any other: running without a filter would be less than was promised.
    """
    if machine not in _AUDIT_ARCH:
        raise SandboxError(f"no system call filter for {machine!r} machines: Assay has one for x86_64 and aarch64")
    special = {
        CLONE[machine]: [
            _op(_LOAD, _FIRST_ARGUMENT),
            _op(_ANY_BIT, CLONE_NEW_NAMESPACES, 0, 1),
            *_return(_ERRNO | errno.EPERM),
            *_return(_ALLOW),
        ],
        SOCKETPAIR[machine]: [
            _op(_LOAD, _FIRST_ARGUMENT),
            _op(_EQUAL, AF_UNIX, 1, 0),
            *_return(_ERRNO | errno.EPERM),
            *_return(_ALLOW),
        ],
    }
    for call in DENIED:
        number = call.x86_64 if machine == "x86_64" else call.aarch64
        if number is not None:
            special[number] = _return(_ERRNO | call.error)
    if machine == "x86_64":
        special[_X32_BIT] = _return(_KILL)
    leaves: list[tuple[int, list[bytes]]] = [(0, _return(_ALLOW))]
    for number in sorted(special):
        if leaves[-1][0] == number:
            leaves.pop()
        if not leaves or leaves[-1][1] != special[number]:
            leaves.append((number, special[number]))
        if number != _X32_BIT:
            leaves.append((number + 1, _return(_ALLOW)))
    code = [
        _op(_LOAD, _ARCH),
        _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        *_return(_KILL),
        _op(_LOAD, _NUMBER),
        *_search(leaves),
    ]
    return b"".join(code)


def alone_filter(machine: str) -> bytes:
    """A second filter, for programs beside a process of ours: kill(-1) finds nobody.

    Without it the call would say that it went well, though it had been allowed to reach none: a program could tell.
    The other filter sees to architectures.
    """
    code = [
        _op(_LOAD, _NUMBER),
        _op(_EQUAL, KILL[machine], 1, 0),
        *_return(_ALLOW),
        _op(_LOAD, _FIRST_ARGUMENT),
        _op(_EQUAL, 0xFFFF_FFFF, 1, 0),
        *_return(_ALLOW),
        *_return(_ERRNO | errno.ESRCH),
    ]
    return b"".join(code)
