class Solution:
    def double(self, values):
        out = []
        for _ in range(1_000_000):
            out = [out]
        return out
