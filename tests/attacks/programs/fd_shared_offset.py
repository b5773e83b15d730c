"""Plays with the files it shares with the agent: seeks, truncates, seals, flags, locks, sizes of pipes, owners."""
import fcntl, os, signal

a, b = map(int, os.read(0, 100).split())
for fd in (0, 1, 2):
    for call in (
        lambda: os.lseek(fd, 1 << 40, os.SEEK_SET),
        lambda: os.ftruncate(fd, 1 << 33),
        lambda: os.lseek(fd, 0, os.SEEK_SET),
        lambda: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK | os.O_ASYNC),
        lambda: fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0xF),
        lambda: fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096),
        lambda: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK),
        lambda: fcntl.fcntl(fd, fcntl.F_SETOWN, os.getppid()),
        lambda: fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL),
        lambda: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
        lambda: os.fchmod(fd, 0),
        lambda: os.posix_fallocate(fd, 0, 1 << 20),
    ):
        try:
            call()
        except (OSError, AttributeError):
            pass
try:
    os.write(1, b"played with the files\n")
except OSError:
    pass
