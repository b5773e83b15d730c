"""From attempts to points to a place, to the rating of one contest, and CodeElo's rule beside it."""

import math

import pytest

from assay.metrics import codeforces
from assay.metrics.codeforces import Bound, Contest, ContestProblem, ContestStyle, TieRule
from tests.metrics.test_codeforces_elo import POOL

POINTS = (5000, 3000, 2950, 1500, 1450, 1400, 500, 450, 400, 0)
PROBLEMS = tuple(
    ContestProblem(index=index, points=points) for index, points in zip("ABC", (500, 1000, 4500), strict=True)
)


def contest(**changes):
    given = {"id": "9", "points": POINTS, "penalties": (0,) * 10, "old_ratings": tuple(POOL), "problems": PROBLEMS}
    return Contest(**{**given, **changes})


def solved_contest(**changes):
    return contest(
        points=(3, 3, 2, 2, 2, 1, 1, 0, 0, 0),
        penalties=(40, 60, 10, 20, 30, 5, 90, 0, 0, 0),
        problems=tuple(ContestProblem(index=index) for index in "ABC"),
        style=ContestStyle.SOLVED,
        **changes,
    )


def test_the_worked_example():
    score = codeforces.score_attempts(contest(), {"A": [False, True], "B": [True]})
    assert (score.points, score.solved, score.wrong_tries, score.missing) == (1450, ("A", "B"), 1, ("C",))
    rated = codeforces.rate_contest(contest(), score)
    assert (rated.place.better, rated.place.tied, rated.place.rank) == (4, 1, 5.5)
    assert rated.rating == pytest.approx(1639.7, abs=0.05)
    assert rated.bound is Bound.EXACT
    strict = codeforces.rate_contest(contest(), score, ties=TieRule.STRICT)
    assert strict.place.rank == 5
    assert strict.rating == pytest.approx(1709.1, abs=0.05)
    assert codeforces.codeelo_rating(POOL, rated.place) == codeforces.CodeEloRating(rank=5, rating=1709)


@pytest.mark.parametrize(
    ("attempts", "options", "points"),
    [
        ([True], {}, 500),
        ([False, False, True, False], {}, 400),
        ([False, False, False], {}, 0),
        ([], {}, 0),
        ([None, None], {}, 0),
        ([None, False, None, True], {}, 450),  # what we failed to judge is no try
        ([False] * 10 + [True], {}, 0),
        ([False] * 11 + [True], {}, 0),
        ([False] * 11 + [True], {"floor": 0.3}, 150),
        ([False] * 7 + [True], {"floor": 0.3}, 150),
        ([False] * 6 + [True], {"floor": 0.3}, 200),
        ([False] * 3 + [True], {"limit": 3}, 0),
        ([None] + [False] * 2 + [True], {"limit": 3}, 400),
        ([False, True], {"wrong_points": 0}, 500),
        ([False, True], {"wrong_points": 20}, 480),
    ],
)
def test_points_of_a_problem(attempts, options, points):
    assert codeforces.score_attempts(contest(), {"A": attempts}, **options).points == points


def test_points_at_the_floor_tie_with_a_person_who_has_just_that():
    problem = ContestProblem(index="A", points=350)
    score = codeforces.score_attempts(contest(problems=(problem,)), {"A": [False] * 20 + [True]}, floor=0.7)
    assert 0.7 * 350 != 245
    assert score.points == 245


def test_solved_problems_count_before_the_penalty():
    two = codeforces.score_attempts(solved_contest(), {"A": [False, False, True], "B": [True], "C": [False] * 9})
    assert (two.points, two.penalty, two.wrong_tries) == (2, 20, 2)
    place = codeforces.place_among(solved_contest(), two)
    assert (place.better, place.tied, place.rank) == (3, 1, 4.5)
    icpc = codeforces.score_attempts(solved_contest(), {"A": [False, False, True], "B": [True]}, wrong_penalty=20)
    assert codeforces.place_among(solved_contest(), icpc).rank == 6
    nothing = codeforces.score_attempts(solved_contest(), {})
    assert codeforces.place_among(solved_contest(), nothing).rank == 1 + 7 + 1.5
    assert codeforces.place_among(solved_contest(), nothing, TieRule.STRICT).rank == 8
    assert nothing.missing == ("A", "B", "C")


def test_a_saturated_field_gives_a_bound():
    best = codeforces.score_attempts(contest(), {index: [True] for index in "ABC"})
    rated = codeforces.rate_contest(contest(), best)
    assert (rated.place.rank, rated.exact) == (1, math.inf)
    assert (rated.rating, rated.bound, rated.cap) == (2500, Bound.AT_LEAST, 2500)
    assert codeforces.codeelo_rating(POOL, rated.place).rating == 2499
    # Better than all others, and a place that no 2500 is expected to miss by much: the field says no more.
    weak = contest(points=(9000, *[0] * 999), penalties=(0,) * 1000, old_ratings=(1000,) * 1000)
    second = codeforces.rate_contest(weak, best)
    assert second.place.rank == 2
    assert second.exact == pytest.approx(1000 + 400 * math.log10(999), abs=1e-3)
    assert (second.rating, second.bound) == (1100, Bound.AT_LEAST)
    worst = codeforces.rate_contest(contest(points=(5, *POINTS[1:])), codeforces.ModelScore(points=-1))
    assert (worst.place.rank, worst.exact) == (11, -math.inf)
    assert (worst.rating, worst.bound) == (900, Bound.AT_MOST)


