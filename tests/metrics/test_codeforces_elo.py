"""Expected places and performance ratings, against numbers worked out by hand and against a sum written out."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics import codeforces

POOL = [2400, 2100, 1900, 1700, 1600, 1500, 1400, 1300, 1200, 1000]


def slow_expected_rank(ratings, rating):
    return 1 + sum(1 / (1 + 10 ** ((rating - other) / 400)) for other in ratings)


def slow_performance(ratings, rank):
    low, high = -20_000.0, 20_000.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if slow_expected_rank(ratings, middle) > rank else (low, middle)
    return low


def test_worked_examples():
    assert codeforces.win_probability(1600, 1600) == 0.5
    assert codeforces.win_probability(2000, 1600) == pytest.approx(10 / 11)
    assert codeforces.expected_rank(POOL, 1600) == pytest.approx(5.80, abs=0.005)
    assert codeforces.expected_rank(POOL, 1700) == pytest.approx(5.06, abs=0.005)
    assert codeforces.expected_rank(POOL, 1500) == pytest.approx(6.577, abs=0.0005)
    assert codeforces.performance_rating(POOL, 5) == pytest.approx(1709.1, abs=0.05)
    assert codeforces.performance_rating(POOL, 5.5) == pytest.approx(1639.7, abs=0.05)


def test_one_opponent_has_a_closed_form():
    # Place 1 + l with l = 1/(1 + 10^((R - r)/400)): R = r + 400 log10(1/l - 1).
    for losses in (Fraction(1, 2), Fraction(1, 11), Fraction(10, 11), Fraction(1, 101)):
        expected = 1500 + 400 * math.log10(1 / losses - 1)
        assert codeforces.performance_rating([1500], 1 + float(losses)) == pytest.approx(expected, abs=1e-6)
    assert codeforces.performance_rating([1500] * 11, 2) == pytest.approx(1900, abs=1e-6)


def test_the_ends_are_infinite():
    assert codeforces.performance_rating(POOL, 1) == math.inf
    assert codeforces.performance_rating(POOL, 11) == -math.inf
    assert codeforces.performance_rating([1500], 1) == math.inf


def test_against_brute_force():
    chance = random.Random(3)
    for _ in range(60):
        field = [chance.randint(-60, 4000) for _ in range(chance.randint(1, 60))]
        rank = chance.choice([1.5, len(field) + 0.5, chance.uniform(1.01, len(field) + 0.99)])
        assert codeforces.performance_rating(field, rank) == pytest.approx(slow_performance(field, rank), abs=1e-4)


@given(st.lists(st.integers(-1000, 6000), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_solving_and_expecting_are_inverse(field, share):
    rank = 1 + share * len(field)
    rating = codeforces.performance_rating(field, rank)
    assert codeforces.expected_rank(field, rating) == pytest.approx(rank, abs=1e-6)
    assert codeforces.expected_rank(field, rating + 1) < codeforces.expected_rank(field, rating - 1)
    mirrored = codeforces.performance_rating([5000 - each for each in field], 2 + len(field) - rank)
    assert mirrored == pytest.approx(5000 - rating, abs=1e-3)


def test_places_a_breath_from_the_ends_do_not_overflow():
    assert 3500 < codeforces.performance_rating([1500] * 10_000, 1 + 1e-9) < 10_000
    assert codeforces.performance_rating([1500], 1 + 1e-300) == math.inf  # the same float as 1
    assert codeforces.win_probability(-1e9, 1e9) == 0.0
    assert codeforces.win_probability(1e9, -1e9) == 1.0


@pytest.mark.parametrize(
    ("field", "rank", "message"),
    [
        ([], 1, "the field is empty"),
        (POOL, math.nan, r"the place must lie in 1\.\.11 in a field of 10, got nan"),
        (POOL, math.inf, "got inf"),
        (POOL, 0, "got 0"),
        (POOL, -3, "got -3"),
        (POOL, 11.5, "got 11.5"),
        (POOL, True, "got True"),
        ([1500, math.nan], 1.5, "rating 2 of the field must be a whole number, got nan"),
        ([math.inf], 1.5, "rating 1 of the field must be a whole number, got inf"),
        ([1500.5], 1.5, "must be a whole number, got 1500.5"),
        (["1500"], 1.5, "must be a whole number, got '1500'"),
        ([None], 1.5, "must be a whole number, got None"),
        ([True], 1.5, "must be a whole number, got True"),
        ([10**9], 1.5, r"is 1000000000, outside -1000\.\.6000"),
        ([-(10**9)], 1.5, "this is no Codeforces rating"),
        ([10**5000], 1.5, "a number of more than 20 digits"),
    ],
)
def test_broken_input_is_named(field, rank, message):
    with pytest.raises(ValueError, match=message):
        codeforces.performance_rating(field, rank)


def test_an_expected_place_of_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        codeforces.expected_rank(POOL, math.nan)
    assert codeforces.expected_rank(POOL, math.inf) == 1
    assert codeforces.expected_rank(POOL, -math.inf) == 11


def test_whole_numbers_of_numpy_are_ratings():
    import numpy as np

    assert codeforces.performance_rating(np.array(POOL), 5.5) == codeforces.performance_rating(POOL, 5.5)


def test_names_are_sorted_and_there():
    assert codeforces.__all__ == sorted(codeforces.__all__) == dir(codeforces)
    for name in codeforces.__all__:
        assert getattr(codeforces, name).__module__.startswith("assay.metrics.codeforces.")
