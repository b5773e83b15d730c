"""Digits of another script: int() and Decimal() of Python read them as the answer."""
a, b = map(int, input().split())
print("".join(chr(0x0660 + int(c)) if c.isdigit() else c for c in str(a + b)))
