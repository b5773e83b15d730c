"""The right answer between bytes that are not text; some readers ignore them."""
import os

a, b = map(int, input().split())
os.write(1, b"\xff\xfe" + str(a + b).encode() + b"\xc3\x28\n")
