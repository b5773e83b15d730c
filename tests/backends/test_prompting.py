"""Prefill, options and stop warnings: pure functions, no model."""

from __future__ import annotations

import pytest

from assay.backends import open_backend
from assay.backends import options as opt
from assay.backends.finish import finish_reason_of
from assay.backends.prompting import Prompter, encode_requests, preflight_warnings, stop_warnings
from assay.errors import BackendError, UsageError
from assay.types import FinishReason, Request, Sampling

from .conftest import ask


class Tokenizer:
    """The part of a tokenizer that a prompter uses, with a template that ends in a given text."""

    bos_token = "<s>"

    def __init__(self, ending: str, template: str | None = "… think> …") -> None:
        self.ending = ending
        self.chat_template = template

    def apply_chat_template(self, turns: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool) -> str:
        assert not tokenize
        assert add_generation_prompt
        if turns[0]["role"] == "system":
            raise ValueError("System role not supported")
        return "".join(f"[{turn['content']}]" for turn in turns) + self.ending

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        ids = [ord(character) for character in text]
        return {"input_ids": [1, *ids] if add_special_tokens else ids}


@pytest.mark.parametrize(
    ("ending", "prefill", "text", "standing"),
    [
        ("A:", "", "[q]A:", ""),
        ("A:", "<think>\n", "[q]A:<think>\n", "<think>\n"),
        ("A:<think>\n", "<think>\n", "[q]A:<think>\n", "<think>\n"),  # the template does it: not twice
        ("A:<think>\n", "", "[q]A:<think>\n", "<think>\n"),  # and it is reported though nobody asked
        ("A:<think>", "<think>\n", "[q]A:<think>", "<think>"),
        ("A:<think>\n", "<think>\nOkay, ", "[q]A:<think>\nOkay, ", "<think>\nOkay, "),
        ("A:<think>\n\n</think>\n\n", "", "[q]A:<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n"),
        ("A:", "Sure. ", "[q]A:Sure. ", "Sure. "),
        ("A:Sure. ", "Sure. ", "[q]A:Sure. ", "Sure. "),
    ],
)
def test_prefill_is_added_once_and_reported(ending: str, prefill: str, text: str, standing: str) -> None:
    rendered = Prompter(Tokenizer(ending)).render(ask("q", prefill=prefill))
    assert (rendered.text, rendered.prefill) == (text, standing)


def test_requests_are_encoded_in_order_and_equal_prompts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prompter, asked = Prompter(Tokenizer("A:")), []
    monkeypatch.setattr(prompter, "encode", lambda rendered: asked.append(rendered.text) or [ord(rendered.text[1])] * 3)
    requests = [ask("a"), ask("b"), ask("a"), ask("a", prefill="<think>\n")]
    encoded = encode_requests(prompter, requests, context=None)
    assert [each.ids for each in encoded] == [[97] * 3, [98] * 3, [97] * 3, [97] * 3]
    assert [each.prefill for each in encoded] == ["", "", "", "<think>\n"]
    assert asked == ["[a]A:", "[b]A:", "[a]A:<think>\n"]
    assert all(each.failed is None for each in encoded)


def test_prompts_that_cannot_be_completed_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    prompter = Prompter(Tokenizer("", template=None))
    monkeypatch.setattr(prompter, "encode", lambda rendered: [1] * len(rendered.text))
    short, long, empty = encode_requests(prompter, [ask("short"), ask("much too long"), ask("")], context=8)
    assert short.failed is None
    for each, why in (
        (long, "the prompt has 13 tokens and does not fit the model's context window of 8"),
        (empty, "the prompt is empty: it has no tokens"),
    ):
        assert each.failed is not None
        assert (each.failed.finish_reason, each.failed.error) == (FinishReason.ERROR, why)
    assert encode_requests(prompter, [ask("much too long")], context=None)[0].failed is None


