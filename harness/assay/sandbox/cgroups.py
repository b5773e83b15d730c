"""A control group for one native worker: memory and processes of everything in it, together.

Version 1 (hierarchies `memory` and `pids`) and version 2 (one hierarchy with both controllers handed down) are used
where this process may write to them; elsewhere there is none, and the sandbox says so. A group is named after the
process that made it, so that what a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MAX_TASKS = 512
"""Processes and threads in one worker; programs have lower limits of their own."""
_CONTROLLERS = ("memory", "pids")


def _memory_bytes(workers: int) -> int:
    """All workers together get at most half of the machine's memory, each at least 2 GiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(2 * 2**30, total // (2 * workers))


class ControlGroup:
    """The folders of one group."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders

    @property
    def entrances(self) -> list[str]:
        """Files that a process writes its id to, to be in the group."""
        return [str(folder / "cgroup.procs") for folder in self._folders]

    @staticmethod
    def supported() -> str | None:
        """Give "v1" or "v2", or None where no group can be made here."""
        if all(os.access(MOUNT / name, os.W_OK) and (MOUNT / name / "cgroup.procs").exists() for name in _CONTROLLERS):
            return "v1"
        try:
            handed_down = (MOUNT / "cgroup.subtree_control").read_text(encoding="ascii").split()
        except OSError:
            return None
        return "v2" if os.access(MOUNT, os.W_OK) and set(_CONTROLLERS) <= set(handed_down) else None

    @classmethod
    def create(cls, name: str, workers: int) -> ControlGroup | None:
        """A fresh group with its limits, or None where the system refuses one."""
        version = cls.supported()
        memory = str(_memory_bytes(workers))
        if version == "v1":
            settings = {
                MOUNT / "memory" / name: {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory},
                MOUNT / "pids" / name: {"pids.max": str(MAX_TASKS)},
            }
        elif version == "v2":
            settings = {MOUNT / name: {"memory.max": memory, "memory.swap.max": "0", "pids.max": str(MAX_TASKS)}}
        else:
            return None
        cls.sweep()
        group = cls(list(settings))
        try:
            for folder, values in settings.items():
                folder.mkdir()
                for file, value in values.items():
                    if (folder / file).exists():  # swap is not counted on every kernel
                        (folder / file).write_text(value, encoding="ascii")
        except OSError:
            group.remove()
            return None
        return group

    def remove(self) -> None:
        """Delete the group, waiting up to two seconds for its last process to be gone."""
        for folder in self._folders:
            for _ in range(200):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)
                else:
                    break

    @staticmethod
    def sweep() -> None:
        """Delete empty groups whose maker no longer lives."""
        for parent in (MOUNT, *(MOUNT / name for name in _CONTROLLERS)):
            for folder in parent.glob("assay-*-*"):
                maker = folder.name.split("-")[1]
                if maker.isdigit() and not Path("/proc", maker).exists():
                    try:
                        folder.rmdir()
                    except OSError:
                        continue
