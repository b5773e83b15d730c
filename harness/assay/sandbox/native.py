"""`native`: programs on this kernel, in namespaces of their own; no daemon, no container, no image.

As root, the agent is root in its namespaces with three capabilities (SETUID, SETGID, KILL), and each program has a
user of its own. As an ordinary user, everything happens in a user namespace, and each run gets a PID namespace and
no capability. In both: a new root of read-only mounts that shows /usr (or a given root file system) and little else,
no network, no host processes, a seccomp filter (`syscalls`), resource limits, and a control group where one can be
made. `description` lists what of that this machine lacks; where it is too much, `SandboxError` says the remedy.

All of it shares the host's kernel: a bug there that a program can reach through the allowed calls is not covered.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.errors import SandboxError
from assay.sandbox.agent import BOOT
from assay.sandbox.cgroups import ControlGroup
from assay.sandbox.client import ENVIRONMENT, AgentSettings
from assay.sandbox.leases import WorkerSandbox
from assay.sandbox.protocol import PipeConnection
from assay.sandbox.unsafe import STACK, launch_process, python_for_programs

SCRATCH_BYTES = 256 * 2**20
"""Of each writable file system of a worker."""
SCRATCH_INODES = 1 << 14
_COUNTER = itertools.count(1)


class NativeSandbox(WorkerSandbox):
    """Linux namespaces, seccomp, resource limits; see the module.

    Args:
        workers: how many programs are run at a time at most.
        recycle_after: programs after which a worker is replaced.
        root: a root file system (a folder with usr/bin/python3) to run in; None shows the host's /usr.
        user: start everything as this user id, in a user namespace; for root only, who gives up on control groups
            and on a user per program for it. None: as the user that we are.
    """

    name = "native"

    def __init__(
        self, *, workers: int = 1, recycle_after: int = 500, root: str | None = None, user: int | None = None
    ) -> None:
        super().__init__(workers=workers, recycle_after=recycle_after)
        self._user = None if user == os.geteuid() else user
        self._user_namespace = os.geteuid() != 0 or self._user is not None
        self._root = None if root is None else str(Path(root).resolve())
        self._check()
        python = python_for_programs()
        self._prefix: str | None = None
        if self._root is not None:
            python = "/usr/bin/python3"
            if not os.access(self._root + python, os.X_OK):
                raise SandboxError(f"root={root}: it has no {python}; build one with `assay sandbox build`")
        elif not python.startswith("/usr/"):
            self._prefix = os.path.realpath(sys.base_prefix)
        self._python = python
        self._groups = ControlGroup.supported() if self._user is None else None

    def _check(self) -> None:
        """Refuse early, with the remedy, what cannot work."""
        if sys.platform != "linux":
            raise SandboxError("the native sandbox needs Linux: use `docker`")
        if self._user_namespace:
            for path, bad in (
                ("/proc/sys/user/max_user_namespaces", "0"),
                ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
            ):
                try:
                    value = Path(path).read_text(encoding="ascii").strip()
                except OSError:
                    continue
                if value == bad:
                    raise SandboxError(
                        f"the native sandbox needs user namespaces, and {path} is {value}: set it to 1 as root "
                        "(sysctl), run as root, or use `docker`"
                    )

    @property
    def description(self) -> Mapping[str, Any]:
        """What isolates and what is lacking here."""
        release = os.uname().release
        version = tuple(int(part) for part in release.split(".")[:2])
        lacks = []
        if not self._groups:
            lacks.append("control groups: the memory of a run is measured every 50 ms, and not limited as a whole")
        if self._user_namespace and version < (5, 14):
            lacks.append("process limits of its own (Linux 5.14): those of this user's other processes count too")
        if self._root is None:
            lacks.append("a root of its own: programs can read the host's /usr")
        landlock = None if self._agent is None else self._agent.get("landlock", 0)
        if landlock == 0:
            lacks.append("Landlock: read-only mounts alone keep programs from writing")
        return {
            "name": self.name,
            "kernel": release,
            "machine": os.uname().machine,
            "isolation": "namespaces",
            "identity": "a PID namespace per run, no capabilities" if self._user_namespace else "a user per program",
            "namespaces": [*(["user"] if self._user_namespace else []), "mount", "pid", "net", "ipc", "uts", "cgroup"],
            "seccomp": True,
            "landlock": landlock,
            "cgroup": self._groups or "none",
            "root": self._root or "/usr of the host",
            "python": self._python,
            "lacks": lacks,
        }

    def _settings(self) -> AgentSettings:
        return AgentSettings(strategy="pidns" if self._user_namespace else "uid")

    def _launch(self) -> PipeConnection:
        group = ControlGroup.create(f"assay-{os.getpid()}-{next(_COUNTER)}", self._workers) if self._groups else None
        spec = {
            "root": self._root,
            "python": self._python,
            "prefix": self._prefix,
            "boot": BOOT,
            "environment": ENVIRONMENT,
            "userns": self._user_namespace,
            "cgroups": group.entrances if group else [],
            "bytes": SCRATCH_BYTES,
            "inodes": SCRATCH_INODES,
        }
        source = (files("assay.sandbox") / "native_launcher.py").read_text(encoding="utf-8")
        command = ["/bin/sh", "-c", STACK, python_for_programs(), "-I", "-S", "-B", "-c", source, json.dumps(spec)]
        identity = {} if self._user is None else {"user": self._user, "group": self._user, "extra_groups": []}
        try:
            connection = launch_process(command, **identity)
        except SandboxError:
            if group:
                group.remove()
            raise
        if group:
            connection.after_kill(group.remove)
        return connection
