"""Goes on in two processes: two results for one call."""
import os


class Solution:
    def double(self, values):
        os.fork()
        return [0] * len(values)
