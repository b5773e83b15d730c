"""Stops and continues itself without end, so that waiting for a change of state wakes the agent again and again; and
one child holds the other stopped."""
import os, signal, time

a, b = map(int, input().split())
print(a + b, flush=True)
victim = os.getpid()
if os.fork() == 0:
    while True:
        try:
            os.kill(victim, signal.SIGSTOP)
            os.kill(victim, signal.SIGCONT)
        except OSError:
            os._exit(0)
while True:
    time.sleep(0.1)
