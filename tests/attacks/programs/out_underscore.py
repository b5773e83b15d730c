"""The answer as Python would read it but no judge should: with underscores and zeros."""
a, b = map(int, input().split())
text = str(abs(a + b))
print(("-" if a + b < 0 else "") + "_".join("0" + text))
