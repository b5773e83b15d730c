"""A number is taken out of a sentence only where no word beside it makes it another."""

from __future__ import annotations

import pytest

from assay_plugins.boxed_math import BoxedMath
from assay_plugins.boxed_math.prose import said

CHANGED = [
    "half of 12 apples are left", "it takes twice 6 hours", "the square root of 16 it is", "three less than 12 people",
    "a third of 9 people came", "there are 5 dozen eggs", "about 7 hundred people", "the negative of 5 is it",
    "there are 12 squared of them", "5 percent of the 60", "the reciprocal of 4 is right", "it is double 8 apples",
]  # fmt: skip
PLAIN = [
    ("there are 12 apples left", "12 apples left"), ("Jane started 3 hours ago", "3"),
    ("the total is 1,200 apples", "1,200 apples"),
    ("so they need 45 minutes more or less of work", None), ("we have 3 cats and 4 dogs", None),
]  # fmt: skip


@pytest.mark.parametrize("sentence", CHANGED)
@pytest.mark.parametrize("lead", ["", "The answer is ", "So "])
def test_a_number_that_words_change_is_not_taken(grade, sentence: str, lead: str) -> None:
    number = "".join(char for char in sentence if char.isdigit())
    assert said(lead + sentence, sole=True) != number
    for mode in ("marker", "lenient"):
        verdict = grade(BoxedMath(extraction=mode), f"Answer: {sentence}", number[:2])
        assert verdict.score != 1, verdict


@pytest.mark.parametrize(("sentence", "answer"), PLAIN)
def test_the_only_number_of_a_sentence_is_taken(sentence: str, answer: str | None) -> None:
    assert said(sentence, sole=True) == answer
