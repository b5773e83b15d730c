"""Writes a line that is just not too long: comparing must stay quick, and the report of it short."""
import sys

sys.stdout.write("1" * (15 << 20))
