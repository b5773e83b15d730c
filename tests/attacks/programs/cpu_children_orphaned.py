"""The same with children given away to whoever adopts orphans; a pipe says when they are done."""
import os, time

a, b = map(int, input().split())
read, write = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            while time.process_time() < 1.7:
                sum(range(10000))
            os.write(write, b"x")
        os._exit(0)
    os.wait()
os.close(write)
while os.read(read, 1):
    pass
print(a + b)
