"""The same by ctypes: allocates blocks without clearing them and reads what they held before."""
import ctypes, re

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
pattern = re.compile(b"ASSAY" + b"-TOKEN-[0-9a-f]{32}")
found = set()
kept = []
for size in (24, 40, 56, 72, 88, 104, 128, 200, 512, 1000, 2048, 4096, 10000, 65536, 130000, 1 << 20):
    for _ in range(min(4000, (8 << 20) // size)):
        block = libc.malloc(size)
        if block:
            kept.append(block)
            found.update(pattern.findall(ctypes.string_at(block, size)))
print("FOUND", *sorted(x.decode() for x in found))
