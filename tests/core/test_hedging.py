from __future__ import annotations

import time

import pytest

from assay import ends_in_or, how_joined


@pytest.mark.parametrize(
    ("between", "joint"),
    [
        (" or ", "or"), ("$ or $", "or"), (r" \text{ or } ", "or"), (", or maybe ", "or"), (". Or it could be ", "or"),
        ("/", "or"), (" | ", "or"), (" vs. ", "or"), ("或", "or"), ("或者", "or"), (" или ", "or"), (" oder ", "or"),
        (" ou ", "or"), (", ", "and"), ("; ", "and"), (" and ", "and"), ("$, $", "and"), ("、", "and"), (" и ", "and"),
        (" and or ", "or"), ("", ""), ("\n\n", ""), (". ", ""), (", no: ", ""), (" or rather ", ""), (" or 5 ", ""),
        (". No, the answer is ", ""), (" so the answer is ", ""), ("orange", ""), (", " + " " * 200, ""),
    ],
)  # fmt: skip
def test_how_two_answers_are_joined(between: str, joint: str) -> None:
    assert how_joined(between) == joint


@pytest.mark.parametrize(
    ("text", "alternative"),
    [
        ("41 or ", True), ("41 or maybe ", True), ("A, or possibly the ", True), ("41 или ", True), ("41或", True),
        ("41. Or ", True), ("either 41 or $", True), ("41 or rather ", False), ("41 or more. ", False), ("41", False),
        ("for ", False), ("", False), ("41 or so, then the sum is ", False), ("not 41 but ", False),
    ],
)  # fmt: skip
def test_what_ends_in_or(text: str, alternative: bool) -> None:
    assert ends_in_or(text) is alternative


@pytest.mark.parametrize("piece", [" ", "or ", "or maybe ", "\\", "text", "或", "{", "the"])
def test_long_texts_cost_nothing(piece: str) -> None:
    text = piece * (10**6 // len(piece))
    started = time.thread_time()
    assert how_joined(text) == ""
    ends_in_or(text)
    assert time.thread_time() - started < 0.5