def test_codeelo_is_reproduced_with_its_faults():
    """Its own loop, written out: index from 0 of the first strictly worse row, whole-number bisection."""

    def original(rows, ratings, own):
        rank = next((number for number, row in enumerate(rows) if (row[0], -row[1]) < own), len(rows))
        low, high = 0, max(ratings) + 100
        while high - low > 1:
            middle = (low + high) // 2
            if 1 + sum(1 / (1 + 10 ** ((middle - each) / 400)) for each in ratings) < rank:
                high = middle
            else:
                low = middle
        return rank, low

    each = solved_contest(old_ratings=(1900, 1700, 0, 1500, 1450, 1200, 1100, 0, 800, 700))
    rows = list(zip(each.points, each.penalties, strict=True))
    for points in range(4):
        for penalty in (0, 10, 20, 45, 200):
            score = codeforces.ModelScore(points=points, penalty=penalty)
            ours = codeforces.codeelo_rating(each.old_ratings, codeforces.place_among(each, score))
            assert (ours.rank, ours.rating) == original(rows, each.old_ratings, (points, -penalty))


@pytest.mark.parametrize(
    ("attempts", "options", "message"),
    [
        ({"Z": [True]}, {}, "contest 9 has no problem 'Z'; it has A, B, C"),
        ({"A": [True]}, {"limit": 0}, "at least one attempt"),
        ({"A": [True]}, {"floor": math.nan}, "the floor must lie in 0..1"),
        ({"A": [True]}, {"wrong_points": -50}, "must not be negative"),
        ({"A": [True]}, {"wrong_penalty": math.nan}, "must not be negative"),
    ],
)
def test_attempts_that_make_no_sense(attempts, options, message):
    with pytest.raises(ValueError, match=message):
        codeforces.score_attempts(contest(), attempts, **options)


def test_standings_without_problems_score_no_attempts():
    with pytest.raises(ValueError, match="contest 9 was read without its problems"):
        codeforces.score_attempts(contest(problems=()), {"A": [True]})


@pytest.mark.parametrize("points", [math.nan, math.inf, -math.inf, 1e300, "5"])
def test_a_score_that_is_no_number(points):
    with pytest.raises(ValueError, match="the model's points must be"):
        codeforces.rate_contest(contest(), codeforces.ModelScore(points=points))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": (), "penalties": (), "old_ratings": ()}, "contest 9 has no rated participant"),
        ({"penalties": (0,) * 9}, "10 rows of points but 9 of penalties"),
        ({"points": (math.nan, *POINTS[1:])}, "contest 9, row 1: the points must be finite"),
        ({"points": (*POINTS[:9], math.inf)}, "contest 9, row 10: the points must be finite"),
        ({"points": (10**30, *POINTS[1:])}, "row 1: the points must be finite and below"),
        ({"points": (None, *POINTS[1:])}, "row 1: the points must be a number, got None"),
        ({"points": (True, *POINTS[1:])}, "row 1: the points must be a number, got True"),
        ({"penalties": (0, -5, *[0] * 8)}, "row 2: the penalty must not be negative"),
        ({"old_ratings": (10**7, *POOL[1:])}, "row 1: the old rating is 10000000, outside"),
        ({"old_ratings": (1500.0, *POOL[1:])}, "row 1: the old rating must be a whole number"),
        ({"deltas": (10**6,) + (0,) * 9}, "row 1: the rating change must be a whole number in"),
        ({"deltas": (0.5,) + (0,) * 9}, "row 1: the rating change"),
        ({"handles": ("a", "a", *"bcdefghi")}, "contest 9: the handle 'a' occurs twice"),
        ({"rated_contests": (-1,) + (9,) * 9}, "row 1: the number of rated contests"),
        ({"problems": (*PROBLEMS, PROBLEMS[0])}, "contest 9: the problem 'A' occurs twice"),
        ({"problems": (ContestProblem(index="A"),)}, "contest 9 counts points, but problems A have none"),
        ({"problems": PROBLEMS, "style": ContestStyle.SOLVED}, "somebody has 5000 with 3 problems"),
    ],
)
def test_what_cannot_be_a_contest(changes, message):
    with pytest.raises(ValueError, match=message):
        contest(**changes)


@pytest.mark.parametrize(
    ("index", "points"), [("", 5), ("a b", 5), ("A" * 99, 5), ("A", 0), ("A", -5), ("A", math.nan)]
)
def test_what_cannot_be_a_problem(index, points):
    with pytest.raises(ValueError, match=r"a problem's index|the points of problem A must be"):
        ContestProblem(index=index, points=points)


@pytest.mark.parametrize(
    ("name", "division"),
    [
        ("Codeforces Round 934 (Div. 2)", "Div. 2"),
        ("CodeTON Round 8 (Div. 1 + Div. 2, Rated, Prizes!)", "Div. 1 + Div. 2"),
        ("ozon-2020-div1+2", "Div. 1 + Div. 2"),
        ("Educational Codeforces Round 162 [Rated for Div. 2]", "Educational"),
        ("Codeforces Global Round 25", "Global"),
        ("641-div1", "Div. 1"),
        ("Codeforces Round (Division 3)", "Div. 3"),
        ("April Fools Day Contest", ""),
        ("individual 4", ""),
    ],
)
def test_divisions_are_read_off_names(name, division):
    from assay.metrics.codeforces.contest import division_of

    assert division_of(name) == division
