"""Texts of others inside the judge's prompt: shown in full view, and never mistaken for the prompt itself.

A response is written by a model that is rewarded for the verdict, so it is taken for an attack. What holds:

- Each text stands between two fence lines that carry a code: a hash over all texts shown and the prompt's version. The
  code is known only once the texts are, so no text can hold it (one that did would get another code); and the same
  texts give the same prompt, so that verdicts can be cached.
- Every line of a text begins with "| ". No line of it can look like a fence, like a verdict line, or like a line of
  the prompt, whatever line separators it uses. Marking every line as data is a form of the datamarking of
  Hines et al. 2024 (arXiv:2403.14720), which holds off injections better than delimiters alone.
- Tokens with which chat templates open and close turns (`<|im_start|>`, `[INST]`, `<start_of_turn>`, ...) get a space
  after their first character: a tokenizer would else turn them into real turns, past all fences.
- Characters that a person would not see are taken out (zero-width, direction overrides, the invisible tag characters),
  and control characters become U+FFFD. Line separators of all kinds become line feeds.
- Texts are copied, never run through `str.format` or a template.

What this does not do: make a judge immune to persuasion. It makes sure that the judge can tell what is data.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

VERSION = "1"
"""Part of every prompt's version: changes whenever the same texts are shown differently."""
MARK = "| "
_CODE_CHARS = 16
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's default-ignorable characters, but for the joiners and the two variation selectors that scripts and emoji
need (U+200C, U+200D, U+FE0E, U+FE0F)."""
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MANY_BLANK_LINES = re.compile(r"\n{4,}")
_SPECIAL_TOKENS = re.compile(
    # <|im_start|>, <|eot_id|>, <｜User｜>, <|START_OF_TURN_TOKEN|>, and halves of them
    r"[<＜](?=[|｜│])"
    # <s>, </s>, <bos>, <pad>, <start_of_turn>, <think>, <tool_call>, <unused7>, <extra_id_0>, <0x0A>
    r"|[<＜](?=/?(?:s|bos|eos|pad|unk|mask|sep|cls|eod|eot|eom|image|system|user|human|assistant|model|bot|"
    r"thinking|think|tool_\w{1,20}|\w{1,20}_of_\w{1,20}|endoftext|im_\w{1,10}|fim_\w{1,10}|unused_?\d{1,4}|"
    r"reserved_\w{1,30}|extra_id_\d{1,4}|extra_\d{1,4}|0x[0-9a-f]{2})[>＞])"
    # [INST], [/INST], [SYSTEM_PROMPT], [TOOL_CALLS], and <<SYS>>
    r"|[\[［](?=/?(?:INST|SYS|BOS|EOS|UNK|PAD|CLS|SEP|MASK|IMG\w{0,10}|gMASK|sMASK|eop|sop|THINK|ARGS|PREFIX|MIDDLE|SUFFIX|"
    r"SYSTEM_PROMPT|MODEL_SETTINGS|AVAILABLE_TOOLS|TOOL_\w{1,20}|CALL_ID)[\]］])"
    r"|[<＜](?=[<＜]/?SYS[>＞])",
    re.IGNORECASE,
)


class Region(NamedTuple):
    """A text to be shown, with what it is."""

    label: str
    """In capitals, such as "RESPONSE"; ours, never taken from a text."""
    lines: tuple[str, ...]
    """Made by `clean`."""


def clean(label: str, text: str, max_chars: int) -> Region:
    """A text as the judge gets to see it, in time linear in its length.

    Args:
        label: What it is.
        text: Anything.
        max_chars: Characters that are shown at most: of a longer text the first and the last half of that, and a line
            between them that says how much is left out. That line has no mark, so no text can hold one.
    """
    if len(text) <= max_chars:
        return Region(label, _marked(text))
    half = max_chars // 2
    left_out = len(text) - 2 * half
    gap = f"[{left_out} characters are left out here]"
    return Region(label, (*_marked(text[:half]), gap, *_marked(text[-half:] if half else "")))


def _marked(text: str) -> tuple[str, ...]:
    text = _LINE_ENDS.sub("\n", text)
    text = _CONTROLS.sub("\ufffd", _INVISIBLE.sub("", text))
    # After what is invisible has gone: it could have stood inside a token.
    text = _SPECIAL_TOKENS.sub(r"\g<0> ", text)
    text = _MANY_BLANK_LINES.sub("\n\n\n", text.strip("\n"))
    return tuple(MARK + line for line in text.split("\n"))


def code_for(regions: Sequence[Region], version: str) -> str:
    """The code of the fences: hexadecimal, decided by the texts and the prompt's version, and in none of the texts."""
    content = json.dumps([version, regions]).encode()
    texts = "\n".join(line for region in regions for line in region.lines)
    number = 0
    while True:
        code = hashlib.sha256(content + number.to_bytes(4, "big")).hexdigest()[:_CODE_CHARS]
        if code not in texts:
            return code
        number += 1


def fenced(region: Region, code: str) -> str:
    """The region between its fences."""
    return "\n".join((f"<<<BEGIN {region.label} {code}>>>", *region.lines, f"<<<END {region.label} {code}>>>"))
