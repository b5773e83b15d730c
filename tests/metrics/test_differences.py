"""Student's t against published tables and scipy, Holm by hand, and the edges of a comparison."""

from __future__ import annotations

import math

import pytest

from assay.metrics import (
    difference,
    holm,
    pair_from_one,
    sampling_share,
    score_interval,
    t_quantile,
    t_two_sided,
    wilson,
)

nan = math.nan


@pytest.mark.parametrize(
    ("level", "df", "expected"),
    [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 29, 2.045), (0.99, 5, 4.032), (0.9, 30, 1.697), (0.999, 120, 3.373)],
)
def test_quantiles_of_printed_tables(level: float, df: int, expected: float) -> None:
    assert t_quantile(level, df) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 29, 30, 499, 5_000, 19_999, 20_000, 10**6])
def test_student_against_scipy(df: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    for level in (0.5, 0.8, 0.95, 0.999):
        assert t_quantile(level, df) == pytest.approx(
            stats.t.ppf((1 + level) / 2, df), rel=2e-4 if df >= 20_000 else 1e-9
        )
    for t in (0.0, 0.3, 1.0, 2.5, 6.0):
        assert t_two_sided(-t, df) == pytest.approx(2 * stats.t.sf(t, df), abs=1e-4 if df >= 20_000 else 1e-12)


def test_student_refuses_what_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        t_quantile(0.95, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(1.0, 5)
    assert t_two_sided(math.inf, 3) == 0.0


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, nan, 0.02]) == pytest.approx([0.04, 0.03, nan, 0.04], nan_ok=True)
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_comparison_by_hand() -> None:
    a = [[1, 1], [1, 0], [0, 0], [1, None], [None, None]]
    b = [[0, 1], [0, 0], [0, 0], [1, 1], [1, 1]]
    found = difference(a, b)
    # Differences 1/2, 1/2, 0, 0 on the four problems graded in both: mean 1/4, variance 1/12.
    assert (found.diff, found.num_problems, found.won, found.lost, found.tied) == (0.25, 4, 2, 0, 2)
    assert found.se == pytest.approx(math.sqrt(1 / 12 / 4))
    assert (found.low, found.high) == pytest.approx((0.25 - 3.182446 * found.se, 0.25 + 3.182446 * found.se))
    assert (found.p, found.p_method) == (0.5, "sign-flip")  # 2 of the 4 ways to sign two halves


def test_too_many_odd_amounts_take_the_t_test() -> None:
    a = [[(q * 7919 % 1009) / 1009] for q in range(60)]
    b = [[(q * 104729 % 997) / 997] for q in range(60)]
    found = difference(a, b)
    assert found.p_method == "t"
    assert found.p == pytest.approx(t_two_sided(found.diff / found.se, 59))


def test_edges() -> None:
    assert math.isnan(difference([], []).p)
    alone = difference([[1, 1]], [[0, 0]])
    assert (alone.diff, alone.p) == (1.0, 1.0)
    assert math.isnan(alone.low)
    same = difference([[1], [0]], [[1], [0]])
    assert (same.diff, same.p, same.won, same.tied) == (0.0, 1.0, 0, 2)
    with pytest.raises(ValueError, match="same problems"):
        difference([[1]], [])


def test_the_interval_of_a_score() -> None:
    assert score_interval(0.0, 0.0, 30) == (wilson(0, 30), "wilson")
    assert score_interval(1.0, 0.0, 30)[0] == wilson(30, 30)
    assert score_interval(0.5, 0.0, 30) == (wilson(15, 30), "clustered"), (
        "no spread between problems claims no certainty"
    )
    assert score_interval(0.5, nan, 1)[1] == ""
    assert score_interval(nan, nan, 0)[1] == ""
    # One sample a problem and Student's quantile at its limit: Wilson's own interval.
    n, share = 10**6, 0.25
    low, high = score_interval(share, math.sqrt(share * (1 - share) / n), n)[0]
    assert (low, high) == pytest.approx(wilson(share * n, n), abs=1e-9)
    (low, high), name = score_interval(0.02, 0.019, 30)
    assert name == "clustered"
    assert 0 < low < 0.02 - 0.015
    assert high > 0.02 + 2 * 0.019, "the longer side is where the truth may be"


def test_the_share_of_sampling() -> None:
    assert sampling_share([[1, 0], [1, 0], [1, 0]]) != sampling_share([[1, 0], [1, 0], [1, 0]])  # nan: nothing varies
    assert sampling_share([[1, 1], [0, 0]]) == 0.0
    # Variances 1/2, 0, 0 within, so 1/6 / 2 from sampling; the means 1/2, 1, 0 vary by 1/4.
    assert sampling_share([[1, 0], [1, 1], [0, 0]]) == pytest.approx((1 / 6 / 2) / (1 / 4))
    assert math.isnan(sampling_share([[1], [0]]))


def test_assumptions_are_checked() -> None:
    with pytest.raises(ValueError, match="correlation"):
        pair_from_one(0.1, 0.1, 1.5)
    with pytest.raises(ValueError, match="at least 0"):
        pair_from_one(nan, 0.1, 0.5)
