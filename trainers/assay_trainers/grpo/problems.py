r"""Where a run's problems come from.

A problem is a row of a JSONL file, or one of a registered benchmark's:

    {"prompt": "What is 2+2?", "reference": "4", "verifier": "boxed_math", "id": "sum-1"}

`prompt` is a text or a list of {role, content}; the reference may also be called ground_truth, solution or answer;
`verifier` and `id` may be left out (the configuration's verifier; the line number). Other fields become metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay import DataError, Message, Problem, UsageError, get_benchmark, read_jsonl

_REFERENCES = ("reference", "ground_truth", "solution", "answer")
_ROLES = ("system", "user", "assistant")


def load_problems(path: str | None, benchmark: str | None, *, verifier: str = "", limit: int | None) -> list[Problem]:
    """The problems of a JSONL file or of a benchmark, at most `limit` of them.

    Raises:
        UsageError: Neither or both are given.
        DataError: The data cannot be had, a row is malformed or lacks a reference, or an id occurs twice.
    """
    if (path is None) == (benchmark is None):
        raise UsageError("data needs exactly one of 'path' (a JSONL file) and 'benchmark' (a registered name)")
    problems: list[Problem]
    if benchmark is not None:
        problems = list(get_benchmark(benchmark).problems())
    else:
        assert path is not None
        rows = enumerate(read_jsonl(Path(path).expanduser()), start=1)
        problems = [_problem(row, f"{path}, row {number}", str(number), verifier) for number, row in rows]
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise DataError(f"two problems of {path or benchmark} have the id {problem.id!r}: ids must be unique")
        seen.add(problem.id)
    if not problems:
        raise DataError(f"{path or benchmark} holds no problem")
    return problems[:limit]


def _problem(row: Mapping[str, Any], where: str, number: str, verifier: str) -> Problem:
    reference = next((name for name in _REFERENCES if name in row), None)
    if "prompt" not in row or reference is None:
        raise DataError(f"{where} lacks {'a prompt' if 'prompt' not in row else 'a reference'}; it has {sorted(row)}")
    known = {"prompt", "verifier", "id", reference}
    return Problem(
        id=str(row.get("id", number)),
        prompt=_messages(row["prompt"], where),
        reference=row[reference],
        verifier=str(row.get("verifier") or verifier),
        metadata={name: value for name, value in row.items() if name not in known},
    )


def _messages(prompt: Any, where: str) -> tuple[Message, ...]:
    if isinstance(prompt, str) and prompt:
        return (Message(role="user", content=prompt),)
    if isinstance(prompt, list) and prompt:
        turns = []
        for turn in prompt:
            good = isinstance(turn, dict) and turn.get("role") in _ROLES and isinstance(turn.get("content"), str)
            if not good:
                raise DataError(f"{where}: a turn of the prompt must be {{role, content}} with a role of {_ROLES}")
            turns.append(Message(role=turn["role"], content=turn["content"]))
        return tuple(turns)
    raise DataError(f"{where}: the prompt must be a text or a list of messages, neither of them empty")
