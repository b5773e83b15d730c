"""The right answer on standard error."""
import sys

a, b = map(int, input().split())
print(a + b, file=sys.stderr)
