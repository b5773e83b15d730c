class Helper:
    def __init__(self, value):
        self.value = value


class Solution:
    def __init__(self):
        self.calls = 0

    def double(self, values):
        self.calls += 1
        assert self.calls == 1
        values = [Helper(x) for x in values]
        import sys
        sys.stderr.write("said on standard error\n")
        return [x.value * 2 for x in values]
