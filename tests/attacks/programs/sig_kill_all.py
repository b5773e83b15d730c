"""Answers rightly and then kills all that it may, itself included: it did not end well."""
import os, signal

a, b = map(int, input().split())
print(a + b, flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
os.killpg(0, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
