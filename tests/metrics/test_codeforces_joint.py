"""Several contests: the maximum of the likelihood found by search, censoring, the bootstrap worked out by hand."""

import math
import random

import pytest

from assay.metrics import codeforces
from assay.metrics.codeforces import Bound, JointRating, Placement, Weighting, joint_rating
from tests.metrics.test_codeforces_elo import POOL, slow_expected_rank


def place(ratings, rank):
    return Placement(ratings=ratings, rank=rank)


def random_contests(seed, count):
    chance = random.Random(seed)
    placements = []
    for _ in range(count):
        field = [chance.randint(800, 3500) for _ in range(chance.randint(20, 60))]
        placements.append(place(field, chance.randint(8, 16) + chance.choice([0, 0.5])))
    return placements


def log_likelihood(placements, rating, weights):
    """Of the comparisons won and lost, up to what does not depend on the rating."""
    unit = math.log(10) / 400
    total = 0.0
    for placement, weight in zip(placements, weights, strict=True):
        wins = len(placement.ratings) - (placement.rank - 1)
        total += weight * wins * unit * rating
        total -= weight * sum(math.log1p(math.exp((rating - each) * unit)) for each in placement.ratings)
    return total


@pytest.mark.parametrize("weighting", list(Weighting))
def test_it_is_the_maximum_of_the_likelihood(weighting):
    for seed in range(5):
        placements = random_contests(seed, 4)
        weights = [1 if weighting is Weighting.PAIRS else 1 / len(each.ratings) for each in placements]
        found = joint_rating(placements, weighting=weighting, resamples=10)
        assert found.bound is Bound.EXACT
        best = log_likelihood(placements, found.rating, weights)
        for step in (0.05, 1, 30, 400):
            assert log_likelihood(placements, found.rating + step, weights) < best
            assert log_likelihood(placements, found.rating - step, weights) < best


def test_expected_places_add_up_to_the_places_taken():
    placements = random_contests(11, 6)
    rating = joint_rating(placements, resamples=10).rating
    expected = sum(slow_expected_rank(each.ratings, rating) for each in placements)
    assert expected == pytest.approx(sum(each.rank for each in placements), abs=1e-5)


def test_one_contest_or_the_same_thrice_is_its_performance():
    performance = codeforces.performance_rating(POOL, 5.5)
    once = joint_rating([place(POOL, 5.5)])
    assert once.rating == pytest.approx(performance, abs=1e-5)
    assert math.isnan(once.low)
    assert math.isnan(once.high)
    thrice = joint_rating([place(POOL, 5.5)] * 3)
    assert (thrice.rating, thrice.low, thrice.high) == pytest.approx((performance,) * 3, abs=1e-3)


def test_winning_everything_is_a_bound_and_not_a_number():
    won = joint_rating([place(POOL, 1), place([1200] * 30, 1)])
    assert (won.rating, won.bound, won.num_at_least) == (2500, Bound.AT_LEAST, 2)
    assert (won.low, won.high) == (1300, math.inf)  # a resample may hold the weak contest alone
    lost = joint_rating([place(POOL, 11), place([1200] * 30, 31)])
    assert (lost.rating, lost.bound, lost.num_at_most) == (900, Bound.AT_MOST, 2)
    assert (lost.low, lost.high) == (-math.inf, 1100)


def test_a_weak_field_says_nothing_above_its_cap():
    strong = place([*range(1500, 3500, 25)], 30)
    alone = joint_rating([strong]).rating
    weak = place([800] * 500, 1)
    assert joint_rating([strong, weak], resamples=10).rating == pytest.approx(alone, abs=1e-5)
    # But it does below: it pulls a rating up to its cap and no further.
    low = place([*range(400, 2400, 25)], 70)
    assert joint_rating([low]).rating < 900
    both = joint_rating([low, weak], resamples=10)
    assert both.rating == pytest.approx(900, abs=1e-4)
    assert (both.bound, both.num_at_least) == (Bound.EXACT, 1)


def test_the_mean_of_ratings_would_be_infinite_where_the_joint_rating_is_not():
    placements = [place(POOL, rank) for rank in (1, 4, 6)]
    assert math.isinf(codeforces.performance_rating(POOL, 1))
    # Below its cap the won contest counts in full.
    rating = joint_rating(placements, resamples=10).rating
    assert 3 * slow_expected_rank(POOL, rating) == pytest.approx(1 + 4 + 6, abs=1e-6)


def test_better_places_give_better_ratings():
    ratings = [joint_rating([place(POOL, rank), place(POOL, 5)], resamples=1).rating for rank in range(1, 12)]
    assert ratings == sorted(ratings, reverse=True)
    assert len(set(ratings)) == len(ratings)


def test_the_interval_of_two_contests_by_hand():
    # Resamples are (a, a), (a, b), (b, b) with chances 1/4, 1/2, 1/4: a 95% interval spans a to b, and a 40% one is
    # the joint rating alone.
    a, b = codeforces.performance_rating(POOL, 7), codeforces.performance_rating(POOL, 3)
    placements = [place(POOL, 7), place(POOL, 3)]
    wide = joint_rating(placements)
    assert (wide.low, wide.high) == pytest.approx((a, b), abs=2e-3)
    # Each outer quarter just within the ends of the interval: 0.225 < 0.25 and 0.775 > 0.75.
    quarters = joint_rating(placements, level=0.55)
    assert (quarters.low, quarters.high) == (wide.low, wide.high)
    narrow = joint_rating(placements, level=0.4)
    assert (narrow.low, narrow.high) == pytest.approx((wide.rating, wide.rating), abs=2e-3)


def test_the_interval_is_the_one_of_the_seed():
    placements = random_contests(5, 7)
    first = joint_rating(placements, seed=3)
    assert first == joint_rating(placements, seed=3)
    assert first.low < first.rating < first.high
    assert (first.low, first.high) != (joint_rating(placements, seed=4).low, joint_rating(placements, seed=4).high)
    assert joint_rating(placements, level=0.5).high < first.high
    assert isinstance(first, JointRating)


def test_a_known_rating_is_recovered():
    """Contests of a player whose results follow the model: the estimate is near, and the interval holds the truth."""
    truth, covered = 1850, 0
    for seed in range(12):
        chance = random.Random(seed)
        placements = []
        for _ in range(10):
            field = [int(chance.gauss(1500, 350)) for _ in range(300)]
            lost = sum(chance.random() < codeforces.win_probability(each, truth) for each in field)
            placements.append(place(field, 1 + lost))
        found = joint_rating(placements, resamples=400)
        assert abs(found.rating - truth) < 40
        covered += found.low <= truth <= found.high
    assert covered >= 9


@pytest.mark.parametrize(
    ("placements", "options", "message"),
    [
        ([], {}, "at least one contest"),
        ([place([], 1)], {}, "the field is empty"),
        ([place(POOL, 0)], {}, "the place must lie in 1..11"),
        ([place(POOL, math.nan)], {}, "got nan"),
        ([place([math.nan], 1)], {}, "must be a whole number"),
        ([place(POOL, 3)], {"resamples": 0}, "the number of resamples must lie in"),
        ([place(POOL, 3)], {"resamples": 10**9}, "the number of resamples must lie in"),
        ([place(POOL, 3)], {"level": 1}, "level must lie strictly between 0 and 1"),
        ([place(POOL, 3)], {"level": math.nan}, "level must lie strictly between 0 and 1"),
        ([place(POOL, 3)], {"margin": -1}, "the margin must lie in"),
    ],
)
def test_broken_input_is_named(placements, options, message):
    with pytest.raises(ValueError, match=message):
        joint_rating(placements, **options)
