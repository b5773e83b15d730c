"""Honest, after a program that spoiled its streams."""
import os, sys

assert os.get_blocking(0) and os.get_blocking(1) and os.get_blocking(2)
with open("/dev/stdin") as file:
    a, b = map(int, file.read().split())
with open("/dev/stdout", "w") as file:
    file.write(f"{a + b}")
sys.stderr.write("fine\n")
