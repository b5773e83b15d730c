import sys, traceback

a, b = map(int, input().split())
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
sys.stderr.write("é\ud800\n")
print(a + b)
