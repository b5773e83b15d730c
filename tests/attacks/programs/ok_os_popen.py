import os

a, b = input().split()
print(os.popen(f"echo $(({a} + {b}))").read().strip())
