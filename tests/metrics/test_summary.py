import json
import math
import random

import pytest

from assay.errors import DataError, UsageError
from assay.metrics import SampleRow, check_metrics, cons_at_k_expected, pass_at_k, se_clustered, summarise, wilson
from assay.types import Outcome


def row(problem, index, score=None, vote=None, *, outcome=None, tokens=10, truncated=False, repetitive=False):
    outcome = outcome or Outcome.GRADED
    return SampleRow(
        problem_id=problem,
        sample_index=index,
        outcome=outcome,
        score=score,
        answer_class=vote,
        num_tokens=tokens,
        truncated=truncated,
        repetitive=repetitive,
    )


def graded(problem, scores, votes=None):
    votes = votes or [int(score == 1) for score in scores]
    return [row(problem, i, score, vote) for i, (score, vote) in enumerate(zip(scores, votes, strict=True))]


HAND_WORKED = [
    # p1: right, right, wrong, and one that we failed to check.
    *graded("p1", [1.0, 1.0, 0.0], [0, 0, 1]),
    row("p1", 3, outcome=Outcome.VERIFIER_TIMEOUT, tokens=999),
    # p2: right and wrong tie; one without an answer, one cut off.
    *graded("p2", [1.0, 0.0], [0, 1]),
    row("p2", 2, outcome=Outcome.NO_ANSWER, tokens=None),
    row("p2", 3, outcome=Outcome.TRUNCATED, truncated=True, repetitive=True, tokens=50),
]


def test_a_run_worked_by_hand():
    summary = summarise(HAND_WORKED, ["pass@1", "pass@2", "pass@4", "cons@n", "cons@2"], samples=4)
    metrics = summary["metrics"]
    # pass@1: 2/3 and 1/4. pass@2: 1 - 0 and 1 - C(3,2)/C(4,2). cons@n: 1 and a half.
    assert metrics["pass@1"]["value"] == pytest.approx((2 / 3 + 1 / 4) / 2)
    assert metrics["pass@1"]["se"] == pytest.approx(abs(2 / 3 - 1 / 4) / 2)
    assert metrics["pass@2"]["value"] == pytest.approx((1 + 0.5) / 2)
    assert metrics["cons@n"]["value"] == pytest.approx(0.75)
    # cons@2: p1's pairs are RR, RW, RW: 1, 1/2, 1/2. p2's: RW 1/2, R- 1, R- 1, W- 0, W- 0, -- 0.
    assert metrics["cons@2"]["value"] == pytest.approx((2 / 3 + 2.5 / 6) / 2)
    # p1 has three checked samples and no pass@4; it is neither padded nor guessed.
    assert metrics["pass@4"] == {
        "value": 1.0, "se": None, "low": wilson(1, 1).low, "high": 1.0, "interval": "wilson",
        "num_problems": 1, "num_left_out": 1,
    }  # fmt: skip
    assert summary["outcomes"] == {
        "graded": 5,
        "no_answer": 1,
        "truncated": 1,
        "refused": 0,
        "verifier_timeout": 1,
        "error": 0,
    }
    assert (summary["num_problems"], summary["num_samples"], summary["num_checked"]) == (2, 8, 7)
    assert (summary["num_errors"], summary["num_problems_short"]) == (1, 1)
    assert summary["rates"] == {
        "no_answer": 1 / 7, "truncated": 1 / 7, "refused": 0.0, "repetitive": 1 / 7, "mean_tokens": 100 / 6,
        "mean_chars": None,
    }  # fmt: skip
    assert summary["votes"] == {"tie_rate": 0.5, "undecided_rate": 0.5, "no_vote_rate": 0.0, "abstain_rate": 2 / 7}


def test_refused_answers_are_worth_nothing_and_do_not_vote():
    """Like an absent answer in every score; in a count and a rate of their own."""
    silent = [*graded("a", [1.0, 0.0]), row("a", 5, outcome=Outcome.NO_ANSWER), *graded("b", [1.0])]
    refused = [*graded("a", [1.0, 0.0]), row("a", 5, outcome=Outcome.REFUSED, vote=0), *graded("b", [1.0])]
    names = ["pass@1", "pass@2", "pass@3", "cons@n", "cons@2"]
    before, after = summarise(silent, names, samples=3), summarise(refused, names, samples=3)
    assert after["metrics"] == before["metrics"]
    assert after["metrics"]["pass@1"]["value"] == pytest.approx((1 / 3 + 1) / 2)
    assert after["votes"] == before["votes"]
    assert (after["num_checked"], after["num_errors"]) == (4, 0)
    assert (after["outcomes"]["refused"], after["outcomes"]["no_answer"]) == (1, 0)
    assert (after["rates"]["refused"], after["rates"]["no_answer"]) == (1 / 4, 0.0)


