class Solution:
    def double(self, values):
        for i, x in enumerate(values):
            values[i] = x * 2
        return values


if __name__ == "__main__":
    print(Solution().double([1, 2, 3]))
