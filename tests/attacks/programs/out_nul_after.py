"""The right answer, a zero byte, and rubbish."""
import os

a, b = map(int, input().split())
os.write(1, f"{a + b}\0 and more\n".encode())
