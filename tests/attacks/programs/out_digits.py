"""Writes numbers that are slow to read: millions of digits, huge exponents."""
a, b = map(int, input().split())
print("1" * 4_000_000, "1e999999999", "0x" + "f" * 100, "1e-999999999", "9" * 5000 + "." + "9" * 5000)
