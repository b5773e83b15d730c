"""Leaves behind what it can: files, a shared memory file, and a process that outlives it. `look.py` looks for them."""

from __future__ import annotations

import os
import sys
import time

FOLDERS = (".", "/tmp", "/dev/shm", "/var/tmp", "/run/lock", "/dev/mqueue", os.environ.get("HOME", "/tmp"))


def main() -> None:
    """Leave the mark everywhere; then start a process in a session of its own and end."""
    mark = sys.stdin.readline().strip()
    for folder in FOLDERS:
        for name in (mark, f".{mark}"):
            try:
                with open(os.path.join(folder, name), "w") as file:
                    file.write(mark)
            except OSError:
                continue
    sys.stdout.flush()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open("/proc/self/comm", "w") as name:
                name.write(mark[:15])
            for number in range(3):
                os.close(number)
            time.sleep(30)
        os._exit(0)
    os.wait()
    print("left")


main()
