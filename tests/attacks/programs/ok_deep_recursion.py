import sys

sys.setrecursionlimit(300_000)


def visit(n):
    return visit(n - 1) + 1 if n else 0


a, b = map(int, input().split())
assert visit(100_000) == 100_000
print(a + b)
