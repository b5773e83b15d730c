"""The right answer, and an exit with a message, which means status 1."""
import sys

a, b = map(int, input().split())
print(a + b)
sys.exit("done")
