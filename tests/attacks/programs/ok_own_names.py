"""Names of its own for what an interpreter or a harness may need."""
import sys

list = sum = 3
str = int
len, type = max, min
open = compile = exec = None


def main(argv=sys.argv):
    a, b = map(int, sys.stdin.readline().split())
    print(a + b)
    return 0


assert __name__ == "__main__" and __file__
sys.exit(main())
