import contextlib, io, sys

sys.stdout.reconfigure(encoding="utf-8", line_buffering=False, write_through=False)
a, b = map(int, input().split())
buffer = io.StringIO()
with contextlib.redirect_stdout(buffer):
    print(a + b)
sys.stdout.buffer.write(buffer.getvalue().encode())
sys.stdout = open(1, "w", closefd=False, buffering=1 << 16)
sys.stdout.flush()
sys.stdout = sys.__stdout__
