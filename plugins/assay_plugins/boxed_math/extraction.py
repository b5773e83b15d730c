r"""Finding the final answer of a response: a box, else an explicit marker, else (lenient) the last line.

The policy, which docs/verifiers.md repeats:

1. The last `\boxed` or `\fbox` with balanced braces. A box that is opened after it and never closed means
   that there is no answer. With `boxes="joined"`, boxes that are joined to it only by commas, semicolons or a
   word for "and" are one answer with several members: `\boxed{1}, \boxed{2}` is the list 1, 2. A word for
   "or" between boxes of one sentence joins them in either case: `\boxed{1} or maybe \boxed{2}` is a hedge and not
   the answer 2, while "or equivalently" says the same again.
2. In modes "marker" and "lenient": the last explicit marker, such as `Answer: X`, `#### X`, `The answer is X`,
   `<answer>X</answer>`, or the same in Chinese, Spanish, French, German, Russian.
3. In mode "lenient", for untuned models: the last line that is not empty, or the formula that ends it.

A number is never picked out of prose. All searches are linear in the length of the text: regular expressions
without nested repetition, and braces are counted once, from the last box on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay import ends_in_or, how_joined

MAX_BOXES = 64
"""Joined boxes that are read as one answer."""
_MUTATED_BOX = re.compile(r"\\begin\s?\{?boxed\}?(?=\{)|(?<![\\A-Za-z])boxed(?=\{)")
"""Boxes as models that lose their LaTeX write them; read in mode "lenient" only."""
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s{0,8}")
_BARE = re.compile(r"-?\d[\d.,]*(?<![.,])|\\[dt]?frac\s?\{?\d+\}?\s?\{?\d+\}?|[A-Za-z](?![A-Za-z])")
_BRACE = re.compile(r"\\[\s\S]|[{}]")
_JOIN = re.compile(
    r"(?:[\s$,;.]|\\[,;:! ()\[\]]|\\q?quad|\\text\s?\{[^{}]{0,40}\b(?:and|or)\s?\}|\\text"
    r"|and|or|oder|ou|или|或|和|и|et|y|und|[{}*&~])*"
)
_JOINER = re.compile(r"[,;]|and|or|和|и|\bet\b|\by\b|und")
_HEDGE = re.compile(r"\b(?:or|oder|ou|или)\b|或")
_WORDS = (
    r"final\sanswer|answer|solution|ответ|答案|答え|答|结果|respuesta(?:\sfinal)?|r[ée]ponse(?:\sfinale)?|"
    r"(?:end)?antwort|risposta|resposta|정답"
)
_COPULA = (
    r"\s{0,20}(?:[:：=]|\bis\b|\bare\b|\bwill\sbe\b|为|為|是|\bes\b|\best\b|\bist\b|\blautet\b|\bè\b|\bé\b|\bравен\b)"
)
_MARK = r"[\s*_`]{0,6}"
_MARKER = re.compile(
    rf"""(?:<answer>|\#\#\#\#\s|^\s{{0,8}}A:|(?:\b|(?<=[^\x00-\x7f]))(?:{_WORDS}){_MARK}(?:
        {_COPULA}{_MARK}[:：]?|(?=[ ]?(?:\$|\\\(|\\\[))))""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_TRAILING = re.compile(
    r"(\$[^$\n]{1,300}\$|\\\([^\n]{1,300}?\\\)|[-+\w.,/^]{1,60})\s+is\s+(?:the|our|my)\s+(?:final\s+|correct\s+)?"
    r"(?:answer|solution)\b",
    re.IGNORECASE,
)
# An inline formula stands on one line; only displayed ones may span several.
_MATH = re.compile(r"\$\$((?:\\.|[^$\\])+)\$\$|\$((?:\\.|[^$\\\n])+)\$|\\\(([^\n]+?)\\\)|\\\[([\s\S]+?)\\\]")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_LEAD_IN = re.compile(r"(?:\b(?:is|are|be|that|to|get|find|have|has|equals|gives|obtain|solution)|[:：=是为])\s*$")
_SENTENCE_END = re.compile(
    r"(?:[.!?](?=\s+[A-Z*(\\]|\s*$)|。|(?=\s*<\|)|(?=\s*</answer>)|\n|\.?\s+I hope it is correct)"
)
_IS = re.compile(r"(?:\b(?:is|are|equals|be|es|est|ist)\b|应该是|是|为|равен|=)\s*(?=\S)")
_EDGES = " \t\n*_`"
MAX_TAIL = 2_000
"""Characters after a marker that are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer with its place in the searched text."""

    text: str
    start: int
    end: int
    how: str
    """"box", "marker" or "line"."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no answer, as a sentence."""

    reason: str


def find_answer(text: str, mode: str = "strict", boxes: str = "last") -> Found | Missing:
    """The final answer of a text (the part after the reasoning).

    Args:
        text: What follows the reasoning.
        mode: strict, marker or lenient.
        boxes: last or joined, see the policy above.
    """
    found = find_box(text, boxes)
    if found is None and mode == "lenient" and "boxed" in text:
        same_length = _MUTATED_BOX.sub(lambda match: r"\boxed".rjust(len(match[0])), text)
        found = find_box(same_length, boxes)
    if found is not None:
        return found
    if mode == "strict":
        return Missing("no \\boxed{} was found")
    found = find_marker(text)
    if found is not None:
        return found
    if mode == "lenient":
        found = _last_line(text)
        if found is not None:
            return found
    return Missing("neither \\boxed{} nor an explicit final answer was found")


def find_box(text: str, policy: str = "last") -> Found | Missing | None:
    """The last box with what is joined to it; None where there is none, `Missing` where it is never closed."""
    joiner = _JOINER if policy == "joined" else _HEDGE
    boxes: list[Found] = []
    limit = len(text)
    starts = [match.start() for match in _BOX.finditer(text)]
    while starts and len(boxes) < MAX_BOXES:
        start = starts.pop()
        box = _box_at(text, start, len(text) if not boxes else limit)
        limit = start
        if isinstance(box, Missing):
            if boxes:
                break
            return box
        if box is None:  # the command is only mentioned: \boxed without braces in a sentence
            continue
        if boxes:
            between = text[box.end : boxes[-1].start]
            joined = len(between) <= 60 and _JOIN.fullmatch(between) and joiner.search(between)
            if not joined and how_joined(between) != "or":
                break
        boxes.append(box)
    if not boxes:
        return None
    contents = [box.text.strip() for box in reversed(boxes)]
    if len(contents) > 1 and len(set(contents)) == 1:
        contents = contents[:1]
    return Found(", ".join(contents), boxes[-1].start, boxes[0].end, "box")


def _box_at(text: str, start: int, limit: int) -> Found | Missing | None:
    head = _BOX.match(text, start)
    if head is None:
        return None
    if text[head.end() : head.end() + 1] != "{":
        bare = _BARE.match(text, head.end())
        if bare is None or (bare[0].isalpha() and text[start + 6 : start + 7].isspace() and bare[0].islower()):
            return None
        return Found(bare[0], start, bare.end(), "box")
    depth = 0
    for match in _BRACE.finditer(text, head.end(), limit):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return Found(text[head.end() + 1 : match.start()], start, match.end(), "box")
    return Missing("the last \\boxed{ is never closed")


def find_marker(text: str) -> Found | None:
    """What the last explicit final-answer marker announces."""
    before, last = None, None
    for match in _MARKER.finditer(text):
        if text[match.end() : match.end() + 40].strip(_EDGES + ":："):
            before, last = last, match
    statement = None
    if last is None or len(text) - last.end() > MAX_TAIL:
        tail_start = max(0, len(text) - MAX_TAIL)
        for match in _TRAILING.finditer(text, tail_start):
            statement = match
    if statement is not None:
        return Found(_bare_math(statement[1]), statement.start(1), statement.end(1), "marker")
    if last is None:
        return None
    found = _behind(text, last)
    if found is not None and before is not None and ends_in_or(text[before.end() : last.start()]):
        other = _behind(text, before)
        if other is not None and other.text != found.text:  # two announcements joined by "or" are one hedge
            return Found(f"{other.text} or {found.text}", other.start, found.end, "marker")
    return found


def _behind(text: str, marker: re.Match[str]) -> Found | None:
    """What one marker announces."""
    start = marker.end()
    if marker[0].lower() == "<answer>":
        end = text.find("</answer>", start)
        if end < 0:
            return None
        inner = text[start:end].strip(_EDGES)
        return Found(inner, start, end, "marker") if inner else None
    return _announced(text, start)


_PROSE = (re.compile(r"\b[^\W\d_]{3,}\s+[^\W\d_]"), re.compile(r"[^\x00-\x7f]{2}"))
"""Two words in a row, or two characters of a script that is no formula's."""


def _announced(text: str, start: int) -> Found | None:
    tail = text[start : start + MAX_TAIL]
    stripped = tail.lstrip(_EDGES + ":：}")
    start += len(tail) - len(stripped)
    math = _MATH.match(stripped)
    if math is not None:
        rest = stripped[math.end() : math.end() + 40].lstrip(_EDGES)
        if not re.match(r"(?:,|and\b|or\b|\$|\\\(|\\cup|%|\\%)", rest) or re.match(r",\s*[a-z]{4,}", rest):
            inner = next(group for group in math.groups() if group is not None)
            return Found(inner.strip(), start, start + math.end(), "marker")
    end = _SENTENCE_END.search(stripped)
    sentence = stripped[: end.start()] if end else stripped
    sentence = sentence.rstrip(_EDGES)
    if not sentence:
        return None
    offset = 0
    if len(sentence.split()) > 2 or not sentence.isascii():
        words_end = _prose_end(sentence)
        for match in _IS.finditer(sentence):
            if words_end <= match.start() and _outside_math(sentence, match.start()):
                offset = match.end()
    inner = sentence[offset:].strip(_EDGES).strip()
    return Found(_bare_math(inner), start + offset, start + len(sentence), "marker") if inner else None


def _prose_end(sentence: str) -> int:
    """Where it is clear that words, not a formula, begin an announced sentence; its length + 1 where it never is."""
    ends = [match.end() for pattern in _PROSE if (match := pattern.search(sentence))]
    return min(ends, default=len(sentence) + 1)


def _outside_math(sentence: str, position: int) -> bool:
    return sentence.count("$", 0, position) % 2 == 0


def _bare_math(text: str) -> str:
    """The formula of a text that is nothing but one formula between delimiters."""
    match = _MATH.fullmatch(text.rstrip("."))
    return text if match is None else next(group for group in match.groups() if group is not None).strip()


def _last_line(text: str) -> Found | None:
    tail = text.rstrip()
    cut = tail.find("<|im_", max(0, len(tail) - 200))
    if cut >= 0:
        tail = tail[:cut].rstrip()
    start = max(tail.rfind("\n") + 1, len(tail) - MAX_TAIL)
    line = tail[start:].strip(_EDGES)
    if not line:
        return None
    formulas = list(_MATH.finditer(line))
    if formulas and _LEAD_IN.search(line[: formulas[-1].start()]):
        inner = next(group for group in formulas[-1].groups() if group is not None)
        return Found(inner.strip(), start, len(tail), "line")
    if formulas:
        return Found(line.rstrip("."), start, len(tail), "line")
    sentence = re.split(r"\. |。", line.rstrip(".。 "))[-1]
    bold = _BOLD.findall(sentence)
    if bold and (re.search(r"\d", bold[-1]) or not re.search(r"\d", sentence)):
        return Found(bold[-1].strip(), start, len(tail), "line")
    for match in _IS.finditer(sentence):
        sentence_part = sentence[match.end() :]
        if sentence_part.strip():
            line = sentence_part
    return Found(line.strip(_EDGES).rstrip("."), start, len(tail), "line")
