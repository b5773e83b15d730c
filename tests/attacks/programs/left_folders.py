"""Leaves folders that are hard to remove: 3,000 deep, 4,000 wide, without permissions, with odd names."""
import os

a, b = map(int, input().split())
print(a + b, flush=True)
for top in ("/tmp", os.getcwd(), "/dev/shm"):
    try:
        os.chdir(top)
        os.mkdir("assay_left_wide")
        for i in range(4000):
            os.mkdir(f"assay_left_wide/{i}")
        for name in (b"assay_left_\xff\xfe", b"-rf", b"assay_left_\n", "assay_left_é".encode(), b"a" * 255):
            os.mkdir(name)
        for i in range(3000):
            os.mkdir("d")
            os.chdir("d")
        os.chmod(".", 0)
    except OSError:
        pass
