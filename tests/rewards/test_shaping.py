"""Length and repetition shaping against values worked out by hand from the papers' formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assay import Completion, UsageError
from assay.rewards.shaping import Cosine, Overlong, Repetition, make_shaping


def of_length(tokens: int) -> Completion:
    return Completion(text="", num_tokens=tokens)


@pytest.mark.parametrize(
    ("tokens", "value"), [(1, 0), (12288, 0), (12289, -1 / 4096), (14336, -0.5), (16384, -1), (99999, -1)]
)
def test_overlong_is_dapos_soft_punishment(tokens: int, value: float) -> None:
    assert Overlong(max_tokens=16384, buffer=4096).value(of_length(tokens), None) == value


def test_overlong_without_buffer_is_a_step() -> None:
    step = Overlong(max_tokens=10, buffer=0)
    assert [step.value(of_length(tokens), True) for tokens in (10, 11)] == [0, -1]


def test_cosine_runs_from_short_to_long() -> None:
    shape = Cosine(
        max_tokens=1000, correct_short=2.0, correct_long=1.0, wrong_short=-10.0, wrong_long=0.0, exceeded=-7.0
    )
    assert shape.value(of_length(0), True) == 2.0
    assert shape.value(of_length(500), True) == pytest.approx(1.5)
    assert shape.value(of_length(250), True) == pytest.approx(1.0 + 0.5 * (1 + math.sqrt(0.5)))
    assert shape.value(of_length(500), False) == pytest.approx(-5.0)
    assert shape.value(of_length(0), None) == -10.0
    assert [shape.value(of_length(1000), correct) for correct in (True, False)] == [-7.0, -7.0]


def test_repetition_counts_repeated_ngrams() -> None:
    shape = Repetition(ngram=2, penalty=2.0)
    assert shape.value(Completion(text="a b c d"), True) == 0.0
    # The 2-grams of "a b a b a" are ab, ba, ab, ba: two of four repeat.
    assert shape.value(Completion(text="a b a b a"), True) == -1.0
    assert shape.value(Completion(text="a"), True) == 0.0
    assert shape.value(Completion(text=""), True) == 0.0
    # The same without spaces between words: 我们, 们我, 我们, 们我.
    assert shape.value(Completion(text="我们我们我"), True) == -1.0


@pytest.mark.parametrize(
    "make", [lambda: Overlong(max_tokens=10, buffer=11), lambda: Cosine(max_tokens=0), lambda: Repetition(ngram=0)]
)
def test_impossible_settings_are_refused(make: object) -> None:
    with pytest.raises(UsageError, match="needs"):
        make()  # type: ignore[operator]


def test_token_ids_stand_in_for_a_missing_count() -> None:
    completion = Completion(text="", token_ids=tuple(range(11)))
    assert Overlong(max_tokens=10, buffer=0).value(completion, None) == -1


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("overlong", {"max_tokens": "10", "buffer": 2}),
        ("overlong", {"max_tokens": 10, "buffer": True}),
        ("cosine", {"max_tokens": math.nan}),
        ("cosine", {"max_tokens": 10, "exceeded": math.nan}),
        ("repetition", {"ngram": 2.5}),
        ("repetition", {"penalty": math.inf}),
    ],
)
def test_options_must_be_numbers_that_give_a_finite_reward(kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="number"):
        make_shaping(kind, options)
