"""Answers rightly with 4 seconds of CPU taken by children that live 25 milliseconds each and that nobody waits for."""
import os, signal, time

a, b = map(int, input().split())
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
read, write = os.pipe()
os.write(write, b"xx")
for _ in range(160):
    os.read(read, 1)
    if os.fork() == 0:
        while time.process_time() < 0.025:
            pass
        os.write(write, b"x")
        os._exit(0)
print(a + b)
