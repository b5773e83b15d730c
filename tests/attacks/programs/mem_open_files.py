"""Reads every open file it inherited (and reopens them by /proc), and those of every other process."""
import mmap, os, re

pattern = re.compile(b"ASSAY" + b"-TOKEN-[0-9a-f]{32}")
own = set(pattern.findall(os.read(0, 1 << 20)))
found = set()


def look(path_or_fd):
    try:
        fd = os.open(path_or_fd, os.O_RDONLY | os.O_NONBLOCK) if isinstance(path_or_fd, str) else os.dup(path_or_fd)
    except OSError:
        return
    try:
        for offset in range(0, 1 << 24, 1 << 20):
            chunk = os.pread(fd, 1 << 20, offset)
            if not chunk:
                break
            found.update(pattern.findall(chunk))
    except OSError:
        try:
            os.set_blocking(fd, False)
            found.update(pattern.findall(os.read(fd, 1 << 20)))
        except OSError:
            pass
    os.close(fd)


for fd in range(1024):
    look(fd)
for pid in ["self", "thread-self", *filter(str.isdigit, os.listdir("/proc"))]:
    for part in ("cmdline", "environ", "mem", "maps", "auxv", "stack"):
        if (pid, part) != ("self", "mem") and not (pid == str(os.getpid()) and part == "mem"):
            look(f"/proc/{pid}/{part}")
    for folder in ("fd", "map_files", "root/tmp", "cwd", "task/1/fd"):
        try:
            for name in os.listdir(f"/proc/{pid}/{folder}"):
                look(f"/proc/{pid}/{folder}/{name}")
        except OSError:
            pass
print("FOUND", *sorted(x.decode() for x in found - own))
