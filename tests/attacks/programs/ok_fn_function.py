import sys
from functools import lru_cache

sys.setrecursionlimit(10000)


@lru_cache(None)
def twice(x):
    return x + x


def double(values):
    return tuple(map(twice, values))
