"""The right answer, and then an error."""
a, b = map(int, input().split())
print(a + b, flush=True)
raise ValueError("after the answer")
