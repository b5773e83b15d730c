import math
import random

import pytest

from assay.metrics import length_controlled_win_rate


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def drawn(theta, phi, n=400, seed=0, shift=0):
    """Preferences from the model itself, with lengths that differ by about `shift` on average."""
    rng = random.Random(seed)
    lengths = [rng.randint(100, 3000) + shift for _ in range(n)]
    baseline = [rng.randint(100, 3000) for _ in range(n)]
    gaps = [a - b for a, b in zip(lengths, baseline, strict=True)]
    mean = sum(gaps) / n
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / (n - 1))
    wins = [float(rng.random() < sigmoid(theta + phi * math.tanh(gap / deviation))) for gap in gaps]
    return wins, lengths, baseline


def test_without_a_length_effect_it_is_the_plain_win_rate():
    result = length_controlled_win_rate([1, 1, 0.5, 0], [10, 30, 10, 30], [20, 20, 20, 20])
    assert result["win_rate"] == 0.625
    assert result["problems"] == 4
    level = length_controlled_win_rate([1, 0, 1, 0, 1, 1], [10, 10, 30, 30, 30, 10], [20] * 6)
    assert level["length_effect"] == pytest.approx(0, abs=1e-9)
    assert level["length_controlled"] == pytest.approx(4 / 6)


def test_a_model_that_wins_by_length_alone_is_brought_down():
    wins, lengths, baseline = drawn(theta=0.0, phi=2.0, n=4000, shift=1500)
    result = length_controlled_win_rate(wins, lengths, baseline)
    assert result["win_rate"] > 0.7
    assert result["length_controlled"] == pytest.approx(0.5, abs=0.05)
    assert result["length_effect"] == pytest.approx(2.0, abs=0.3)


def test_what_was_put_in_comes_out():
    wins, lengths, baseline = drawn(theta=-0.8, phi=-1.2, n=6000, seed=3)
    result = length_controlled_win_rate(wins, lengths, baseline)
    assert result["length_controlled"] == pytest.approx(sigmoid(-0.8), abs=0.03)
    assert result["length_effect"] == pytest.approx(-1.2, abs=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_swapping_the_two_turns_the_rate_round(seed):
    wins, lengths, baseline = drawn(theta=0.4, phi=1.0, n=60, seed=seed)
    wins[3] = 0.5
    one = length_controlled_win_rate(wins, lengths, baseline)
    other = length_controlled_win_rate([1 - win for win in wins], baseline, lengths)
    assert one["length_controlled"] == pytest.approx(1 - other["length_controlled"], abs=1e-9)
    assert one["length_effect"] == pytest.approx(other["length_effect"], abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_against_another_implementation(seed):
    """scikit-learn minimises the same loss: C = 1 is a penalty of strength 1, and the intercept has none."""
    linear = pytest.importorskip("sklearn.linear_model")
    rng = random.Random(seed)
    wins, lengths, baseline = drawn(theta=rng.uniform(-2, 2), phi=rng.uniform(-3, 3), n=80, seed=seed)
    wins[0], wins[1] = 0.25, 0.5
    hard = [rng.gauss(0, 1) for _ in wins]
    gaps = [a - b for a, b in zip(lengths, baseline, strict=True)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1))
    rows = [[math.tanh(gap / deviation), gamma] for gap, gamma in zip(gaps, hard, strict=True)]
    # A preference between 0 and 1 is both labels, each with its weight.
    model = linear.LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(
        rows + rows, [1] * len(rows) + [0] * len(rows), sample_weight=wins + [1 - win for win in wins]
    )
    theta, (phi, psi) = model.intercept_[0], model.coef_[0]
    expected = sum(sigmoid(theta + psi * gamma) for gamma in hard) / len(hard)
    result = length_controlled_win_rate(wins, lengths, baseline, hard)
    assert result["length_effect"] == pytest.approx(phi, abs=1e-4)
    assert result["length_controlled"] == pytest.approx(expected, abs=1e-5)


def test_perfect_separation_by_length_stays_finite():
    result = length_controlled_win_rate([1] * 50 + [0] * 50, [2000] * 50 + [10] * 50, [500] * 100)
    assert math.isfinite(result["length_effect"])
    assert result["length_effect"] > 1
    assert 0 < result["length_controlled"] < 1


def test_extremes():
    assert length_controlled_win_rate([1, 1, None], [9, 1, 5], [1, 9, 5])["length_controlled"] == 1.0
    assert length_controlled_win_rate([0.0], [9], [1]) == {
        "win_rate": 0.0, "length_controlled": 0.0, "length_effect": 0.0, "problems": 1,
    }  # fmt: skip
    same = length_controlled_win_rate([1, 0, 1], [30, 40, 50], [10, 20, 30])
    assert same["length_effect"] == 0.0
    assert same["length_controlled"] == pytest.approx(2 / 3)
    nothing = length_controlled_win_rate([None], [1], [2])
    assert math.isnan(nothing["win_rate"])
    assert math.isnan(nothing["length_controlled"])
    assert nothing["problems"] == 0
    # Enormous gaps and one outlier: no overflow.
    huge = length_controlled_win_rate([1, 0, 0.5, 1], [1e9, 1, 2, 3], [1, 1e9, 2, 3])
    assert 0 < huge["length_controlled"] < 1


@pytest.mark.parametrize(
    ("wins", "lengths", "baseline"),
    [
        ([1], [1, 2], [1]),
        ([1.5], [1], [1]),
        ([math.nan], [1], [1]),
        ([1], [math.inf], [1]),
        ([-0.1, 1], [1, 2], [1, 2]),
    ],
)
def test_what_is_no_preference_is_refused(wins, lengths, baseline):
    with pytest.raises(ValueError, match=r"needed of each kind|must lie in"):
        length_controlled_win_rate(wins, lengths, baseline)
