"""Builds the namespaces of a native sandbox around the process that runs it, and becomes the agent.

Run as `python3 -I -S -c SOURCE SPEC` by `native`, so it is one file and imports nothing of Assay. SPEC is a JSON
object: `root` (a root file system, or null for the host's /usr), `python`, `prefix` (a folder to show beside /usr, or
null), `boot` (the agent's first code), `environment`, `userns`, `cgroups` (files to write our process id to), `bytes`
and `inodes` (of the writable file systems).

    unshare (user where needed) mount, pid, net, ipc, uts, cgroup
      └─ fork: the child is the first process of the PID namespace
           mounts: a new root on tmpfs; /usr and the like bound read-only, nosuid, nodev; own /proc, /dev, /tmp
           pivot_root, the old root is let go of, the new one is made read-only
           exec the sandbox's python, which becomes the agent

The parent waits and dies with the child; the child dies with the parent, and everything in the namespace with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from typing import Any

LIBC = ctypes.PyDLL(None, use_errno=True)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_MOUNT_SETATTR = 442
HOST_FOLDERS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
OWN_FOLDERS = ("dev", "proc", "sys", "tmp", "run", "assay", "lost+found")
HOST_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mono", "php", "java")
"""What of /etc tool chains need; names that begin so (java-17-openjdk) are shown too."""
ETC = {
    "passwd": "root:x:0:0::/:/bin/false\nuser:x:1000:1000::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
INNER_ID = 1000
"""User and group id in a user namespace: not 0, which programs and the C library take for root."""
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
AMBIENT = (8, 21)
"""CAP_SETPCAP and CAP_SYS_ADMIN: what the agent of an ordinary user needs to survive exec (it drops the first)."""
NODES = ("null", "zero", "full", "random", "urandom")
STAGES = ("/mnt", "/media", "/srv", "/opt", "/tmp", "/var/tmp")  # noqa: S108 - a place to mount on, in our own namespace


class LaunchError(Exception):
    """Says which step failed."""


def check(result: int, what: str) -> int:
    """The result of a libc call, or a `LaunchError` that names the step."""
    if result < 0:
        number = ctypes.get_errno()
        raise LaunchError(f"{what}: {os.strerror(number)}")
    return result


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """`mount(2)`."""
    words = [None if word is None else word.encode() for word in (source, target, kind, data)]
    check(
        LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {kind or source} on {target}"
    )


def bind_read_only(source: str, target: str) -> None:
    """Show a folder or file of the host, read-only, with all that is mounted below it."""
    mount(source, target, None, MS_BIND | MS_REC)
    attributes = struct.pack("<QQQQ", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0, 0)
    result = LIBC.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, target.encode(), AT_RECURSIVE, attributes, len(attributes))
    if result == 0:
        return
    # Before Linux 5.12: this mount only, keeping the flags that a user namespace must not clear.
    inherited = os.statvfs(target).f_flag & (MS_NOEXEC | 1024 | 2048)
    mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | inherited)


def tmpfs(target: str, size: int, inodes: int, mode: str, flags: int = MS_NOSUID | MS_NODEV) -> None:
    """A file system in memory, with limits."""
    os.makedirs(target, exist_ok=True)
    mount("tmpfs", target, "tmpfs", flags, f"size={size},nr_inodes={inodes},mode={mode}")


def show(source: str, target: str) -> None:
    """Show one entry of the host's tree: links as links, everything else bound read-only."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        bind_read_only(source, target)
    elif os.path.exists(source):
        with open(target, "w", encoding="ascii"):
            pass
        bind_read_only(source, target)


