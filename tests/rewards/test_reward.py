r"""`Reward`: sums, gates, routing, and what an outcome is worth, against values worked out by hand."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import assay
from assay import Completion, FinishReason, Outcome, Problem, Reward, UsageError
from assay.verification import Pool

GOOD = "<think>\nTwo and two.\n</think>\n<answer>\\boxed{4}</answer>"
WRONG = "<think>\nTwo and two.\n</think>\n<answer>\\boxed{5}</answer>"
UNFORMATTED = "it is \\boxed{4}"


def problem(reference: object = "4", verifier: str = "boxed_math", name: str = "p") -> Problem:
    return Problem(id=name, prompt=(), reference=reference, verifier=verifier)


def texts(*responses: str) -> list[Completion]:
    return [Completion(text=response) for response in responses]


def test_r1_zero_sums_accuracy_and_format() -> None:
    reward = Reward.preset("r1-zero")
    assert reward([problem()] * 3, texts(GOOD, WRONG, UNFORMATTED)) == [2.0, 1.0, 1.0]
    results = reward.score([problem()], texts(WRONG))
    assert results[0].parts == {"accuracy": 0.0, "format": 1.0}
    assert results[0].verdicts["accuracy"].extracted == "5"


def test_presets_take_an_answer_from_its_box_only() -> None:
    unboxed = "<think>\nTwo and two.\n</think>\n<answer>The answer is 4</answer>"
    (result,) = Reward.preset("r1-zero").score([problem()], texts(unboxed))
    assert result.parts["accuracy"] == 0.0
    assert result.verdicts["accuracy"].outcome is Outcome.NO_ANSWER


def test_weights() -> None:
    reward = Reward(
        {
            "terms": [
                {"name": "accuracy", "verifier": "boxed_math", "weight": 2},
                {"name": "format", "verifier": "format_tags", "weight": 0.25},
            ]
        }
    )
    assert reward([problem()] * 2, texts(GOOD, UNFORMATTED)) == [2.25, 2.0]


def test_a_shut_gate_makes_the_term_zero_and_skips_its_check() -> None:
    reward = Reward(
        {
            "terms": [
                {"name": "accuracy", "verifier": "boxed_math", "gate": "format"},
                {"name": "format", "verifier": "format_tags", "weight": 0.5},
            ]
        }
    )
    shut, opened = reward.score([problem()] * 2, texts(UNFORMATTED, GOOD))
    assert (shut.total, shut.parts) == (0.0, {"accuracy": 0.0, "format": 0.0})
    assert "accuracy" not in shut.verdicts
    assert opened.total == 1.5


def test_each_problem_goes_to_its_own_verifier() -> None:
    reward = Reward({"terms": [{"name": "accuracy"}]})
    problems = [problem(), problem({"answer": "B", "choices": ["x", "y"]}, "multiple_choice")]
    assert reward(problems, texts("\\boxed{4}", "Answer: B")) == [1.0, 1.0]
    assert set(reward.versions) == {"boxed_math", "multiple_choice"}


def test_a_term_for_some_verifiers_only_does_not_count_elsewhere() -> None:
    reward = Reward(
        {
            "terms": [
                {"name": "accuracy"},
                {"name": "format", "verifier": "format_tags", "only": ["multiple_choice"]},
            ]
        }
    )
    (result,) = reward.score([problem()], texts(UNFORMATTED))
    assert result.parts == {"accuracy": 1.0}
    assert result.total == 1.0


def test_a_failure_of_ours_leaves_the_rollout_out() -> None:
    reward = Reward({"terms": [{"name": "accuracy"}, {"name": "format", "verifier": "format_tags"}]})
    unusable = problem(reference={"not": "an answer"})
    (result,) = reward.score([unusable], texts(GOOD))
    assert result.verdicts["accuracy"].outcome is Outcome.ERROR
    assert result.total is None
    assert result.parts == {"accuracy": None, "format": 1.0}


def test_a_part_of_weight_zero_is_watched_only() -> None:
    reward = Reward({"terms": [{"name": "accuracy", "weight": 0}, {"name": "format", "verifier": "format_tags"}]})
    (result,) = reward.score([problem(reference={"not": "an answer"})], texts("<think>a</think>\\boxed{b}"))
    assert result.parts["accuracy"] is None
    assert result.total == 1.0


def test_worth_of_outcomes_is_a_visible_table() -> None:
    cut_off = Completion(text="<think>so", finish_reason=FinishReason.LENGTH)
    plain = Reward({"terms": [{"name": "accuracy"}]})
    punishing = Reward({"terms": [{"name": "accuracy"}], "outcomes": {"truncated": -0.5}})
    assert plain([problem()], [cut_off]) == [0.0]
    assert punishing([problem()], [cut_off]) == [-0.5]
    with pytest.raises(UsageError, match="failure of the verifier"):
        Reward({"terms": [{"name": "accuracy"}], "outcomes": {"error": 0.0}})
    with pytest.raises(UsageError, match="no outcome 'wrong'"):
        Reward({"terms": [{"name": "accuracy"}], "outcomes": {"wrong": 0.0}})


def test_shaping_is_added_and_may_be_negative() -> None:
    config = {
        "terms": [{"name": "accuracy"}],
        "shaping": [{"name": "length", "kind": "overlong", "options": {"max_tokens": 100, "buffer": 20}}],
    }
    lengths = [80, 90, 100, 500]
    completions = [Completion(text="\\boxed{4}", num_tokens=length) for length in lengths]
    assert Reward(config)([problem()] * 4, completions) == [1.0, 0.5, 0.0, 0.0]
    with pytest.raises(UsageError, match="counts tokens"):
        Reward(config)([problem()], texts("\\boxed{4}"))


def test_yaml_file(tmp_path: Path) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text("terms:\n- {name: accuracy, verifier: boxed_math, weight: 3}\n", "utf-8")
    assert Reward(path)([problem()], texts("\\boxed{4}")) == [3.0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "terms"),
        ({"terms": []}, "at least one term"),
        ({"terms": [{"name": "a", "wieght": 1}]}, "wieght"),
        ({"terms": [{"name": "a", "weight": "much"}]}, r"weight"),
        ({"terms": [{"name": "a", "weight": float("nan")}]}, "finite"),
        ({"terms": [{"name": "a"}, {"name": "a"}]}, "two parts"),
        ({"terms": [{"name": ""}]}, "empty name"),
        ({"terms": [{"name": "a", "gate": "b", "gate_at": float("nan")}, {"name": "b"}]}, "gate_at"),
        ({"terms": [{"name": "a"}], "outcomes": {"truncated": float("nan")}}, "worth of the outcome 'truncated'"),
        ({"terms": [{"name": "a"}], "outcomes": {"truncated": float("-inf")}}, "worth of the outcome 'truncated'"),
        ({"terms": [{"name": "a", "only": ["llm_jugde"]}]}, "llm_jugde"),
        ({"terms": [{"name": "a", "gate": "b"}]}, "no term"),
        ({"terms": [{"name": "a", "gate": "b"}, {"name": "b", "gate": "a"}]}, "circle"),
        ({"terms": [{"name": "a", "verifier": "boxed_meth"}]}, "boxed_math"),
        ({"terms": [{"name": "a", "options": {"extraction": "strict"}}]}, "routed"),
        ({"terms": [{"name": "a"}], "shaping": [{"name": "s", "kind": "sine"}]}, "no shaping"),
        ({"terms": [{"name": "a"}], "shaping": [{"name": "s", "kind": "cosine", "options": {"l": 1}}]}, "takes the"),
    ],
)
def test_mistakes_name_the_field(config: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Reward(config)


def test_broken_files_name_the_file(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text("a: &a [x]\nterms: [*a, *a]\n", "utf-8")
    for path, message in ((tmp_path / "missing.yaml", "missing.yaml"), (bomb, "alias")):
        with pytest.raises(UsageError, match=message):
            Reward(path)
    deep = tmp_path / "deep.yaml"
    for text, message in (("[" * 1000, "not YAML"), ("[" * 10_000, "brackets"), ("x" * 2**17, "larger")):
        deep.write_text(text, "utf-8")
        with pytest.raises(UsageError, match=message):
            Reward(deep)


def test_unrouted_problems_and_uneven_lists_are_refused() -> None:
    reward = Reward({"terms": [{"name": "accuracy"}]})
    with pytest.raises(UsageError, match="names no verifier"):
        reward([problem(verifier="")], texts("4"))
    with pytest.raises(UsageError, match="one problem for each completion"):
        reward([problem()], texts("4", "5"))
    with pytest.raises(UsageError, match="no reward preset"):
        Reward.preset("r1-one")


def test_threads_and_asyncio_give_the_same_rewards() -> None:
    reward = Reward.preset("r1-zero")
    problems = [problem(str(number), name=str(number)) for number in range(40)]
    completions = texts(*(GOOD.replace("4", str(number + number % 2)) for number in range(40)))
    alone = reward(problems, completions)
    assert alone == [2.0, 1.0] * 20
    with ThreadPoolExecutor(8) as threads:
        assert all(each == alone for each in threads.map(lambda _: reward(problems, completions), range(16)))
    assert [result.total for result in asyncio.run(reward.ascore(problems, completions))] == alone


def test_a_pickled_reward_gives_the_same_and_leaves_its_pool_behind() -> None:
    with Pool(workers=1) as pool:
        reward = Reward.preset("r1-zero", pool=pool)
        again = pickle.loads(pickle.dumps(reward))
        assert again([problem()] * 2, texts(GOOD, WRONG)) == reward([problem()] * 2, texts(GOOD, WRONG)) == [2.0, 1.0]
    assert not again.pool().closed


def in_a_forked_child() -> float:
    return Reward.preset("r1-zero")([problem("\\sqrt{8}")], texts(GOOD.replace("4", "2\\sqrt2")))[0] or 0.0


def test_a_forked_child_gives_the_same() -> None:
    assert in_a_forked_child() == 2.0  # the parent's pool runs now
    with multiprocessing.get_context("fork").Pool(2) as children:
        assert children.starmap(in_a_forked_child, [()] * 4) == [2.0] * 4


def test_it_is_exported() -> None:
    assert assay.Reward is Reward
