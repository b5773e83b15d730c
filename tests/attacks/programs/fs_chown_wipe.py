"""Makes what an agent removes hard to remove: hard links to its own program, immutable flags, busy and mode-0 folders."""
import fcntl, os, struct

a, b = map(int, input().split())
os.mkdir("busy")
os.chdir("busy")
os.rmdir("../busy")
for place in ("/tmp", "/dev/shm"):
    path = os.path.join(place, "assay_left_immutable")
    with open(path, "w") as file:
        try:
            fcntl.ioctl(file, 0x40086602, struct.pack("l", 0x10 | 0x20))  # FS_IOC_SETFLAGS: immutable, append only
        except OSError:
            pass
    os.mkdir(path + "_d", 0o000)
    try:
        os.setxattr(path, "user.assay", b"left")
    except OSError:
        pass
    try:
        os.link(__file__, path + "_program")
    except OSError:
        pass
print("wrong on purpose")
