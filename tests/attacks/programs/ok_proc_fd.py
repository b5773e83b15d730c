a, b = map(int, open("/proc/self/fd/0", "rb").read().split())
print(a + b, file=open("/dev/stdout", "w"))
