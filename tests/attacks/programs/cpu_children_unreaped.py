"""The same with children that nobody waits for (SIGCHLD ignored), so that their time is in nobody's account."""
import os, signal, time

a, b = map(int, input().split())
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        while time.process_time() < 1.7:
            sum(range(10000))
        os._exit(0)
try:
    os.wait()
except ChildProcessError:
    pass
print(a + b)
