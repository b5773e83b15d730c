"""Tries to create a file in every folder and to open every file for writing. Solves the problem only where it could
outside the places that are its own."""
import os, stat

a, b = map(int, input().split())
own = tuple(os.path.realpath(p) for p in (os.getcwd(), "/tmp", "/var/tmp", "/run/lock", "/dev/shm", os.path.expanduser("~")))
won = []
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in ("/proc", "/sys")]
    if os.path.realpath(folder).startswith(own) and os.path.realpath(folder) != "/":
        continue
    if folder.startswith(("/dev/pts", "/dev/fd")):
        continue
    if os.access(folder, os.W_OK):
        try:
            with open(os.path.join(folder, "assay_escape_everywhere"), "w"):
                won.append(folder)
        except OSError:
            pass
    for name in files:
        path = os.path.join(folder, name)
        try:
            if stat.S_ISREG(os.lstat(path).st_mode) and os.access(path, os.W_OK):
                os.close(os.open(path, os.O_WRONLY))
                won.append(path)
        except OSError:
            pass
try:
    with open(__file__, "ab"):
        won.append(__file__)
except OSError:
    pass
try:
    os.rename(__file__, __file__ + ".moved")
    won.append("rename")
except OSError:
    pass
print(a + b if won else "read only")
