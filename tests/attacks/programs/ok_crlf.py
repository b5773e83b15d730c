"""Written on Windows."""
import sys
a, b = map(int, input().split())
if a:
    sys.stdout.write(str(a + b) + "\r\n")
else:
    print(a + b)
