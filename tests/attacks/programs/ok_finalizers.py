import sys, weakref


class Resource:
    def __del__(self):
        sys.stdout.write(str(self.total) + "\n")


kept = Resource()
kept.total = sum(map(int, input().split()))
