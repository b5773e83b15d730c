"""Rating a round of 15,000: everybody's change, a model's place, ten such rounds together; and the whole commands.

The rounds are drawn, not real: ratings, points and ties in the numbers that large rounds have.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from assay.metrics import codeforces
from tests.perf.measure import median_of, python, run_once, save

SIZE = 15_000
ROUNDS = 10
RUNS = 7


def draw_round(number: int) -> codeforces.Contest:
    chance = random.Random(number)
    ratings = [min(3800, max(-50, round(chance.gauss(1350, 350)))) for _ in range(SIZE)]
    points = [50 * round(max(0.0, rating / 12 + chance.gauss(0, 40))) for rating in ratings]
    return codeforces.Contest(
        id=str(2000 + number), points=tuple(points), penalties=(0,) * SIZE, old_ratings=tuple(ratings)
    )


def median_seconds(call: Callable[[], object]) -> float:
    seconds = []
    for number in range(RUNS + 1):
        started = time.perf_counter()
        call()
        if number:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


@pytest.mark.perf
@pytest.mark.timeout(600)
def test_a_round_of_15000(tmp_path: Path) -> None:
    rounds = [draw_round(number) for number in range(ROUNDS)]
    table = tmp_path / "rounds.jsonl"
    columns = ["points", "penalties", "old_ratings"]
    with open(table, "w") as file:
        for each in rounds:
            rows = list(zip(*(getattr(each, column) for column in columns), strict=True))
            file.write(json.dumps({"contest_id": each.id, "rows": rows}) + "\n")
    one = tmp_path / "one.jsonl"
    one.write_text(table.read_text().partition("\n")[0] + "\n")
    results = tmp_path / "results.jsonl"
    results.write_text("".join(json.dumps({"contest_id": each.id, "points": 9000}) + "\n" for each in rounds))

    score = codeforces.ModelScore(points=9000)
    rated = [codeforces.rate_contest(each, score) for each in rounds]
    placements = [codeforces.Placement(ratings=each.field, rank=each.place.rank) for each in rated]
    commands = {
        "assay codeforces update, 1 round": python("-m", "assay", "codeforces", "update", str(one)),
        "assay codeforces rate, 10 rounds": python(
            "-m", "assay", "codeforces", "rate", str(table), "--results", str(results)
        ),
    }
    figures = {
        "what": f"rounds of {SIZE} drawn participants; seconds in a warm process and costs of whole processes, medians "
        f"of {RUNS} runs; the joint rating with 2,000 bootstrap resamples",
        "participants": SIZE,
        "read one round (s)": median_seconds(lambda: codeforces.read_contests([one])),
        "update everybody's rating (s)": median_seconds(lambda: codeforces.update_ratings(rounds[0])),
        "rate a model in one round (s)": median_seconds(lambda: codeforces.rate_contest(rounds[0], score)),
        f"joint rating of {ROUNDS} rounds (s)": median_seconds(lambda: codeforces.joint_rating(placements)),
        **{name: asdict(median_of([run_once(command) for _ in range(RUNS)])) for name, command in commands.items()},
    }
    path = save("codeforces", figures, ["assay", "numpy"])
    print(path.read_text())
    assert figures["update everybody's rating (s)"] + figures["read one round (s)"] < 2
    assert figures["rate a model in one round (s)"] < 2
