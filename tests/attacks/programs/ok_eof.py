import sys

total = 0
while True:
    try:
        line = input()
    except EOFError:
        break
    total += sum(map(int, line.split()))
try:
    input()
except EOFError:
    print(total)
assert sys.stdin.readline() == "" and sys.stdin.read() == ""
