"""The right answer, then a second line."""
a, b = map(int, input().split())
print(a + b)
print(a + b + 1)
