import io, os, sys

input = io.BytesIO(os.read(0, os.fstat(0).st_size)).readline
print = lambda *args: sys.stdout.write(" ".join(map(str, args)) + "\n")
a, b = map(int, input().split())
print(a + b)