def build_root(new: str, spec: dict[str, Any]) -> None:
    """Assemble the new root's contents in the folder `new`."""
    given = spec["root"]
    base = given or "/"
    names = [name for name in os.listdir(given) if name not in OWN_FOLDERS] if given else HOST_FOLDERS
    for name in names:
        show(os.path.join(base, name), os.path.join(new, name))
    if not given:
        os.mkdir(f"{new}/etc")
        for name in os.listdir("/etc"):
            if name.startswith(HOST_ETC):
                show(f"/etc/{name}", f"{new}/etc/{name}")
        for name, text in ETC.items():
            with open(f"{new}/etc/{name}", "w", encoding="ascii") as file:
                file.write(text)
        if spec["prefix"]:
            os.makedirs(new + spec["prefix"])
            bind_read_only(spec["prefix"], new + spec["prefix"])
        os.makedirs(f"{new}/var/tmp")  # noqa: S108 - below the new root
    size, inodes = spec["bytes"], spec["inodes"]
    for folder, mode in (("assay/program", "0755"), ("assay/scratch", "0777"), ("tmp", "1777"), ("var/tmp", "1777")):
        if os.path.isdir(f"{new}/{folder}") or folder != "var/tmp":
            tmpfs(f"{new}/{folder}", size, inodes, mode)
    os.mkdir(f"{new}/assay/gate")  # see the agent's `spawn`
    os.symlink("/", f"{new}/assay/gate/root")
    os.chmod(f"{new}/assay/gate", 0o001)
    tmpfs(f"{new}/dev", 1 << 16, 64, "0755", MS_NOSUID | MS_NOEXEC)
    for name in NODES:
        with open(f"{new}/dev/{name}", "w", encoding="ascii"):
            pass
        mount(f"/dev/{name}", f"{new}/dev/{name}", None, MS_BIND)
    for name, link in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{link}", f"{new}/dev/{name}")
    tmpfs(f"{new}/dev/shm", size, inodes, "1777")  # noqa: S108
    mount(None, f"{new}/dev", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC)
    os.mkdir(f"{new}/proc")
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY
    # Where programs have users of their own, our group sees all processes; where they share ours, nobody is excepted.
    mount("proc", f"{new}/proc", "proc", flags, "hidepid=2" if spec["userns"] else "hidepid=2,gid=0")


def enter(spec: dict[str, Any]) -> None:
    """Make the new root the only thing that can be seen."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    given = spec["root"]
    if given:  # the stage may cover it
        spec["root"] = f"/proc/self/fd/{os.open(given, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)}"
    stage = next((path for path in STAGES if os.path.isdir(path)), None)
    if stage is None:
        raise LaunchError(f"none of {', '.join(STAGES)} is there to build the new root on")
    tmpfs(stage, 1 << 20, 4096, "0755")
    build_root(stage, spec)
    os.chdir(stage)
    machine = os.uname().machine
    if machine not in SYS_PIVOT_ROOT:
        raise LaunchError(f"no pivot_root number for {machine} machines")
    check(LIBC.syscall(SYS_PIVOT_ROOT[machine], b".", b"."), "pivot_root")
    check(LIBC.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    LIBC.sethostname(b"sandbox", 7)


def keep_capabilities() -> None:
    """Carry what the agent needs through exec, which takes everything else from a user who is not 0."""
    mask = sum(1 << capability for capability in AMBIENT)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    check(LIBC.capset(ctypes.byref(header), ctypes.byref(data)), "capset")
    for capability in AMBIENT:
        check(LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "raise an ambient capability")


def unshare(spec: dict[str, Any]) -> None:
    """Leave the host's namespaces."""
    uid, gid = os.geteuid(), os.getegid()
    kinds = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP
    if spec["userns"]:
        check(LIBC.unshare(CLONE_NEWUSER), "unshare a user namespace")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{INNER_ID} {uid} 1"),
            ("gid_map", f"{INNER_ID} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    check(LIBC.unshare(kinds), "unshare mount, pid, net, ipc, uts and cgroup namespaces")


def launch(spec: dict[str, Any]) -> None:
    """Do it all; does not return in the child, and returns in the parent when the child has ended."""
    for path in spec["cgroups"]:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    unshare(spec)
    alive, dead = os.pipe()
    child = os.fork()
    if child:
        os.close(alive)
        for descriptor in (0, 1):
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.close(dead)
    os.set_blocking(alive, False)
    try:
        if os.read(alive, 1) == b"":  # the parent had ended before we asked to be told
            os._exit(1)
    except BlockingIOError:
        pass
    enter(spec)
    if spec["userns"]:
        keep_capabilities()
    python = spec["python"]
    os.execve(python, [python, "-I", "-B", "-c", spec["boot"]], spec["environment"])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    try:
        launch(json.loads(sys.argv[1]))
    except (LaunchError, OSError) as error:
        sys.stderr.write(f"native sandbox: {error}\n")
        sys.stderr.flush()
        os._exit(70)
