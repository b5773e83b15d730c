"""Problems for the hostile programs of this folder; small, and written for them.

Each is a row as in `../shared/attacks/problems.jsonl`: `id`, `statement`, `fn_name` (None for standard input) and
`tests`, a list of objects with `input`, `output` and `testtype`. Hostile programs know that the first test of `add`
is 1 + 2: what they do at the first test and look for at the next is state across tests.
"""

from __future__ import annotations

import json
from typing import Any


def _stdin(name: str, statement: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    tests = [{"input": given, "output": wanted, "testtype": "stdin"} for given, wanted in pairs]
    return {"id": name, "statement": statement, "fn_name": None, "tests": tests}


def problems() -> dict[str, dict[str, Any]]:
    """All of them by their ids."""
    sums = [(1, 2), (10, -4), (100, 250), (7, 7), (-5, -6)]
    words = ["abc", "naïve Ωmega", "日本語 text", "🙂 ok", "a\u0301b"]
    values = [[1, 2, 3], [0], [], [-5, 10**12], [7] * 4]
    rows = [
        _stdin("add", "Print a + b.", [(f"{a} {b}\n", f"{a + b}\n") for a, b in sums]),
        _stdin("reverse", "Print the line backwards.", [(f"{word}\n", f"{word[::-1]}\n") for word in words]),
        _stdin(
            "count",
            "Print 0 … n - 1, one on a line.",
            [(f"{n}\n", "".join(f"{i}\n" for i in range(n))) for n in (3, 1, 1_450_000)],  # 10 MB
        ),
        {
            "id": "double",
            "statement": "Double each value.",
            "fn_name": "double",
            "tests": [
                {"input": json.dumps(given), "output": json.dumps([2 * x for x in given]), "testtype": "functional"}
                for given in values
            ],
        },
    ]
    return {row["id"]: row for row in rows}
