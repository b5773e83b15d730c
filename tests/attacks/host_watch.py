"""What the host looks like before and after hostile programs ran: processes, ports, temporary files, markers, secrets.

Other things happen on the same machine, so only what can be told apart counts: markers by their name, processes by
the marks of our sandboxes (their user ids, their names, their being children of ours), ports and files by comparing
with before and looking at whose they are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

MARKER = "assay_escape"
SECRET_NAME = "assay_host_secret"
SECRET = "assay-host-secret"
PLACES = ("/tmp", "/var/tmp", "/opt", "/root", "/home", "/dev/shm", "/run", "/mnt", "/srv", "/etc", "/", "/usr")
LOWEST_UID = 10_000
"""Programs get user ids from here on; nobody else on a machine that runs tests has them (65534 is "nobody")."""


def markers() -> list[str]:
    """Files named `assay_escape*` in the places that programs try, with their subfolders one deep."""
    found = []
    for place in PLACES:
        try:
            for entry in os.scandir(place):
                if entry.name.startswith(MARKER):
                    found.append(entry.path)
                elif place in ("/tmp", "/var/tmp", "/dev/shm") and entry.is_dir(follow_symlinks=False):
                    found += [inner.path for inner in os.scandir(entry.path) if inner.name.startswith(MARKER)]
        except OSError:
            continue
    return found


def plant_secrets() -> list[Path]:
    """Leave a file on the host that no program may be able to read; world-readable, so that only walls protect it."""
    planted = []
    for place in ("/var/tmp", "/tmp", "/root", "/opt", "/home", "/srv", "/mnt", "/run"):
        path = Path(place, SECRET_NAME)
        try:
            path.write_text(SECRET)
            path.chmod(0o644)
        except OSError:
            continue
        planted.append(path)
    os.environ["ASSAY_HOST_SECRET"] = SECRET
    return planted


def sandboxed_processes() -> dict[int, str]:
    """Processes with a program's user id, and what they are. Those of other test runs are among them."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = Path("/proc", name, "status").read_text()
            uid = int(status.split("\nUid:\t")[1].split()[0])
            if uid >= LOWEST_UID and uid != 65534:
                found[int(name)] = f"{status.split()[1]} uid {uid}"
        except (OSError, IndexError, ValueError):
            continue
    return found


def descendants(pid: int) -> dict[int, str]:
    """All living processes below one, zombies included, and their names."""
    children: dict[int, list[tuple[int, str]]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:
            continue
        command, _, rest = text.rpartition(")")
        fields = rest.split()
        children.setdefault(int(fields[1]), []).append((int(name), f"{command.partition('(')[2]} {fields[0]}"))
    found: dict[int, str] = {}
    todo = [pid]
    while todo:
        for child, what in children.get(todo.pop(), []):
            found[child] = what
            todo.append(child)
    return found


def listening() -> set[str]:
    """Local addresses of listening TCP sockets and bound UDP ones, and names of abstract local sockets."""
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            lines = Path("/proc/net", name).read_text().splitlines()[1:]
        except OSError:
            continue
        found |= {f"{name} {line.split()[1]}" for line in lines if line.split()[3] in ("0A", "07")}
    return found


@dataclass
class Host:
    """A picture of the host."""

    ports: set[str] = field(default_factory=listening)
    temporary: set[str] = field(default_factory=lambda: _temporary())


def _temporary() -> set[str]:
    return {f"{place}/{name}" for place in ("/tmp", "/var/tmp", "/dev/shm") for name in os.listdir(place)}
