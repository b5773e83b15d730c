"""Writes millions of tokens and lines within the limit."""
import sys

sys.stdout.write("1 \n" * (5 << 20))
