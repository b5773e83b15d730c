"""The folders of a program: `program`, which it can read, and those that it can write to, which are wiped.

All are ours, in folders of ours, so a program can neither replace nor rename nor close them; the writable ones lack
the sticky bit where they are made here, so that we may delete without any capability what lies directly in them.
What lies deeper belongs to the program's user: a helper that takes its identity deletes that.

File names that a program chose are read by helpers only, never by the agent, whose memory later programs inherit.
"""

from __future__ import annotations

import json
import os
import stat

from . import system, wire

MAX_NAME = 255
MAX_ARTEFACTS = 4096
MAX_ARTEFACT_BYTES = 256 << 20
OUT = "out"
"""Where a compiler leaves what is to be kept, inside the scratch folder."""


class BadRequestError(Exception):
    """The host asked for what cannot be done; the conversation goes on."""


def checked_name(name: str) -> str:
    """A relative path without tricks, of at most 8 parts."""
    parts = name.split("/")
    if len(parts) > 8 or any(not part or part in (".", "..") or len(part) > MAX_NAME or "\0" in part for part in parts):
        raise BadRequestError(f"bad file name {name[:80]!r}")
    return name


class Folders:
    """The folders of the current program."""

    def __init__(self, program: str, scratch: str, writable: list[str], *, remount: bool) -> None:
        """Make them where they are missing.

        `remount`: programs have the same user as we, so only a read-only mount keeps them from writing to `program`,
        which must be a mount point.
        """
        self.program, self.scratch, self._remount = program, scratch, remount
        os.umask(0)
        for path, mode in ((program, 0o755), (scratch, 0o777)):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, mode)
        os.umask(0o022)
        self.writable = [scratch, *(path for path in writable if os.path.isdir(path))]
        flatten([program, *self.writable])
        self._modes = {path: os.stat(path).st_mode & 0o7777 for path in self.writable}
        self._states = [system.Status(path) for path in self.writable]
        self._empty = self._state()

    def _state(self) -> list[bytes]:
        """What changes when a writable folder is written to or tampered with, even if it is empty again."""
        return [state.read() for state in self._states]

    def written(self) -> bool:
        """Whether a writable folder was touched since it was last known to be empty."""
        return self._state() != self._empty

    def settled(self) -> bool:
        """Whether all writable folders are as they should be; then that is what `written` compares with."""
        for path, mode in self._modes.items():
            if os.listdir(path) or os.stat(path).st_mode & 0o7777 != mode:
                return False
            os.utime(path)  # where the program owns the folder it may have left a message in its times
        self._empty = self._state()
        return True

    def restore_modes(self) -> None:
        """Undo what the owner of a folder may do to it (where programs have the same user as we)."""
        for path, mode in self._modes.items():
            if os.stat(path).st_mode & 0o7777 != mode:
                os.chmod(path, mode)

    def lock(self, *, read_only: bool) -> None:
        """Close the program's folder to the program, or open it for us."""
        if self._remount:
            system.remount(self.program, read_only=read_only)

    def put(self, name: str, size: int, mode: int, channel: wire.Wire, folder: str | None = None) -> None:
        """Create a file of the payload's next `size` bytes, in the program's folder unless told."""
        path = os.path.join(folder or self.program, checked_name(name))
        if "/" in name:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        target = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            os.fchmod(target, mode)
            channel.take(target, size)
        finally:
            os.close(target)

    def make_out(self) -> None:
        """The folder for what a compiler makes."""
        path = os.path.join(self.scratch, OUT)
        os.mkdir(path)
        os.chmod(path, 0o777)  # noqa: S103 - one program at a time, and compilers run as it

    def collect(self, page: wire.Page) -> list[tuple[int, str]]:
        """Copy what a compiler left into the program's folder; (size, name) of each file. Run it in a helper."""
        root = os.path.join(self.scratch, OUT)
        found: list[tuple[int, str]] = []
        total = 0
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                source = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                status = os.fstat(source)
                total += status.st_size
                relative = checked_name(os.path.relpath(os.path.join(folder, name), root))
                if not stat.S_ISREG(status.st_mode) or total > MAX_ARTEFACT_BYTES or len(found) >= MAX_ARTEFACTS:
                    raise BadRequestError("the compiler left what is no plain file, or too much")
                path = os.path.join(self.program, relative)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                target = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o755)
                page.move(source, target, status.st_size)
                os.close(source)
                os.close(target)
                found.append((status.st_size, relative))
        return found

    def send_collected(self, channel: wire.Wire) -> None:
        """Collect and reply, in one helper: the names never reach the agent's own memory."""
        found = self.collect(channel.page)
        body = json.dumps({"artefacts": [[name, size] for size, name in found]}).encode()
        total = sum(size for size, _ in found)
        wire.write_all(channel.target, memoryview(wire.HEADER.pack(wire.MAGIC, len(body), total) + body))
        for size, name in found:
            source = os.open(os.path.join(self.program, name), os.O_RDONLY | os.O_CLOEXEC)
            channel.page.move(source, channel.target, size)
            os.close(source)


def flatten(folders: list[str]) -> None:
    """Delete all that lies in the folders and may be deleted, in time linear in it however deep it is nested.

    Folders that are not empty are emptied by renaming their children up, so no path grows and nothing recurses.
    """
    for top in folders:
        fresh = 0
        while True:
            try:
                names = os.listdir(top)
            except OSError:
                break
            progress = False
            for name in names:
                path = os.path.join(top, name)
                try:
                    mode = os.lstat(path).st_mode
                    if not stat.S_ISDIR(mode):
                        os.unlink(path)
                        progress = True
                        continue
                    if mode & 0o700 != 0o700:
                        os.chmod(path, 0o700)
                    for child in os.listdir(path):
                        inner = os.path.join(path, child)
                        if stat.S_ISDIR(os.lstat(inner).st_mode):
                            os.chmod(inner, 0o700)
                            fresh += 1
                            os.rename(inner, os.path.join(top, f".wipe-{os.getpid()}-{fresh}"))
                        else:
                            os.unlink(inner)
                    os.rmdir(path)
                    progress = True
                except OSError:
                    continue
            if not progress:
                break
