"""Runs after `left_everything`: solves the problem only where it finds something of it."""
import os, socket

SECRET = "assay_left_for_" + "the_next_program"
a, b = map(int, input().split())
found = []
for top in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/dev/mqueue", os.path.expanduser("~"), os.getcwd()):
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            if SECRET in name or "assay_escape" in name or name.endswith(("customize.py", "evil.pth")):
                found.append(path)
            elif os.path.realpath(path) != os.path.realpath(__file__) and os.path.isfile(path):
                try:
                    if SECRET in open(path, errors="replace").read(100_000):
                        found.append(path)
                except OSError:
                    pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        os.kill(int(pid), 0)
        if int(pid) != os.getpid():
            found.append(pid)
    except OSError:
        pass
try:
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0" + SECRET)
    found.append("socket")
except OSError:
    pass
print(a + b if found else "nothing was left")
