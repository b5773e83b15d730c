"""Two runs on the same problems: the paired difference, and who won which problem.

Problems are paired by their ids and each run's mean over its samples is compared (`assay.metrics.compare`). Where
benchmark data, prompt or verifier differ, the scores are not of the same thing: nothing is shown until one asks for it
in spite of that.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.hashing import canonical_json
from assay.metrics.differences import Difference, difference
from assay.viewing.database import OURS, Database
from assay.viewing.run import Run

MUST_AGREE = ("benchmark", "benchmark_revision", "prompt_sha256", "verifiers", "verifier_options")
"""What two runs must have in common for their scores to be comparable."""
MAY_DIFFER = ("model", "model_fingerprint", "template", "instruction", "prefill", "sampling")
_KEPT = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlike:
    """A field of the manifests that differs."""

    name: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemPair:
    """One problem in both runs."""

    problem_id: str
    mean_a: float
    samples_a: int
    mean_b: float
    samples_b: int

    @property
    def change(self) -> float:
        """Mean in b less mean in a."""
        return self.mean_b - self.mean_a


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Run b against run a."""

    pairs: Sequence[ProblemPair]
    """Problems that both have a checked sample of, in the order of their ids."""
    only_a: int
    """Problems that b has no checked sample of."""
    only_b: int
    difference: Difference
    """Of b less a, as `assay compare` gives it."""
    flips: Sequence[tuple[str, int]]
    """Samples of the same problem and index: (both right, only a, only b, neither), by name."""


def differences(a: Run, b: Run, names: Sequence[str]) -> list[Unlike]:
    """The fields of the manifests that are not the same."""
    found = []
    for name in names:
        left, right = a.manifest.get(name) or None, b.manifest.get(name) or None
        if left != right:
            found.append(Unlike(name=name, a=_shown(left), b=_shown(right)))
    return found


class Comparisons:
    """Comparisons, remembered until a run changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[int, int, int, int], Comparison] = OrderedDict()
        self._lock = threading.Lock()

    def compare(self, a: Run, b: Run) -> Comparison:
        """Run b against run a. Raises `duckdb.Error` where a file is damaged."""
        key = (a.number, a.version, b.number, b.version)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._compare(a, b)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]

    def _compare(self, a: Run, b: Run) -> Comparison:
        credit = (
            "SELECT problem_id, avg(coalesce(score, 0)) AS mean, count(*) AS n FROM {} "
            f"WHERE verdict NOT IN {OURS} GROUP BY problem_id"
        )
        left, right = self._database.source([a]), self._database.source([b])
        with self._database.cursor() as cursor:
            rows = cursor.execute(
                f"SELECT problem_id, a.mean, a.n, b.mean, b.n FROM ({credit.format(left)}) AS a "
                f"FULL JOIN ({credit.format(right)}) AS b USING (problem_id) ORDER BY problem_id"
            ).fetchall()
            flips = cursor.execute(
                "SELECT a.verdict = 'right' AS ra, b.verdict = 'right' AS rb, count(*) "
                f"FROM {left} AS a JOIN {right} AS b USING (problem_id, sample_index) "
                f"WHERE a.verdict NOT IN {OURS} AND b.verdict NOT IN {OURS} GROUP BY ra, rb"
            ).fetchall()
        pairs = [
            ProblemPair(problem_id=problem_id, mean_a=mean_a, samples_a=n_a, mean_b=mean_b, samples_b=n_b)
            for problem_id, mean_a, n_a, mean_b, n_b in rows
            if mean_a is not None and mean_b is not None
        ]
        # One mean a problem instead of its samples: the pairing, and so every number that is shown, is the same.
        found = difference([[pair.mean_b] for pair in pairs], [[pair.mean_a] for pair in pairs])
        by_case = {(ra, rb): count for ra, rb, count in flips}
        cases = (
            ("both right", True, True),
            ("only a right", True, False),
            ("only b right", False, True),
            ("neither", False, False),
        )
        return Comparison(
            pairs=pairs,
            only_a=sum(row[3] is None for row in rows),
            only_b=sum(row[1] is None for row in rows),
            difference=found,
            flips=[(name, by_case.get((ra, rb), 0)) for name, ra, rb in cases],
        )


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else canonical_json(value).decode()
