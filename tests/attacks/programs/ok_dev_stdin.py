with open("/dev/stdin") as file:
    a, b = map(int, file.read().split())
print(a + b)
