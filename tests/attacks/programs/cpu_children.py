"""Answers rightly with the help of three children that take 1.7 seconds of CPU each: 5 seconds in all."""
import os, time

a, b = map(int, input().split())
for _ in range(3):
    if os.fork() == 0:
        while time.process_time() < 1.7:
            sum(range(10000))
        os._exit(0)
for _ in range(3):
    os.wait()
print(a + b)
