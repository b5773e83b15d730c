from typing import List


class Solution:
    def double(self, values: List[int]) -> List[int]:
        print("for debugging", values)
        return [2 * x for x in values]
