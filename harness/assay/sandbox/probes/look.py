"""Looks for what `leave.py` left: tells each file and process that it finds, or nothing."""

from __future__ import annotations

import os
import sys

FOLDERS = (".", "/tmp", "/dev/shm", "/var/tmp", "/run/lock", "/dev/mqueue", os.environ.get("HOME", "/tmp"))


def main() -> None:
    """Look in the folders and among the processes."""
    mark = sys.stdin.readline().strip()
    for folder in FOLDERS:
        for name in (mark, f".{mark}"):
            if os.path.lexists(os.path.join(folder, name)):
                print(f"{folder}/{name} is still there")
    mine = {os.getpid(), os.getppid(), 1}
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) not in mine:
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    state = file.read().rpartition(")")[2].split()[0]
                owner = os.stat(f"/proc/{name}").st_uid
            except OSError:
                continue
            # An ended process (Z) only waits to be counted; those of root are the sandbox's own.
            if state not in "ZX" and owner != 0:
                print(f"process {name} is still there")
    print("looked")


main()
