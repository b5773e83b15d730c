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
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                title, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if title == mark[:15] and rest.split()[0] not in "ZX":  # an ended process only waits to be counted
            print(f"process {name} is still there")
    print("looked")


main()
