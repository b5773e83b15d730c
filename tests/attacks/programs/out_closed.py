"""The right answer, everything closed, a session of its own, and silence until it is ended."""
import os, time

a, b = map(int, input().split())
print(a + b, flush=True)
for fd in range(3):
    os.close(fd)
if os.fork():
    while True:
        time.sleep(1)
os.setsid()
while True:
    time.sleep(1)
