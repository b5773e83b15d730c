"""Writes 64 MB without a line break."""
import sys

for _ in range(64):
    sys.stdout.write("7" * (1 << 20))
