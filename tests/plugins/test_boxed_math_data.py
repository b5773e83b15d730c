"""Against real golds and real labelled responses, read from the shared folder."""

from __future__ import annotations

import pytest
from tests.plugins.math_misses import LABEL_REASONS, OUT, disagreements, graded, label_reason, reason

from assay_plugins.boxed_math import BoxedMath
from assay_plugins.boxed_math.decide import is_readable

boxed, marker = BoxedMath(), BoxedMath(extraction="marker")
GOLDS = ["aime_2024", "aime_2025", "aime_1983_2023_pool", "math500", "cnmo_2024", "cmath_zh", "math_train_7474_nosol"]
# The labels of these rows are wrong: the answers are `4:30 \text{ p.m.}` for `\text{4:30 p.m.}` and 10000 for 10{,}000.
MISLABELLED = {*(f"q25m-3-{k}" for k in range(8)), "q25m-72-7"}


@pytest.mark.parametrize("name", GOLDS)
def test_every_gold_equals_itself_and_not_a_wrong_number(grade, rows, name: str) -> None:
    unreadable = 0
    for row in rows(f"data/{name}.jsonl"):
        gold = row["answer"]
        if gold is None or not gold.strip():
            continue
        assert grade(boxed, f"so \\boxed{{{gold}}}.", gold).score == 1, gold
        assert grade(boxed, "so \\boxed{999983}.", gold).score == 0, gold
        unreadable += not is_readable(str(gold))
    assert unreadable == 0


def test_gsm8k_golds(grade, rows) -> None:
    for row in rows("data/gsm8k_test.jsonl"):
        gold = row.get("answer") or row["solution"].split("####")[-1].strip()
        assert grade(marker, f"#### {gold}", gold).score == 1
        assert grade(boxed, f"so \\boxed{{{gold}}}", gold).score == 1


def test_agreement_with_labels_on_real_responses(grade, rows) -> None:
    for name, allowed in (("responses_qwen25math_100x8", MISLABELLED), ("responses_gsm8k_gpt3_4x1319", set())):
        wrong = {
            row["id"]
            for row in rows(f"data/{name}.jsonl")
            if (grade(marker, row["response"], row["answer"]).score == 1) != row["correct"]
        }
        assert wrong == allowed


def test_every_disagreement_with_labels_made_by_strings_is_listed(rows) -> None:
    for name in LABEL_REASONS:
        for row in disagreements(rows(f"data/{name}.jsonl")):
            assert label_reason(name, row["id"]) != "not looked at", row["id"]


def test_labelled_cases(rows) -> None:
    results = graded(rows("cases/math_cases.jsonl"))
    for group, least in (("core", 0.97), ("parser-coverage", 0.92)):
        items = [item for item in results if item.group == group]
        assert sum(item.right for item in items) / len(items) >= least
        assert not [item.case["id"] for item in items if not item.right and not item.case["expected"]]


def test_every_miss_is_listed_with_its_reason(rows) -> None:
    listed = OUT.read_text("utf-8")
    for item in graded(rows("cases/math_cases.jsonl")):
        assert item.right != (f"| {item.case['id']} |" in listed), item.case["id"]
        assert item.right or not reason(item).startswith("not looked at"), item.case["id"]
