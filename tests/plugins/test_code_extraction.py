"""Which program a response hands in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from assay_plugins.code_tests.extraction import Extracted, extract, fenced_blocks, normalized

PYTHON = frozenset(("python",))


def find(answer: str, languages: frozenset[str] | None = PYTHON, **options: Any) -> Extracted:
    return extract(answer, languages=languages, default="python", **options)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("```python\nprint(1)\n```", "print(1)\n"),
        ("```\nprint(1)\n```", "print(1)\n"),
        ("```py\nprint(1)\n```\nand it prints\n```text\n1\n```\n", "print(1)\n"),
        ("first\n```python\nold()\n```\nbetter\n```python\nnew()\n```", "new()\n"),
        ("```Python3\nprint(1)\n``` \nDone.", "print(1)\n"),
        ("``` python\nprint(1)\n```", "print(1)\n"),
        ("```{.python}\nprint(1)\n```", "print(1)\n"),
        ('```python title="a.py"\nprint(1)\n```', "print(1)\n"),
        ("~~~python\nprint(1)\n~~~", "print(1)\n"),
        ("````markdown\n```python\nno()\n```\n````\n```python\nyes()\n```", "yes()\n"),
        ("1. Do this:\n   ```python\n   if x:\n       y()\n   ```\n", "if x:\n    y()\n"),
        ("> ```python\n> print(1)\n> ```", "print(1)\n"),
        ("```python\r\nprint(1)\r\nprint(2)\r\n```\r\n", "print(1)\nprint(2)\n"),
        ("```python\nprint(1)```", "print(1)\n"),
        ("```python\nhalf(\n\nAgain:\n```python\nwhole()\n```", "whole()\n"),
        ("```python\ns = '''```'''\n```", "s = '''```'''\n"),
    ],
    ids=range(16),
)
def test_the_last_block_is_taken(answer: str, code: str) -> None:
    assert find(answer).code == code


def test_a_tag_is_respected() -> None:
    both = "```python\nprint(1)\n```\nor\n```c++\nint main(){}\n```"
    assert find(both, None).language == "cpp"
    assert find(both).code == "print(1)\n"
    assert find(both, frozenset(("cpp", "java"))).code == "int main(){}\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("print(1)", "no fenced code block"),
        ("", "no fenced code block"),
        ("```python\nprint(1)", "not closed"),
        ("```python\nold()\n```\n\n```python\nnew(", "not closed"),
        ("```cpp\nint main(){}\n```", "tagged 'cpp', and no other holds a program in python"),
        ("```text\n5\n```", "tagged 'text'"),
        ("```python\n\n```", "empty"),
        ("Use `print(1)` and ``x``.", "no fenced code block"),
    ],
)
def test_no_program(answer: str, reason: str) -> None:
    found = find(answer)
    assert found.code is None
    assert reason in found.reason


def test_bare_code_is_taken_only_on_request() -> None:
    assert find("print(1)", bare_code=True).code == "print(1)\n"
    assert find("Text.\n```python\nprint(1)\n```", bare_code=True).code == "print(1)\n"
    assert find("  \n", bare_code=True).code is None


def test_blocks_like_livecodebench(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """On real responses it takes what LiveCodeBench takes: what is between the last two lines with a fence."""

    def reference(text: str) -> str:
        lines = text.split("\n")
        fences = [number for number, line in enumerate(lines) if "```" in line]
        return "\n".join(lines[fences[-2] + 1 : fences[-1]]) if len(fences) >= 2 else ""

    responses = [row["response"] for row in rows("data/lcb_responses_o1_mini.jsonl")]
    assert len(responses) == 880
    for response in responses:
        assert (find(response, None).code or "").rstrip() == reference(response).rstrip()


@pytest.mark.parametrize(
    "text", ["```" * 300_000, "```python\n" * 100_000, "`" * 900_000, "```\nx\n" * 100_000, "> " * 400_000 + "```"]
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    started = time.perf_counter()
    find(text)
    assert time.perf_counter() - started < 5


def test_normalized_ignores_empty_lines_and_trailing_spaces() -> None:
    assert normalized("a  \n\n  b\r\n") == normalized("a\n  b")
    assert normalized("a\nb") != normalized("a\n b")


def test_blocks_keep_their_tags() -> None:
    blocks, unclosed = fenced_blocks("```C++\nx\n```\n~~~js\ny\n~~~\n```")
    assert [(block.tag, block.code) for block in blocks] == [("c++", "x\n"), ("js", "y\n")]
    assert unclosed
