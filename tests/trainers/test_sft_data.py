"""Rows → examples → token ids and learned spans: what is learned is what would have been generated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import DataError, UsageError
from assay_trainers.sft.config import PRESETS, DataConfig, SftConfig, read_config
from assay_trainers.sft.data import read_examples
from assay_trainers.sft.encoding import Encoder, SftRow, show_row
from tests.trainers.models import EOS, tokenizer

CHATML = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
FORGETFUL = CHATML.replace("{{ m['content'] }}", "{{ m['content'].split('</think>')[-1] }}")
"""Drops reasoning from every turn that it is given, as the templates of reasoning models do."""
OPENING = CHATML.replace("<|assistant|>{% endif %}", "<|assistant|><think>\n{% endif %}")


@pytest.fixture
def chat() -> Any:
    """A character tokenizer with a chat template and an end-of-turn token of its own."""
    import copy

    made = copy.deepcopy(tokenizer())
    made.add_special_tokens(
        {"additional_special_tokens": ["<end>", "<|user|>", "<|assistant|>", "<think>", "</think>"]}
    )
    made.chat_template = CHATML
    return made


def write(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def encode(tok: Any, path: str, **options: Any) -> list[SftRow]:
    config = DataConfig(path=path, **options)
    return Encoder(tok, config).encode(read_examples(config)).rows


def shown(tok: Any, path: str, **options: Any) -> list[str]:
    return [show_row(tok, row) for row in encode(tok, path, **options)]


def turn(role: str, content: str, **more: str) -> dict[str, str]:
    return {"role": role, "content": content, **more}


TALK = [turn("user", "1+1?"), turn("assistant", "2"), turn("user", "2+2?"), turn("assistant", "4")]


def test_raw_rows_end_with_the_end_of_text(chat: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"prompt": "1+1=", "completion": "2"})
    (row,) = encode(chat, path)
    assert show_row(chat, row) == "1+1=⟦2<eos>⟧"
    assert (row.spans, row.ids[-1], row.learned, row.length) == (((4, 6),), EOS, 2, 6)


def test_every_assistant_turn_of_a_conversation_is_learned_in_one_row(chat: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"messages": TALK})
    text = "<|user|>1+1?<end>\n<|assistant|>⟦2<end>⟧\n<|user|>2+2?<end>\n<|assistant|>⟦4<end>⟧"
    assert shown(chat, path) == [text]
    assert shown(chat, path, turns="last") == [text.replace("⟦2<end>⟧", "2<end>")]
    # Without the marks it is the template's own rendering, token by token.
    (row,) = encode(chat, path)
    whole = chat.apply_chat_template(TALK, tokenize=True, return_dict=True)["input_ids"]
    assert row.ids.tolist() == whole[:-1]  # nobody generates the line break after the last turn


def test_assistant_turns_of_a_prompt_are_not_learned(chat: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"prompt": TALK[:3], "completion": [TALK[3]]})
    assert shown(chat, path) == ["<|user|>1+1?<end>\n<|assistant|>2<end>\n<|user|>2+2?<end>\n<|assistant|>⟦4<end>⟧"]


def test_a_template_that_drops_reasoning_does_not_drop_it_from_what_is_learned(chat: Any, tmp_path: Path) -> None:
    chat.chat_template = FORGETFUL
    thinking = [*TALK[:1], turn("assistant", "2", reasoning_content="one more"), *TALK[2:3], turn("assistant", "4")]
    path = write(tmp_path / "r.jsonl", {"messages": thinking})
    assert shown(chat, path) == [
        "<|user|>1+1?<end>\n<|assistant|>⟦<think>\none more\n</think>\n\n2<end>⟧",
        # The template hides the first thought from the second turn, as it will in use.
        "<|user|>1+1?<end>\n<|assistant|>\n\n2<end>\n<|user|>2+2?<end>\n<|assistant|>⟦4<end>⟧",
    ]


def test_a_template_that_opens_the_thought_gets_no_second_tag(chat: Any, tmp_path: Path) -> None:
    chat.chat_template = OPENING
    path = write(tmp_path / "r.jsonl", {"prompt": "1+1?", "reasoning": "easy", "summary": "2"})
    assert shown(chat, path) == ["<|user|>1+1?<end>\n<|assistant|><think>\n⟦easy\n</think>\n\n2<end>⟧"]


@pytest.mark.parametrize(
    ("options", "response"),
    [
        ({}, "<think>\nab\n</think>\n\n2"),
        ({"response": "cold-start"}, "|special_token|ab|special_token|2"),
        ({"response": "cold-start", "special_token": "**"}, "**ab**2"),
        ({"response": "{reasoning} so {summary}."}, "ab so 2."),
    ],
)
def test_formats_of_reasoning_and_summary(options: dict[str, str], response: str, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"prompt": "q", "reasoning": "ab", "summary": "2"})
    (example,) = read_examples(DataConfig(path=path, **options))  # type: ignore[arg-type]
    assert example.turns[-1].content == response


def test_parquet_rows_of_several_shapes(tmp_path: Path) -> None:
    rows = [{"prompt": "1+1=", "completion": "2", "messages": None}, {"messages": TALK, "prompt": None}]
    table = pa.Table.from_pylist(rows, schema=pa.schema({
        "prompt": pa.string(), "completion": pa.string(), "junk": pa.int64(),
        "messages": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
    }))  # fmt: skip
    pq.write_table(table, tmp_path / "r.parquet")
    first, second = read_examples(DataConfig(path=str(tmp_path / "r.parquet")))
    assert (first.prompt, first.completion) == ("1+1=", "2")
    assert [message.content for message in second.turns] == ["1+1?", "2", "2+2?", "4"]
    several = DataConfig(path=(str(tmp_path / "r.parquet"),) * 2, limit=3)
    assert len(list(read_examples(several))) == 3


@pytest.mark.parametrize(("policy", "texts"), [("drop", []), ("truncate", ["123+456=⟦5⟧"])])
def test_rows_that_are_too_long_are_counted(policy: str, texts: list[str], chat: Any, tmp_path: Path) -> None:
    long = {"prompt": "123+456=", "completion": "579"}
    path = write(tmp_path / "r.jsonl", long, {"prompt": "1+1=", "completion": "2"}, long | {"prompt": "1" * 12})
    config = DataConfig(path=path, max_tokens=9, too_long=policy)  # type: ignore[arg-type]
    encoded = Encoder(chat, config).encode(read_examples(config))
    assert [show_row(chat, row) for row in encoded.rows] == [*texts, "1+1=⟦2<eos>⟧"]
    # What has nothing left to learn is dropped under either policy.
    assert (encoded.dropped, encoded.truncated) == (2 - len(texts), len(texts))
    with pytest.raises(DataError, match=re.escape("row 1 has 12 tokens, more than data.max_tokens = 9")):
        encode(chat, path, max_tokens=9, too_long="error")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": TALK[:3]}, "row 1: a conversation must end with an assistant turn"),
        ({"text": "x"}, "row 1 has neither messages nor a prompt"),
        ({"prompt": "x"}, "row 1 has a prompt without a completion"),
        ({"prompt": "x", "completion": ""}, "row 1: the completion is empty"),
        ({"messages": [turn("tool", "x")]}, "a turn must be {role, content}"),
        ({"messages": "x"}, "must end with an assistant turn"),
        ({"messages": [turn("user", "x"), turn("assistant", "")]}, "an assistant turn is empty"),
        ({"prompt": 3, "completion": "x"}, "must be a text or a list of messages, got int"),
        ({"prompt": [], "completion": "x"}, "must have a turn each"),
    ],
)
def test_broken_rows_are_named(row: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        list(read_examples(DataConfig(path=write(tmp_path / "r.jsonl", row))))


def test_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot read the rows"):
        list(read_examples(DataConfig(path=str(tmp_path / "r.parquet"))))
    with pytest.raises(UsageError, match=r"reads \.jsonl and \.parquet"):
        list(read_examples(DataConfig(path="r.csv")))
    with pytest.raises(DataError, match="holds no row"):
        list(read_examples(DataConfig(path=write(tmp_path / "empty.jsonl"))))
    with pytest.raises(UsageError, match="must be one of think, cold-start"):
        list(read_examples(DataConfig(path="any", response="chain")))


def test_without_a_template_a_conversation_of_two_turns_is_bare_text(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"prompt": [turn("user", "1+1=")], "completion": "2"})
    assert shown(tokenizer(), path) == ["1+1=⟦2<eos>⟧"]
    with pytest.raises(UsageError, match="no chat template: give one"):
        shown(tokenizer(), write(tmp_path / "r.jsonl", {"messages": TALK}))


BASE: dict[str, Any] = {"model": "m", "output": "o", "data": {"path": "p.jsonl"}}


def test_presets_and_changes_over_them() -> None:
    plain = read_config(BASE)
    assert (plain.epochs, plain.rows, plain.optimizer.learning_rate) == (1.0, 64, 1e-5)
    r1 = read_config(BASE | {"preset": "r1", "optimizer": {"learning_rate": 1e-3}}, {"rows": 8})
    assert (r1.epochs, r1.rows, r1.optimizer.learning_rate) == (2, 8, 1e-3)
    assert (r1.optimizer.schedule, r1.optimizer.floor) == ("cosine", 0.1)
    assert read_config(r1.as_dict()) == r1
    assert r1.total_steps(20) == 5
    assert read_config(BASE, {"steps": 3}).total_steps(10**6) == 3


def test_the_hash_covers_what_decides_the_weights() -> None:
    config = read_config(BASE)
    assert config.hash == read_config(BASE, {"epochs": 7, "output": "elsewhere", "validate_every": 1}).hash
    for change in ({"seed": 1}, {"rows": 3}, {"data.limit": 5}, {"preset": "r1"}, {"layout": "packed"}):
        assert config.hash != read_config(BASE, change).hash
    assert read_config(BASE, {"preset": "r1"}).hash != read_config(BASE, {"preset": "r1", "epochs": 7}).hash


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 3}, r"no field 'epoch'\. Did you mean epochs"),
        ({"data.maxtokens": 3}, r"no field 'data\.maxtokens'\. Did you mean max_tokens"),
        ({"preset": "distil"}, r"no SFT preset 'distil'\. Did you mean distill"),
        ({"data.too_long": "keep"}, r"data\.too_long"),
        ({"data.validation": 1.0}, r"data\.validation"),
        ({"optimizer": 3}, "optimizer"),
        ({"checkpoints.best": "loss"}, r"checkpoints\.best is for GRPO"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_config(BASE, change)


def test_every_preset_is_a_configuration() -> None:
    assert all(isinstance(read_config(BASE | {"preset": name}), SftConfig) for name in PRESETS)
