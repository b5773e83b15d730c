r"""What trainers really hand over: arrays, empty cells, references as JSON text, turns that the prompt has begun."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
from typing import Any

import pytest

from assay import Problem, UsageError
from assay.interop import openrlhf, trl, verl
from assay.interop.rows import as_reward, with_readable_reference

CHOICE = {"answer": "B", "choices": ["x", "y"]}


def rewards(name: str, completions: list[Any], **columns: Any) -> list[float | None]:
    prompts = columns.pop("prompts", ["2+2="] * len(completions))
    return trl.reward_function(name)(prompts=prompts, completions=completions, **columns)


def test_columns_may_be_lists_tuples_arrays_and_tensors() -> None:
    numpy = pytest.importorskip("numpy")
    for column in (["4"], ("4",), [4], numpy.array(["4"], dtype=object), numpy.array([4])):
        assert rewards("boxed_math", ["\\boxed{4}"], answer=column) == [1.0]
    torch = pytest.importorskip("torch")
    assert rewards("boxed_math", ["\\boxed{4}"], answer=torch.tensor([4]), completion_ids=torch.ones(1, 3)) == [1.0]


def test_rows_without_a_reference_are_a_mistake_where_one_is_needed() -> None:
    with pytest.raises(UsageError, match="no column for the reference: name one of gold"):
        rewards("boxed_math", ["\\boxed{4}"], gold=["4"])
    assert rewards("format_tags", ["<think>a</think>4"]) == [1.0]
    # One empty cell is a row that cannot be checked; the others can.
    assert rewards("boxed_math", ["\\boxed{4}"] * 2, answer=[None, "4"]) == [None, 1.0]


def test_columns_of_another_length_are_named() -> None:
    with pytest.raises(UsageError, match="'answer' has 1 rows, and there are 2 completions"):
        rewards("boxed_math", ["\\boxed{4}"] * 2, answer=["4"])
    with pytest.raises(UsageError, match="'prompts' has 1 rows"):
        rewards("boxed_math", ["\\boxed{4}"] * 2, prompts=["a"], answer=["4"] * 2)


def test_empty_cells_of_the_verifier_column_are_not_ours() -> None:
    routed = trl.reward_function({"terms": [{"name": "accuracy"}]})
    names = [None, "", float("nan"), "boxed_math"]
    answer = routed(prompts=["a"] * 4, completions=["\\boxed{4}"] * 4, answer=["4"] * 4, verifier=names)
    assert answer == [None, None, None, 1.0]


def test_completions_without_text_have_no_answer() -> None:
    turns = [{"role": "assistant", "content": None, "tool_calls": [{}]}, {"role": "tool", "content": "\\boxed{4}"}]
    assert rewards("boxed_math", [None, [], turns, ""], answer=["4"] * 4) == [0.0] * 4


def test_the_last_assistant_turn_counts_whatever_stands_around_it() -> None:
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "2+2="}]}]
    turns = [
        {"role": "assistant", "content": "\\boxed{5}", "tool_calls": [{}]},
        {"role": "tool", "content": "4", "tool_call_id": "1"},
        {"role": "assistant", "content": [{"type": "text", "text": "\\boxed{4}"}]},
    ]
    assert rewards("boxed_math", [turns], prompts=[prompt], answer=["4"]) == [1.0]


def test_a_conversation_that_begins_the_assistants_turn_is_a_prefill() -> None:
    begun = [{"role": "user", "content": "2+2="}, {"role": "assistant", "content": "<think>\n"}]
    completions = ["\\boxed{4}", "four</think>\\boxed{4}"]
    assert rewards("boxed_math", completions, prompts=[begun] * 2, answer=["4"] * 2) == [0.0, 1.0]


def test_a_reference_may_be_json_text_where_the_verifier_takes_an_object() -> None:
    text = json.dumps(CHOICE)
    assert rewards("multiple_choice", ["Answer: B", "Answer: A"], answer=[text] * 2) == [1.0, 0.0]
    assert verl.compute_score("d", "Answer: B", text, {}, reward="multiple_choice")["score"] == 1.0
    choice = as_reward("multiple_choice")
    assert openrlhf.score_queries(choice, ["qAnswer: B"], ["q"], [text])["rewards"] == [1.0]
    labelled = json.dumps({"reference": text, "verifier": "multiple_choice"})
    assert openrlhf.score_queries(choice, ["qAnswer: B"], ["q"], [labelled])["rewards"] == [1.0]


def test_tests_of_programs_are_read_from_json_text() -> None:
    tests = {"kind": "stdin", "tests": [{"input": "1\n", "output": "2\n"}]}
    problem = Problem(id="p", prompt=(), reference=json.dumps(tests))
    assert with_readable_reference(as_reward("code_tests"), problem).reference == tests


@pytest.mark.parametrize("text", ["{1, 2}", "[1, 2]", '{"a"', "[" * 10_000, "{1}"])
def test_answers_in_brackets_stay_answers(text: str) -> None:
    problem = Problem(id="p", prompt=(), reference=text)
    assert with_readable_reference(as_reward("boxed_math"), problem) is problem


def test_functions_can_be_pickled() -> None:
    call = {"prompts": ["a"], "completions": ["\\boxed{4}"], "answer": ["4"]}
    plain = pickle.loads(pickle.dumps(trl.reward_function("boxed_math", name="mine", prefill="")))
    assert (plain.__name__, plain(**call)) == ("mine", [1.0])
    waiting = pickle.loads(pickle.dumps(trl.async_reward_function("boxed_math", name="mine")))
    assert (waiting.__name__, asyncio.run(waiting(**call))) == ("mine", [1.0])
    assert asyncio.iscoroutinefunction(waiting) or inspect.iscoroutinefunction(waiting)
    remote = pickle.loads(pickle.dumps(openrlhf.make_reward_func("boxed_math", prefill="")))
    pytest.importorskip("torch")
    assert remote(["a\\boxed{4}"], ["a"], ["4"])["rewards"].tolist() == [1.0]
