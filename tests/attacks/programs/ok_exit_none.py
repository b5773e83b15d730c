import sys


def main():
    a, b = map(int, sys.stdin.readline().split())
    sys.stdout.write(str(a + b))
    exit()


if __name__ == "__main__":
    main()
