import sys, threading

sys.setrecursionlimit(1 << 25)
threading.stack_size(128 << 20)


def depth(n):
    return 0 if n == 0 else depth(n - 1) + 1


def main():
    a, b = map(int, input().split())
    assert depth(100_000) == 100_000
    print(a + b)


thread = threading.Thread(target=main)
thread.start()
thread.join()
