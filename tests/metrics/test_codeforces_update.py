"""Codeforces' own rating update: official changes of real rounds, the O(n²) definition, new accounts."""

import json
import math
import random
from pathlib import Path

import pytest

from assay.metrics import codeforces
from assay.metrics.codeforces import Contest, NewAccounts


def contest(points, ratings, penalties=None, **more):
    given = {"id": "1000", "points": tuple(points), "old_ratings": tuple(ratings), **more}
    return Contest(**{"penalties": tuple(penalties or [0] * len(points)), **given})


def slow_update(points, penalties, ratings):
    """The definition, sum by sum, with the whole-number arithmetic of Java."""

    def wins(a, b):
        return 1 / (1 + 10 ** ((b - a) / 400))

    def towards_zero(a, b):
        return int(math.copysign(abs(a) // b, a))

    size = len(points)
    results = list(zip(points, [-penalty for penalty in penalties], strict=True))
    ranks = [sum(other >= own for other in results) for own in results]
    deltas = []
    for i in range(size):
        others = [ratings[j] for j in range(size) if j != i]
        seed = 1 + sum(wins(each, ratings[i]) for each in others)
        middle = math.sqrt(seed * ranks[i])
        left, right = 1, 8000
        while right - left > 1:
            rating = (left + right) // 2
            if 1 + sum(wins(each, rating) for each in others) < middle:
                right = rating
            else:
                left = rating
        deltas.append(towards_zero(left - ratings[i], 2))
    first = towards_zero(-sum(deltas), size) - 1
    deltas = [delta + first for delta in deltas]
    order = sorted(range(size), key=lambda i: (-ratings[i], tuple(-each for each in results[i])))
    strongest = order[: min(size, 4 * round(math.sqrt(size)))]
    second = min(max(towards_zero(-sum(deltas[i] for i in strongest), len(strongest)), -10), 0)
    return [delta + second for delta in deltas]


def test_official_changes_of_real_rounds_are_reproduced(shared_data: Path):
    path = shared_data / "codeforces_rounds_rating.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {shared_data}")
    contests = codeforces.read_contests([path])
    assert contests
    for each in contests:
        update = codeforces.update_ratings(each)
        assert each.deltas is not None
        same = sum(ours == official for ours, official in zip(update.deltas, each.deltas, strict=True))
        assert same >= 0.999 * len(each.deltas), (each.id, update.differing[:5])
        assert update.agreement == pytest.approx(same / len(each.deltas))


def test_performances_that_carrot_computed_for_real_rounds(shared_data: Path):
    """The column `performance` (the Carrot extension's): the rating at which the change would have been 0.

    A rating R of participant i has the change trunc((R_i(sqrt(seed(R) · rank)) - R) / 2) + corrections, which is above
    0 below the performance and below 0 above it; checked by the formula written out.
    """
    path = shared_data / "codeforces_rounds_rating.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {shared_data}")
    import numpy as np

    for line in path.read_text().splitlines():
        table = json.loads(line)
        (each,) = [one for one in codeforces.read_contests([path]) if one.id == str(table["id"])]
        update = codeforces.update_ratings(each)
        ratings = np.array(each.old_ratings)
        for row in range(0, len(ratings), len(ratings) // 12):
            performance = table["participants"][row][table["columns"].index("performance")]
            if not isinstance(performance, int):
                continue
            others = np.delete(ratings, row)

            def change(assumed, others=others, rank=update.ranks[row], corrections=update.corrections):
                seed = codeforces.expected_rank(others, assumed)
                needed = max(1, codeforces.performance_rating(others, math.sqrt(seed * rank)))  # the search starts at 1
                return (needed - assumed) / 2 + sum(corrections)

            assert change(performance - 4) > 0 > change(performance + 5)


@pytest.mark.parametrize("seed", range(25))
def test_against_the_definition(seed):
    chance = random.Random(seed)
    size = chance.choice([1, 2, 3, 5, 17, 60])
    spread = chance.choice([1, 3, 1000])  # many ties, some, hardly any
    points = [chance.randint(-2, spread) for _ in range(size)]
    penalties = [chance.randint(0, chance.choice([0, 2])) for _ in range(size)]
    low, high = chance.choice([(-40, 4000), (1400, 1400), (1200, 1300), (5000, 6000), (-1000, 200)])
    ratings = [chance.randint(low, high) or 1 for _ in range(size)]
    update = codeforces.update_ratings(contest(points, ratings, penalties))
    assert list(update.deltas) == slow_update(points, penalties, ratings)


def test_a_pair_by_hand():
    # Equal ratings: seed 1.5 each. The winner has m = sqrt(1.5), and 1 + P = m where P = 0.2247: 215.2 points above
    # the other, so R = 1715 and (1715 - 1500)/2 = 107. The loser has m = sqrt(3) = 1.732: P = 0.732, 174.7 points
    # below, so R = 1325 (the last with a place of 1.732 or worse) and -87. Sum 20: -20/2 - 1 = -11, giving 96 and -98.
    # Both are among the 4 · round(sqrt 2) highest: their sum, -2, needs no second correction.
    update = codeforces.update_ratings(contest([10, 5], [1500, 1500]))
    assert update.ranks == (1, 2)
    assert update.seeds == pytest.approx((1.5, 1.5))
    assert update.corrections == (-11, 0)
    assert update.deltas == (96, -98)


def test_the_search_reaches_beyond_the_highest_rating():
    points, ratings = [10, 5, 4, 3], [6000] * 4
    update = codeforces.update_ratings(contest(points, ratings))
    assert list(update.deltas) == slow_update(points, [0] * 4, ratings)
    assert update.deltas[0] > 100


def test_the_order_of_the_rows_does_not_matter():
    chance = random.Random(2)
    rows = [(chance.randint(0, 9), chance.randint(0, 3), chance.randint(900, 2400)) for _ in range(200)]
    expected = dict(zip(rows, codeforces.update_ratings(contest(*_columns(rows))).deltas, strict=True))
    chance.shuffle(rows)
    assert dict(zip(rows, codeforces.update_ratings(contest(*_columns(rows))).deltas, strict=True)) == expected


def _columns(rows):
    points, penalties, ratings = zip(*rows, strict=True)
    return points, ratings, penalties


def test_ties_take_the_worst_place():
    update = codeforces.update_ratings(contest([5, 7, 5, 5, 1], [1500, 1501, 1502, 1503, 1504], [3, 0, 3, 2, 0]))
    assert update.ranks == (4, 1, 4, 2, 5)


def test_agreement_is_counted():
    each = contest([10, 5], [1500, 1500], deltas=(96, -97))
    update = codeforces.update_ratings(each)
    assert update.agreement == 0.5
    assert update.differing == (1,)
    assert math.isnan(codeforces.update_ratings(contest([10, 5], [1500, 1500])).agreement)


def test_new_accounts_since_2020_are_computed_with_1400_and_shown_from_0():
    """Six rounds of one account: the shown rating is the computed one less what its additions still lack."""
    others = [1300, 1400, 1500, 1600]
    shown, internal = 0, 1400
    for rounds, addition in enumerate([500, 350, 250, 150, 100, 50, 0]):
        more = {"id": "1400", "rated_contests": (rounds, 50, 50, 50, 50)}
        update = codeforces.update_ratings(contest([3, 5, 4, 2, 1], [shown, *others], **more))
        reference = codeforces.update_ratings(contest([3, 5, 4, 2, 1], [internal, *others]))
        assert update.deltas == (reference.deltas[0] + addition, *reference.deltas[1:])
        shown, internal = shown + update.deltas[0], internal + reference.deltas[0]
    assert shown == internal


@pytest.mark.parametrize(
    ("contest_id", "delta", "rule", "taken_as"),
    [
        ("1400", None, NewAccounts.AUTO, 1400),
        ("1360", 420, NewAccounts.AUTO, 1400),
        ("my round", None, NewAccounts.AUTO, 1400),
        ("1359", 1580, NewAccounts.AUTO, 1500),  # shown 0, then 1580: it started at 1500
        ("1359", 80, NewAccounts.AUTO, 0),  # a rating that really is 0
        ("1359", None, NewAccounts.AUTO, 0),
        ("1359", 80, NewAccounts.START_1400, 1400),
        ("1400", None, NewAccounts.START_1500, 1500),
        ("1400", None, NewAccounts.KEEP, 0),
    ],
)
def test_what_a_rating_of_0_is(contest_id, delta, rule, taken_as):
    deltas = None if delta is None else (delta, 0)
    each = contest([2, 1], [0, 1700], id=contest_id, deltas=deltas)
    internal = codeforces.internal_ratings(each, rule)
    assert internal.ratings.tolist() == [taken_as, 1700]
    assert internal.additions.tolist() == [{0: 0, 1400: 500, 1500: 1500}[taken_as], 0]
    assert codeforces.rate_contest(each, codeforces.ModelScore(points=1.5), new_accounts=rule).field == (taken_as, 1700)


def test_a_whole_round_before_2020_whose_new_accounts_are_shown_with_0():
    chance = random.Random(9)
    points = [chance.randint(0, 3000) for _ in range(300)]
    ratings = [chance.choice([1500, chance.randint(900, 2500)]) for _ in points]
    true = codeforces.update_ratings(contest(points, ratings))
    new = [rating == 1500 for rating in ratings]
    shown = [0 if fresh else rating for fresh, rating in zip(new, ratings, strict=True)]
    official = tuple(delta + 1500 * fresh for delta, fresh in zip(true.deltas, new, strict=True))
    assert codeforces.update_ratings(contest(points, shown, deltas=official)).agreement == 1