def test_our_errors_change_no_score():
    clean = [*graded("a", [1.0, 0.0]), *graded("b", [0.0, 0.0])]
    errors = [row(p, i, outcome=o) for p in "abc" for i, o in ((7, Outcome.ERROR), (8, Outcome.VERIFIER_TIMEOUT))]
    names = ["pass@1", "pass@2", "cons@2"]
    before, after = summarise(clean, names)["metrics"], summarise(clean + errors, names)["metrics"]
    for name in names:
        assert {**after[name], "num_left_out": 0} == {**before[name], "num_left_out": 0}
        assert after[name]["num_left_out"] == 1  # problem c: nothing could be checked


def test_n_below_k_is_none_everywhere():
    metrics = summarise(graded("a", [1.0] * 4), ["pass@8", "cons@64"])["metrics"]
    for metric in metrics.values():
        assert [metric[key] for key in ("value", "se", "low", "high", "interval")] == [None] * 5
        assert metric["num_left_out"] == 1


def test_nothing_at_all_is_none_and_not_zero():
    summary = summarise([], ["pass@1", "cons@n"])
    assert summary["metrics"]["pass@1"]["value"] is None
    assert summary["rates"]["truncated"] is None
    assert summary["votes"]["tie_rate"] is None
    assert (summary["num_problems"], summary["min_samples_per_problem"]) == (0, 0)


def test_a_random_run_agrees_with_the_single_functions():
    rng = random.Random(5)
    scores = [[float(rng.random() < p) for _ in range(16)] for p in (0.1, 0.4, 0.6, 0.9, 0.0, 1.0)]
    votes = [[0 if s else rng.randrange(1, 5) for s in problem] for problem in scores]
    rows = [r for q, (s, v) in enumerate(zip(scores, votes, strict=True)) for r in graded(f"q{q}", s, v)]
    rng.shuffle(rows)
    metrics = summarise(rows, ["pass@1", "pass@4", "cons@4"])["metrics"]
    mean = sum(map(sum, scores)) / 96
    assert metrics["pass@1"]["value"] == pytest.approx(mean)
    assert metrics["pass@1"]["se"] == pytest.approx(se_clustered(scores))
    trials = mean * (1 - mean) / se_clustered(scores) ** 2
    for end in (metrics["pass@1"]["low"], metrics["pass@1"]["high"]):
        # Both ends lie as many of their own standard errors away as Student's quantile for 5 degrees of freedom says.
        assert abs(mean - end) == pytest.approx(2.5705818 * (end * (1 - end) / trials) ** 0.5, rel=1e-6)
    assert metrics["pass@4"]["value"] == pytest.approx(sum(pass_at_k(16, int(sum(s)), 4) for s in scores) / 6)
    expected = [cons_at_k_expected(v, s, 4) for s, v in zip(scores, votes, strict=True)]
    assert metrics["cons@4"]["value"] == pytest.approx(sum(expected) / 6)


def test_partial_credit_counts_for_pass_at_1_only():
    metrics = summarise(graded("a", [0.5, 0.5]), ["pass@1", "pass@2", "cons@n"])["metrics"]
    assert [metrics[name]["value"] for name in ("pass@1", "pass@2", "cons@n")] == [0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("score", "low", "high"), [(0.0, 0.0, 0.11351339317396873), (1.0, 1 - 0.11351339317396873, 1.0)]
)
def test_all_wrong_or_all_right_is_no_certainty(score, low, high):
    rows = [r for q in range(30) for r in graded(f"q{q}", [score] * 2)]
    metric = summarise(rows, ["pass@1"])["metrics"]["pass@1"]
    assert (metric["interval"], metric["se"]) == ("wilson", 0.0)
    assert (metric["low"], metric["high"]) == (pytest.approx(low), pytest.approx(high))


def test_a_summary_is_strict_json():
    for rows in ([], HAND_WORKED, graded("a", [1.0])):
        text = json.dumps(summarise(rows, ["pass@1", "pass@100", "cons@2"]), allow_nan=False)
        assert not any(isinstance(v, float) and math.isnan(v) for v in json.loads(text).values())


@pytest.mark.parametrize(
    "name", ["pass@0", "pass@", "maj@4", "pass@1.5", "cons@N", "PASS@1", "pass@-1", "pass@٣", "", 3]
)
def test_unknown_metrics_are_refused_by_name(name):
    with pytest.raises(UsageError, match="unknown metric") as caught:
        summarise([], ["pass@1", name])
    assert repr(name) in str(caught.value)


def test_a_metric_asked_for_twice_is_computed_once():
    assert check_metrics(["pass@1", "cons@n", "pass@1"]) == ["pass@1", "cons@n"]


def test_a_sample_that_occurs_twice_is_an_error():
    with pytest.raises(DataError, match=r"sample 1 of problem 'a' occurs twice"):
        summarise([*graded("a", [1.0, 0.0]), row("a", 1, 1.0)], ["pass@1"])


@pytest.mark.parametrize("score", [None, math.nan, 1.5, -0.1])
def test_a_graded_sample_without_a_proper_score_is_an_error(score):
    with pytest.raises(DataError, match=r"sample 0 of problem 'a' is graded but has score"):
        summarise([row("a", 0, score)], ["pass@1"])
