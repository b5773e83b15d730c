r"""Rows of JSONL and Parquet files as examples.

Three shapes, which may stand in one file:

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
    {"prompt": "…" or messages, "completion": "…" or messages}
    {"prompt": "…" or messages, "reasoning": "…", "summary": "…"}

A prompt that is a text and has a completion that is a text is raw: no chat template touches it. An assistant turn may
carry its reasoning apart (`reasoning_content`, or `reasoning`). Reasoning and summary become one text by
`response_of`:

    think         <think>\nREASONING\n</think>\n\nSUMMARY
    cold-start    |special_token|REASONING|special_token|SUMMARY          the report's format for the cold start

The special token of the second stays ordinary text to the tokenizer unless it is one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import DataError, Message, UsageError, read_jsonl
from assay_trainers.sft.config import DataConfig

_TEMPLATES = {
    "think": "<think>\n{reasoning}\n</think>\n\n{summary}",
    "cold-start": "{special_token}{reasoning}{special_token}{summary}",
}
_COLUMNS = ("messages", "prompt", "completion", "response", "reasoning", "summary")
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """What one row teaches."""

    where: str
    """File and row, for errors."""
    turns: tuple[Message, ...] = ()
    """A conversation that ends with an assistant turn; empty for a raw example."""
    given: int = 0
    """Turns that are prompt: an assistant turn among them is not learned."""
    prompt: str = ""
    completion: str = ""
    """Of a raw example."""


def read_examples(config: DataConfig) -> Iterator[Example]:
    """The examples of all files, in order.

    Raises:
        UsageError: A file is of another kind, or the response format has no place for a part.
        DataError: A file cannot be read, or a row is malformed; names it.
    """
    response_of(config, "", "")
    paths = (config.path,) if isinstance(config.path, str) else config.path
    count = 0
    for path in paths:
        for number, row in enumerate(_rows(Path(path).expanduser()), start=1):
            if config.limit is not None and count == config.limit:
                return
            count += 1
            yield _example(row, f"{path}, row {number}", config)
    if not count:
        raise DataError(f"{', '.join(paths)} holds no row")


def response_of(config: DataConfig, reasoning: str, summary: str) -> str:
    """Reasoning and summary as one response. Raises `UsageError` where the format has no place for one of them."""
    template = _TEMPLATES.get(config.response, config.response)
    if "{reasoning}" not in template or "{summary}" not in template:
        raise UsageError(
            f"data.response must be one of {', '.join(_TEMPLATES)}, or a text with {{reasoning}} and {{summary}} in "
            f"it; got {config.response!r}"
        )
    head, rest = template.replace("{special_token}", config.special_token).split("{reasoning}", 1)
    middle, tail = rest.split("{summary}", 1)
    return head + reasoning + middle + summary + tail


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix in (".jsonl", ".json"):
        yield from read_jsonl(path)
    elif path.suffix == ".parquet":
        yield from _parquet_rows(path)
    else:
        raise UsageError(f"SFT reads .jsonl and .parquet files, not {path}")


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name in _COLUMNS]
            for batch in file.iter_batches(batch_size=1000, columns=columns):
                # Columns of the three shapes may stand side by side: what a row lacks is null.
                yield from ({k: v for k, v in row.items() if v is not None} for row in batch.to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read the rows of {path}: {error}") from error


def _example(row: Mapping[str, Any], where: str, config: DataConfig) -> Example:
    if "messages" in row:
        turns = _turns(row["messages"], f"{where}: messages", config)
        if not turns or turns[-1].role != "assistant":
            raise DataError(f"{where}: a conversation must end with an assistant turn")
        return Example(where=where, turns=turns)
    if "prompt" not in row:
        raise DataError(f"{where} has neither messages nor a prompt; it has {sorted(row)}")
    prompt, completion = row["prompt"], row.get("completion", row.get("response"))
    if completion is None:
        if not isinstance(row.get("reasoning"), str) or not isinstance(row.get("summary"), str):
            raise DataError(f"{where} has a prompt without a completion, or reasoning and summary, that are texts")
        completion = response_of(config, row["reasoning"], row["summary"])
    elif isinstance(prompt, str) and isinstance(completion, str):
        return _raw(prompt, completion, where)
    given = _turns(prompt, f"{where}: prompt", config)
    answer = _turns(completion, f"{where}: completion", config, role="assistant")
    if not given or not answer or answer[-1].role != "assistant":
        raise DataError(f"{where}: prompt and completion must have a turn each, the last one the assistant's")
    return Example(where=where, turns=(*given, *answer), given=len(given))


def _raw(prompt: str, completion: str, where: str) -> Example:
    if not completion:
        raise DataError(f"{where}: the completion is empty")
    return Example(where=where, prompt=prompt, completion=completion)


def _turns(value: Any, where: str, config: DataConfig, role: str = "user") -> tuple[Message, ...]:
    """Messages; a text is one turn of `role`."""
    if isinstance(value, str):
        value = [{"role": role, "content": value}]
    if not isinstance(value, list):
        raise DataError(f"{where} must be a text or a list of messages, got {type(value).__name__}")
    return tuple(_turn(turn, where, config) for turn in value)


def _turn(turn: Any, where: str, config: DataConfig) -> Message:
    if not isinstance(turn, Mapping) or turn.get("role") not in _ROLES or not isinstance(turn.get("content"), str):
        raise DataError(
            f"{where}: a turn must be {{role, content}} with a role of {', '.join(_ROLES)}, got {turn!r:.200}"
        )
    content = turn["content"]
    reasoning = turn.get("reasoning_content") or turn.get("reasoning")
    if turn["role"] == "assistant" and isinstance(reasoning, str):
        content = response_of(config, reasoning, content)
    if turn["role"] == "assistant" and not content:
        raise DataError(f"{where}: an assistant turn is empty")
    return Message(role=turn["role"], content=content)
