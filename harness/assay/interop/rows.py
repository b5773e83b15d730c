"""What every door shares: a trainer's row and text become a `Problem` and a `Completion`.

Trainers hand over texts and the columns of a data set. Which column holds the reference and who checks it are the only
things that a door must know; both can be named, and are looked for under their usual names otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.hashing import hash_value
from assay.rewards import Reward, RewardConfig
from assay.rewards.presets import PRESETS
from assay.types import Completion, FinishReason, Message, Problem

REFERENCE_COLUMNS = ("reference", "ground_truth", "solution", "answer")
"""Usual names of the column that holds what the verifier needs, in the order in which they are looked for."""
THINK = "<think>"
_SPECIAL_TOKENS_AT_END = re.compile(
    r"(?:<\|[^|<>\s]{1,40}\|>|<｜[^｜<>]{1,40}｜>|</s>|<eos>|<end_of_turn>|<pad>|\s)+\Z"
)
"""How the end-of-turn and padding tokens of the usual tokenizers are written."""

RewardLike = Reward | RewardConfig | Mapping[str, Any] | str | Path
"""A reward, its configuration, the name of a preset ("r1-zero"), of a verifier ("boxed_math"), or a YAML file."""


def as_reward(reward: RewardLike) -> Reward:
    """Whatever names a reward, as a `Reward`. Raises `UsageError` where nothing has that name."""
    if isinstance(reward, Reward):
        return reward
    if isinstance(reward, str):
        return _named_reward(reward)
    return Reward(reward)


@lru_cache(maxsize=32)
def _named_reward(name: str) -> Reward:
    """Cached: trainers call some doors once for each completion, by name."""
    if name in PRESETS:
        return Reward.preset(name)
    if "/" in name or name.endswith((".yaml", ".yml", ".json")):
        return Reward(Path(name))
    return Reward({"terms": [{"name": "accuracy", "verifier": name}]})


def find_column(columns: Sequence[str], wanted: str | None) -> str | None:
    """The reference's column: `wanted`, else the first usual name; None where there is none.

    Raises `UsageError` where `wanted` is missing.
    """
    if wanted is None:
        return next((name for name in REFERENCE_COLUMNS if name in columns), None)
    if wanted not in columns:
        raise UsageError(
            f"the rows have no column {wanted!r} for the reference; they have {', '.join(columns) or 'none'}"
        )
    return wanted


def as_prompt(prompt: Any) -> tuple[Message, ...]:
    """A prompt as messages: a text, or a conversation of {"role", "content"} mappings."""
    if isinstance(prompt, str):
        return (Message(role="user", content=prompt),)
    if not isinstance(prompt, Sequence):
        return ()
    turns = [turn for turn in prompt if isinstance(turn, Mapping)]
    return tuple(Message(role=turn.get("role", "user"), content=text_of(turn.get("content"))) for turn in turns)


def text_of(content: Any) -> str:
    """The text of a message's content, which may be parts of several kinds."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(part.get("text") or "" for part in content if isinstance(part, Mapping))
    return ""


def response_text(completion: Any) -> str:
    """What the model wrote: a text, or the last assistant's message of a conversation."""
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence):
        return ""
    turns = [turn for turn in completion if isinstance(turn, Mapping) and turn.get("role") == "assistant"]
    return text_of(turns[-1].get("content")) if turns else ""


def prefill_of(prompt: Any) -> str:
    """What of the assistant's turn the prompt already holds.

    `<think>` at the end of a rendered prompt, or the whole last turn of a conversation that ends with the assistant's.
    """
    if not isinstance(prompt, str):
        last = prompt[-1] if isinstance(prompt, Sequence) and prompt else None
        return text_of(last.get("content")) if isinstance(last, Mapping) and last.get("role") == "assistant" else ""
    bare = prompt.rstrip()
    return THINK + prompt[len(bare) :] if bare.endswith(THINK) else ""


def without_special_tokens(text: str) -> str:
    """A decoded response without the special tokens and the white space at its end."""
    tail = text[-4096:]  # more than any run of padding worth cutting, so that the search stays linear
    return text[: len(text) - len(tail)] + _SPECIAL_TOKENS_AT_END.sub("", tail)


def make_problem(prompt: Any, reference: Any, verifier: str, problem_id: str | None = None) -> Problem:
    """A problem of a training set. Without an id it is named by the hash of its prompt and reference."""
    messages = as_prompt(prompt)
    if not problem_id:
        problem_id = hash_value([[message.content for message in messages], reference])[:16]
    return Problem(id=problem_id, prompt=messages, reference=reference, verifier=verifier)


def with_readable_reference(reward: Reward, problem: Problem) -> Problem:
    """The problem with its reference read from JSON where that is what its verifiers take.

    The columns of a data set hold texts, or objects of one shape: a reference of `code_tests` travels as JSON text.
    It is read only where a verifier cannot use the text and can use what it says: "{1, 2}" is an answer to mathematics.
    """
    text = problem.reference
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return problem
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return problem
    for verifier in reward.verifiers_of(problem):
        check = getattr(verifier, "check_reference", None)
        if check is not None and check(text) is not None and check(value) is None:
            return replace(problem, reference=value)
    return problem


def make_completion(
    text: str, *, prefill: str = "", tokens: int | None = None, max_tokens: int | None = None
) -> Completion:
    """A completion; one of `max_tokens` tokens or more was cut off at the cap."""
    cut = tokens is not None and max_tokens is not None and tokens >= max_tokens
    return Completion(
        text=text,
        prefill=prefill,
        num_tokens=tokens,
        finish_reason=FinishReason.LENGTH if cut else FinishReason.STOP,
    )


def plain(value: Any) -> Any:
    """A value from numpy or pandas as JSON: trainers keep columns in arrays."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
