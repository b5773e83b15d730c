"""Makes its output look large at no cost: a hole of terabytes, then the answer."""
import os

a, b = map(int, input().split())
for size in (1 << 42, 1 << 31, 15 << 20, 1 << 19):
    try:
        os.ftruncate(1, size)
        os.lseek(1, size, os.SEEK_SET)
        break
    except OSError:
        pass
os.write(1, f"{a + b}\n".encode())
