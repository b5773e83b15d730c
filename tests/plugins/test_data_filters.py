"""Filters for SFT data: what they keep, what they drop, and why."""

from __future__ import annotations

import time
from typing import Any

import pytest

import assay
from assay import BaseBenchmark, Completion, Message, Problem, UsageError, Verdict
from assay_plugins.data_filters import near_duplicates

PROSE = "First we add the two numbers, and then we look at what is left over, which is four."


def judge(name: str, text: str, question: str = "", **options: object) -> Verdict:
    asked = (Message(role="user", content=question),) if question else ()
    return assay.get_verifier(name, **options).verify(Problem(id="p", prompt=asked), Completion(text=text))


def keeps(name: str, text: str, question: str = "", **options: object) -> bool:
    verdict = judge(name, text, question, **options)
    assert verdict.score in (0.0, 1.0)
    return verdict.score == 1.0


def test_mixed_language() -> None:
    assert keeps("no_mixed_language", f"<think>{PROSE}</think>四")
    assert keeps("no_mixed_language", "<think>我们先把两个数字加起来，然后看看还剩下什么。</think>4")
    mixed = f"<think>{PROSE} 我们先把两个数字加起来，然后看看还剩下什么，最后得到结果。</think>4"
    assert not keeps("no_mixed_language", mixed)
    assert keeps("no_mixed_language", mixed, max_share=0.6)
    assert keeps("no_mixed_language", "<think>2+2=4</think>4")


def test_long_paragraphs() -> None:
    wall = " ".join(["word"] * 300)
    assert keeps("no_long_paragraphs", f"<think>{wall}\n\n{wall}</think>4")
    assert not keeps("no_long_paragraphs", f"<think>{wall}\n{wall}</think>4")
    assert keeps("no_long_paragraphs", f"<think>{PROSE}</think>{wall} {wall}")
    assert not keeps("no_long_paragraphs", f"<think>{'我们' * 500}</think>4")
    assert keeps("no_long_paragraphs", f"<think>{'我们' * 400}</think>4")
    assert not keeps("no_long_paragraphs", f"<think>{'我们' * 400}我</think>4")
    assert keeps("no_long_paragraphs", f"<think>{wall}\r\n\r\n{wall}</think>4")
    assert keeps("no_long_paragraphs", f"<think>see https://example.org/{'a' * 2000}</think>4")


def test_code_in_the_reasoning() -> None:
    code = "```python\nprint(4)\n```"
    assert keeps("no_code_in_reasoning", f"<think>{PROSE}</think>\n{code}")
    assert not keeps("no_code_in_reasoning", f"<think>{PROSE}\n{code}\n</think>4")
    listed = code.replace("\n", "\n     ")
    assert not keeps("no_code_in_reasoning", f"<think>- a plan:\n     {listed}\n</think>4")
    assert not keeps("no_code_in_reasoning", "<think>\n> ```\n> print(4)\n> ```\n</think>4")
    assert keeps("no_code_in_reasoning", "<think>the sign ``` stands here in a line</think>4")


def test_repetition() -> None:
    assert keeps("no_repetition", " ".join(str(number) for number in range(500)))
    assert not keeps("no_repetition", "Wait, let me check that again. " * 100)
    assert not keeps("no_repetition", " ".join(str(number) for number in [*range(60), *range(60), *range(900, 930)]))
    looped = "首先我们计算苹果的总数，然后减去已经吃掉的数量，就得到剩下的数量。"
    assert keeps("no_repetition", f"<think>{looped}</think>答案是四。")
    assert not keeps("no_repetition", f"<think>{looped}换一种方法来想想这个问题吧。{looped}{looped}</think>答案是四。")


def test_huge_responses_take_bounded_time() -> None:
    texts = ("a" * 10**6, "\n \t" * 300_000, "ab " * 300_000, "我们" * 300_000, "`" * 10**6, "```\n" * 200_000)
    for name in ("no_mixed_language", "no_long_paragraphs", "no_code_in_reasoning", "no_repetition"):
        for text in texts:
            started = time.monotonic()
            judge(name, f"<think>{text}</think>4")
            assert time.monotonic() - started < 30, (name, text[:8])


class Known(BaseBenchmark):
    name = "known"

    def problems(self) -> list[Problem]:
        texts = {
            "long": "A train leaves the station at noon and travels at $80$ km per hour; when does it arrive?",
            "short": "What is 17 times 23?",
            "zh": "小明有三个苹果，又买了五个苹果，请问现在一共有几个苹果？",
        }
        return [Problem(id=key, prompt=(Message(role="user", content=text),)) for key, text in texts.items()]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assay, "get_benchmark", {"known": Known()}.__getitem__)


@pytest.mark.usefixtures("known")
def test_decontamination_names_the_problem() -> None:
    options: dict[str, Any] = {"benchmarks": ["known"]}
    copied = "Yesterday: a TRAIN leaves the station, at noon and travels at 80 km per hour. Where is it?"
    verdict = judge("not_in_benchmarks", "fine", copied, **options)
    assert verdict.score == 0.0
    assert "'long' of known" in verdict.reason
    assert "train" not in verdict.reason
    assert not keeps("not_in_benchmarks", "As in: what is 17 times 23? It is 391.", **options)
    assert keeps("not_in_benchmarks", "As in: what is 17 times 23? It is 391.", responses=False, **options)
    assert not keeps("not_in_benchmarks", "", "今天小明有三个苹果，又买了五个苹果，他很高兴。", **options)
    assert keeps("not_in_benchmarks", "fine", "A train leaves the station at dawn and travels very fast.", **options)
    assert keeps("not_in_benchmarks", "", "", **options)


def test_near_duplicates_keep_the_first() -> None:
    base = " ".join(f"word{number}" for number in range(200))
    changed = base.replace("word100", "other")
    different = " ".join(f"thing{number}" for number in range(200))
    assert near_duplicates([base, different, changed, base.upper(), "", "  "]) == [None, None, 0, 0, None, 4]
    assert near_duplicates([base, changed], threshold=0.99) == [None, None]
    assert near_duplicates([]) == []


def test_mistakes_are_named() -> None:
    for name, options in (
        ("no_mixed_language", {"max_share": 1.0}),
        ("no_long_paragraphs", {"max_words": 0}),
        ("no_repetition", {"ngram": 0}),
        ("not_in_benchmarks", {}),
        ("not_in_benchmarks", {"benchmarks": "aime24"}),
    ):
        with pytest.raises(UsageError, match=name):
            assay.get_verifier(name, **options)
    with pytest.raises(UsageError, match="threshold"):
        near_duplicates(["a"], threshold=0)
