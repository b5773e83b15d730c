r"""Reading the final answer of a reasoning_gym response, and comparing it with the gold one.

Where the answer is looked for, in this order, always the last occurrence and only after the reasoning:

1. between `<answer>` and `</answer>`, as the prompt asks;
2. in `\boxed{}`, the habit of models trained on maths;
3. after "Answer:" or "the answer is";
4. in the last line that is not empty: the last resort, for models that were never tuned to follow a format.

Two answers joined by a word for "or", in two boxes, tags or announcements or in one, are a hedge and not an answer.

Where the gold answer is a number, the text found is reduced to the number that it states: to the only one of a
sentence, or, on a last line or after a marker, to the one behind its last "=" or "is". A sentence with a word that
turns its meaning ("not", "or", "at least"), and whatever looks like code, is left as it is. A response cut off at
the token cap counts only with a closed tag or box, because the line that it ends in is not its answer. Everything
here is linear in the text's length.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

from assay import ends_in_or, how_joined

OPEN, CLOSE, BOX = "<answer>", "</answer>", "\\boxed{"
_MARKER = re.compile(r"\banswer(?:\s+is\b[\s:*]*|[\s*]*:[\s*]*)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])[-+−]?(?:\d++(?:,\d++)*+(?:\.\d++)?+(?:/\d++)?+|\.\d++)(?!\w|\.\w)")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")
_CODE = re.compile(r"[_{}\[\]\\@#&|^]|\w\(")
"""What a sentence with a number in it does not hold."""
_TURNED = re.compile(
    r"\b(?:not|no|or|nor|never|neither|cannot|least|most|than|either|between|except|if|unless|vs|versus)\b|n't\b",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"(?:[=≈:→⇒]|->|\b(?:is|are|was|were|be|equals?|makes?|gives?|gets?|yields?|has|have|contains?|total(?:s|\s+of)?)\b)"
    r"[\s$*`]*(?:[^\W\d]+\s+){0,3}\Z"
)
"""What stands before the number that a sentence with several numbers states."""
_OPERATOR = re.compile(r"[+*/×·÷]")
_FIRST_WORD = re.compile(r"\A\S+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_PLAIN_NUMBER = re.compile(r"([-+]?)(?:(\d{1,400})(?:\.(\d{0,400}))?|\.(\d{1,400}))(?:/(\d{1,400}))?")
_HEX = re.compile(r"([-+]?)0x([0-9a-f]{1,400})", re.IGNORECASE)
_TRUTH = frozenset({"true", "false", "yes", "no", "on", "off", "undetermined"})
_MAX_JSON_CHARS = 20_000
_MAX_SENTENCE = 2_000
"""Characters, from the end, of a text in which a number is looked for."""


def extract(text: str, *, number: bool, multiline: bool, complete: bool) -> str | None:
    """The final answer in the text after the reasoning, or None.

    Args:
        text: What follows the reasoning.
        number: The gold answer is a number.
        multiline: The gold answer has several lines, so that a marker is followed by all of them.
        complete: The model ended the response itself.
    """
    enclosed = _between_tags(text, complete) or _boxed(text)
    if enclosed is not None:
        return _stated_number(enclosed, sole=True) if number else enclosed
    if not complete:
        return None
    found = _after_marker(text, multiline) or _last_line(text)
    if found is None:
        return None
    return _stated_number(found, sole=False) if number else found


def same(a: str, b: str, *, ignore_case: bool = False) -> bool:
    """Whether two answers are the same text, number or JSON value. White space and one final full stop do not count.

    >>> same("1,692", "1692.0"), same("[1,0]", "[1, 0]"), same("13", "1")
    (True, True, False)
    """
    left, right = _normal(a), _normal(b)
    if ignore_case or right.lower() in _TRUTH:
        left, right = left.lower(), right.lower()
    if left == right or left.rstrip(".") == right.rstrip(".") != "":
        return True
    x = as_number(left)
    if x is not None:
        return x == as_number(right)
    return left[:1] in "[{" and left[:1] != "" and _json(left) == _json(right) is not None


def as_number(text: str) -> Fraction | None:
    """The exact value of an integer, decimal, fraction or hexadecimal number; None for anything else."""
    plain = _GROUPED.sub(lambda match: match[0].replace(",", ""), text.strip(), count=1).replace("−", "-").strip("$ ")
    if match := _HEX.fullmatch(plain):
        return Fraction(int(match[1] + match[2], 16))
    match = _PLAIN_NUMBER.fullmatch(plain.rstrip("."))
    if match is None:
        return None
    sign, whole, decimals, only_decimals, divisor = match.groups()
    digits = (whole or "") + (decimals or only_decimals or "")
    value = Fraction(int(digits), 10 ** len(decimals or only_decimals or ""))
    if divisor is not None:
        if int(divisor) == 0:
            return None
        value /= int(divisor)
    return -value if sign == "-" else value


def _between_tags(text: str, complete: bool) -> str | None:
    close = text.rfind(CLOSE)
    opened = text.rfind(OPEN, 0, close) if close >= 0 else text.rfind(OPEN)
    if opened < 0 or (close < 0 and not complete):
        return None
    inner = text[opened + len(OPEN) : close if close >= 0 else len(text)]
    before = text.rfind(CLOSE, 0, opened)
    if before >= 0 and how_joined(text[before + len(CLOSE) : opened]) == "or":
        other = text[text.rfind(OPEN, 0, before) + len(OPEN) : before] if OPEN in text[:before] else ""
        if other.strip() != inner.strip():
            return f"{other.strip()} or {inner.strip()}"
    return _boxed(inner) or inner.strip() or None


def _boxed(text: str) -> str | None:
    start = text.rfind(BOX)
    end = _box_end(text, start, len(text))
    if end is None:
        return None
    inner = text[start + len(BOX) : end].strip()
    before = text.rfind(BOX, 0, start)
    end = _box_end(text, before, start)
    if end is not None and how_joined(text[end + 1 : start]) == "or":
        other = text[before + len(BOX) : end].strip()
        if other != inner:
            return f"{other} or {inner}"
    return inner or None


def _box_end(text: str, start: int, limit: int) -> int | None:
    """Where the brace that closes a box stands; None where there is no box, or it is not closed before the limit."""
    depth = 0
    for position in range(start + len(BOX) - 1, limit) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return None


def _after_marker(text: str, multiline: bool) -> str | None:
    before, last = None, None
    for match in _MARKER.finditer(text):
        before, last = last, match
    if last is None:
        return None
    start = last.end()
    if before is not None and ends_in_or(text[before.end() : last.start()]):
        start = before.end()
    rest = text[start:].strip()
    return (rest if multiline else rest.split("\n", 1)[0]).strip(" *`") or None


def _last_line(text: str) -> str | None:
    stripped = text.rstrip()
    return stripped[stripped.rfind("\n") + 1 :].strip(" *`") or None


def _stated_number(text: str, *, sole: bool) -> str:
    """The number that a text states; the text itself where it states none beyond doubt.

    Args:
        text: What stands in tags or a box, after a marker, or on a line.
        sole: Whether it must be the only number.
    """
    if as_number(text) is not None:
        return text.strip().removesuffix(".")
    tail = text if len(text) <= _MAX_SENTENCE else _FIRST_WORD.sub("", text[-_MAX_SENTENCE:])
    sentences = [part for part in _SENTENCE_END.split(tail) if _NUMBER.search(part)]
    if not sentences or (sole and len(sentences) > 1):
        return text
    last = sentences[-1].replace("\\$", "$").replace("\\%", "%").replace("**", "")
    if _CODE.search(last) or _TURNED.search(last):
        return text
    numbers = list(_NUMBER.finditer(last))
    if len({number[0] for number in numbers}) == 1 and not _OPERATOR.search(_NUMBER.sub("", last)):
        return numbers[0][0]
    return text if sole or _STATED.search(last[: numbers[-1].start()]) is None else numbers[-1][0]


def _normal(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.strip().split("\n") if line.strip())


def _json(text: str) -> Any:
    """The JSON value of a text, Python's single quotes allowed; None where it is none."""
    if len(text) > _MAX_JSON_CHARS:
        return None
    try:
        return json.loads(text.replace("'", '"'))
    except (ValueError, RecursionError):
        return None
