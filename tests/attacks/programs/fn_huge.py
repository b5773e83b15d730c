class Solution:
    def double(self, values):
        return [values * 10] * 10_000_000