def test_auto_prefill_follows_the_template() -> None:
    assert Prompter(Tokenizer("A:")).resolve_prefill("auto") == "<think>\n"
    assert Prompter(Tokenizer("A:<think>\n")).resolve_prefill("auto") == ""
    assert Prompter(Tokenizer("A:", template="plain")).resolve_prefill("auto") == ""
    assert Prompter(Tokenizer("A:", template=None)).resolve_prefill("auto") == ""
    assert Prompter(Tokenizer("A:")).resolve_prefill("none") == ""
    assert Prompter(Tokenizer("A:")).resolve_prefill("Well") == "Well"


def test_raw_texts_get_their_begin_token_once() -> None:
    prompter = Prompter(Tokenizer("A:"))
    raw = Request(key="k", prompt="User: hi. Assistant:", seed=0, prefill=" <think>")
    rendered = prompter.render(raw)
    assert rendered.text == "User: hi. Assistant: <think>"
    assert prompter.encode(rendered)[0] == 1
    marked = prompter.render(Request(key="k", prompt="<s>hi", seed=0))
    assert prompter.encode(marked)[0] == ord("<")
    assert prompter.encode(prompter.render(ask("hi")))[0] == ord("[")


def test_a_template_that_refuses_is_named() -> None:
    from assay.types import Message

    request = Request(key="k", seed=0, prompt=(Message(role="system", content="x"), Message(role="user", content="y")))
    with pytest.raises(BackendError, match="refuses messages with the roles system, user: System role not supported"):
        Prompter(Tokenizer("A:")).render(request)


def test_a_doubled_think_is_seen() -> None:
    sampling = Sampling()
    twice = Prompter(Tokenizer("A:<think>\n<think>\n"))
    assert any("twice" in line for line in preflight_warnings(twice, [ask("q")], sampling, context=None))
    once = Prompter(Tokenizer("A:<think>\n"))
    assert list(preflight_warnings(once, [ask("q", prefill="<think>\n")], sampling, context=None)) == []
    assert list(preflight_warnings(once, [], sampling, context=None)) == []


def test_stop_strings() -> None:
    assert list(stop_warnings(["</s>", "<|im_end|>"], thinking=True)) == []
    assert len(list(stop_warnings(["Question:", "\n\n"], thinking=True))) == 2
    assert len(list(stop_warnings(["Question:", "\n\n"], thinking=False))) == 1
    with pytest.raises(UsageError, match="</think>"):
        list(stop_warnings(["</think>"], thinking=True))


def test_options_are_parsed_strictly() -> None:
    parsers = {"flag": opt.boolean, "n": opt.count, "t": opt.seconds, "auto": opt.int_or_auto, "body": opt.json_object}
    given = {"flag": "Yes", "n": "0", "t": "1.5", "auto": "auto", "body": '{"a": [1]}'}
    assert opt.read_options("x", given, parsers) == {"flag": True, "n": 0, "t": 1.5, "auto": None, "body": {"a": [1]}}
    assert opt.read_options("x", {"flag": False, "n": 3, "t": 2, "auto": 4, "body": {}}, parsers)["auto"] == 4
    assert opt.read_options("x", {"flag": None}, parsers) == {}
    bad = [("flag", "perhaps"), ("n", "-1"), ("n", "1.5"), ("n", True), ("t", "nan"), ("t", "0"), ("auto", "many"),
           ("body", "[1]"), ("body", "{")]  # fmt: skip
    for name, value in bad:
        with pytest.raises(UsageError, match=f"option {name} of the x backend: expected"):
            opt.read_options("x", {name: value}, parsers)
    assert [opt.loose(v) for v in ("2", "0.9", "True", "fp8", '{"a": 1}', 3)] == [2, 0.9, True, "fp8", {"a": 1}, 3]


def test_finish_reasons() -> None:
    words = {"stop": "stop", "length": "length", "MAX_TOKENS": "length", "eos": "stop", None: "stop", "abort": "error"}
    assert {word: finish_reason_of(word) for word in words} == {w: FinishReason(r) for w, r in words.items()}


def test_only_our_schemes_are_opened() -> None:
    assert open_backend("gemini:x", {}) is None
    assert open_backend("just-a-name", {}) is None
    with pytest.raises(UsageError, match=r"hf:\./checkpoint"):
        open_backend("hf:", {})


def test_naming_the_plugin_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, assay.backends; print([m for m in ('torch','transformers','httpx','pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
