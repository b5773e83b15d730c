class Solution:
    def double(self, values):
        return (x for x in iter(int, 1))
