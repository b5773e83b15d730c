"""Python that stands before a model's program, where a benchmark's own runner puts it there.

`LCB_PRELUDE` is what LiveCodeBench's runner puts before every program, to the letter: a program may lean on it, and
a score without it is another score. `LEETCODE_PRELUDE` is what LeetCode offers without an import. Both are run in the
sandbox, with the program.
"""

from __future__ import annotations

_NAMES = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
)
_MODULES = tuple(_NAMES.split())

# https://github.com/LiveCodeBench/LiveCodeBench/blob/28fef95ea8c9f7a547c8329f2cd3d32b92c1fa24/lcb_runner/evaluation/testing_util.py
LCB_PRELUDE = "".join(
    [
        *(f"from {name} import *\n" for name in (*_MODULES, "builtins", "typing")),
        *(f"import {name}\n" for name in _MODULES),
        "sys.setrecursionlimit(50000)\n",
    ]
)

LEETCODE_PRELUDE = (
    LCB_PRELUDE
    + '''

class ListNode:
    """A node of a singly linked list, as LeetCode defines it."""

    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next


class TreeNode:
    """A node of a binary tree, as LeetCode defines it."""

    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right
'''
)
