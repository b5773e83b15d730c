"""LeetCode: the prelude, the call at the end of the tests, damage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay import DataError, get_benchmark

from .code_files import use, write

ROW = {
    "id": "lc-test-0",
    "problem": "Double n.\n```python\nclass Solution:\n    def double(self, n: int) -> int:\n```",
    "solution": "class Solution:\n    def double(self, n: int) -> int:\n        return n + n\n",
    "test": "def check(candidate):\n    assert candidate(n = 2) == 4\n\n\ncheck(Solution().double)",
}


def test_a_row_becomes_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "leetcode_test_200.jsonl", [ROW])
    use(monkeypatch, tmp_path)
    benchmark = get_benchmark("leetcode")
    (problem,) = benchmark.problems()
    assert problem.prompt[0].content == ROW["problem"]
    assert problem.reference["kind"] == "assertions"
    assert problem.reference["tests"] == ROW["test"]
    assert problem.metadata == {"method": "double"}
    assert "n + n" not in str(problem)
    assert benchmark.gold_response(problem).startswith("```python\nclass Solution:")


def test_the_prelude_is_what_leetcode_offers() -> None:
    from assay_benchmarks._code_prelude import LEETCODE_PRELUDE

    use_it = (
        "\nhead = ListNode(1, ListNode(2)); tree = TreeNode(1, None, TreeNode())\n"
        "x: Optional[List[int]] = [head.next.val, tree.right.val]\n"
        "assert x == [2, 0] and deque([1]) and inf > 1 and Counter('aa')['a'] == 2 and pow(2, 5, 7) == 4\n"
        "assert heapq.heappop(x) == 2 and gcd(4, 6) == 2 and bisect_left([1, 2], 2) == 1\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", LEETCODE_PRELUDE + use_it], timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test": "def check(candidate):\n    pass\n"}, "must define check"),
        ({"test": "check(Solution().double)"}, "must define check"),
        ({"test": ROW["test"] + "\nimport os"}, "must define check"),
        ({"test": ROW["test"].replace("==", "= =")}, "'test' is not Python"),
        ({"solution": 1}, "'solution' must hold text"),
        ({"problem": "  "}, "'problem' must hold text and is empty"),
    ],
)
def test_damage_is_named(changes: dict, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "leetcode_test_200.jsonl", [ROW | changes])
    use(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=rf"leetcode_test_200\.jsonl, line 1: .*{reason}"):
        get_benchmark("leetcode").problems()


def test_the_real_set(real_data: Path) -> None:
    benchmark = get_benchmark("leetcode")
    problems = benchmark.problems()
    assert (len(problems), problems[0].id, benchmark.no_gold) == (200, "lc-test-0", "")
    for problem in problems:
        body = benchmark.gold_response(problem).split("\n", 3)[3]  # after the fence, the class and the signature
        assert body not in problem.prompt[0].content
        assert f".{problem.metadata['method']}" in problem.reference["tests"]
