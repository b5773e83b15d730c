r"""`multiple_choice`: which option did the response pick, and is it the right one?

The answer part (never the reasoning) is searched in this order, and the first thing found decides:

1. the last explicit marker: `Answer: B` or `"answer": "B"`, with markdown, `$B$`, `\text{B}` or brackets around it, in
   the languages in which simple-evals asks; what it announces may also be the text of an option;
2. the last `\boxed{}`: a letter, or the text of an option;
3. the last line, where it is only a letter (`B`, `(B)`, `B.`) or only the text of an option.

Two letters ("A or B"), in one place or in two that a comma or a word for "or" or "and" joins, are no single answer.
Where the choices are known, `extracted` is the text of the
chosen option: the letters of one problem mean different options in samples whose choices were permuted, and
cons@k must count votes for options. Everything is decided in the caller, in time linear in the text.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import assay
from assay import (
    BaseVerifier,
    Completion,
    Outcome,
    Problem,
    UsageError,
    Verdict,
    ends_in_or,
    how_joined,
    missing_answer,
    split_completion,
)

_MARKER = re.compile(
    r"(?:\banswer|\brespuesta|\bréponse|\bantwort|\brisposta|\bresposta|\bjawaban|\bjibu|\bcevap|答案|答え|回答|정답|답변|ответ|"
    r"الإجابة|উত্তর|उत्तर)(?:\s+final|\s+correct[ae]?|\s+choice|\s+option)?"
    r"[ \t*_`\"]{0,8}(?:\s{0,4}[:：]|\s{1,4}(?:is|es|est|ist|è|é)\b\s{0,4}[:：]?|\s{0,4}(?:是|为)\s{0,4}[:：]?)",
    re.IGNORECASE,
)
_WRAPPER = re.compile(
    r"\\(?:boxed|fbox|text(?:bf|it|rm)?|mathrm|mathbf|math(?:sf|tt)|underline)\s*\{|[*_`$\s{}]|\\[()\[\]]"
)
_LETTER = re.compile(r"[(\[]?\s?([A-Za-zＡ-Ｚ])\s?(?:[)\]]|(?![^\W\d_]))")
_MORE = re.compile(r"([^A-ZＡ-Ｚ]{0,40}?)([A-ZＡ-Ｚ])(?![^\W\d_]|')")
"""The next capital letter that stands alone, and what is before it."""
_MORE_BRACKETED = re.compile(r"([^(\[]{0,40})[(\[]\s?([A-Za-zＡ-Ｚ])\s?[)\]]")
_OR_ELSE = re.compile(r"[\s,;.]*[(\[]?\s*(?:(?:or|oder|ou|или|либо)\b|或)", re.IGNORECASE)
_LONE = re.compile(r"[(\[]?\s*([A-Za-zＡ-Ｚ])\s*[)\]]?\s*[.。:]?")
_BOX_END = re.compile(r"\\[\s\S]|[{}]")
_SPACES = re.compile(r"\s+")
MAX_LINE = 1_000
"""Characters after a marker, and of a last line, that are read."""
MAX_BOXES = 26
"""Joined boxes that are looked at."""
MAX_MARKERS = 64
"""Markers, from the last one back, that are looked at until one of them announces an option."""


@dataclass(frozen=True, slots=True)
class _Picked:
    """What the response chose: a letter, or several, which is no answer."""

    letters: tuple[str, ...]
    start: int
    end: int
    how: str


@dataclass(frozen=True, slots=True)
class _Key:
    """A reference in one shape."""

    accepted: tuple[str, ...]
    choices: Mapping[str, str]

    def letter_of(self, text: str) -> str | None:
        """The letter of the only option that has this text; None where none or several do."""
        wanted = _plain(text)
        hits = [letter for letter, choice in self.choices.items() if wanted and _plain(choice) == wanted]
        return hits[0] if len(hits) == 1 else None


class MultipleChoice(BaseVerifier):
    """Is the chosen option the right one?

    The reference is a letter, a list of accepted letters, or `{"answer": "B", "choices": [text of A, …]}`,
    where `answer` may also be a list.
    """

    name = "multiple_choice"
    version = "3"

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict:
        """Always decides."""
        try:
            key = _key(problem.reference)
        except UsageError as error:
            reason = f"the reference cannot be used: {error}"
            return Verdict(outcome=Outcome.ERROR, reason=reason, details={"unusable_reference": True})
        split = split_completion(completion)
        if split.answer is None:
            return missing_answer(completion, "the response ends inside its reasoning")
        picked = _pick(split.answer, key)
        if picked is None:
            return missing_answer(completion, "no option was named")
        if len(picked.letters) > 1:
            return missing_answer(completion, f"several options were named ({', '.join(picked.letters)}), not one")
        letter = picked.letters[0]
        offset = len(completion.text) - len(split.answer)
        details: dict[str, Any] = {"letter": letter, "found": picked.how}
        if offset + picked.start >= 0:
            details["span"] = [offset + picked.start, offset + picked.end]
        right = letter in key.accepted
        expected = " or ".join(key.accepted)
        reason = f"option {letter} is the right one" if right else f"option {letter} was chosen, {expected} is right"
        if key.choices and letter not in key.choices:
            reason = f"{letter} is not one of the options {', '.join(key.choices)}; {expected} is right"
        return Verdict(
            outcome=Outcome.GRADED,
            score=float(right),
            extracted=key.choices.get(letter, letter),
            reason=reason,
            details=details,
        )

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """The same as `verify_fast`."""
        return self.verify_fast(problem, completion)

    def check_reference(self, reference: Any) -> str | None:
        """Why a reference names no option."""
        try:
            _key(reference)
        except UsageError as error:
            return str(error)
        return None

    def same_answer_fast(self, a: str, b: str) -> bool:
        """Whether two extracted answers name the same option."""
        return a == b


@assay.hookimpl
def register_verifiers() -> Mapping[str, Callable[..., assay.Verifier]]:
    """The verifier of this module."""
    return {"multiple_choice": MultipleChoice}


def _key(reference: Any) -> _Key:
    choices: Sequence[Any] = ()
    answer = reference
    if isinstance(reference, Mapping):
        if "answer" not in reference:
            raise UsageError('multiple_choice needs "answer" in its reference, got the keys ' + ", ".join(reference))
        answer, choices = reference["answer"], reference.get("choices") or ()
    accepted = [answer] if isinstance(answer, str) else answer
    if not isinstance(accepted, list | tuple) or not accepted or not all(_is_letter(item) for item in accepted):
        raise UsageError(
            f"multiple_choice needs a letter or a list of letters as the answer of its reference, got {answer!r:.80}"
        )
    if isinstance(choices, str | Mapping) or len(choices) > 26 or not all(isinstance(item, str) for item in choices):
        raise UsageError("multiple_choice needs the choices of its reference as a list of at most 26 strings")
    letters = {chr(ord("A") + index): str(choice) for index, choice in enumerate(choices)}
    normal = tuple(item.strip(" ().").upper() for item in accepted)
    unknown = [letter for letter in normal if letters and letter not in letters]
    if unknown:
        raise UsageError(
            f"multiple_choice: the answer {unknown[0]} is not among the {len(letters)} choices of the reference"
        )
    return _Key(accepted=normal, choices=letters)


def _is_letter(item: object) -> bool:
    return (
        isinstance(item, str)
        and len(item.strip(" ().")) == 1
        and item.strip(" ().").isascii()
        and item.strip(" ().").isalpha()
    )


def _pick(answer: str, key: _Key) -> _Picked | None:
    return _from_marker(answer, key) or _from_box(answer, key) or _from_last_line(answer, key)


def _from_marker(answer: str, key: _Key) -> _Picked | None:
    """The last marker that announces an option: one that announces something else is passed over."""
    last = deque(_MARKER.finditer(answer), maxlen=MAX_MARKERS)
    while last:
        match = last.pop()
        window = answer[match.end() : match.end() + MAX_LINE].lstrip(" \t*_`")
        line = window.lstrip("\n").split("\n", 1)[0]
        if '"' in match[0] and line.startswith('"'):  # a field of JSON: what stands between its quotes
            line = line[1:].split('"', 1)[0]
        letters = _letters(line, key)
        if letters:
            announced = answer[last[-1].end() : match.start()] if last else ""
            if len(announced) <= MAX_LINE and ends_in_or(announced):
                letters = tuple(dict.fromkeys((*(_letters(announced, key) or ("?",)), *letters)))
            return _Picked(letters, match.end(), match.end() + len(line), "marker")
    return None


def _from_box(answer: str, key: _Key) -> _Picked | None:
    """The last box with those before it that are joined to it: two options in two boxes are two options."""
    start, end = _last_box(answer, len(answer))
    letters = () if end is None else _box_letters(answer, start, end, key)
    if end is None or not letters:
        return None
    first = start
    for _ in range(MAX_BOXES):
        before, before_end = _last_box(answer, first)
        joint = "" if before_end is None else how_joined(answer[before_end:first])
        if before_end is None or not joint:
            break
        others = _box_letters(answer, before, before_end, key)
        # A box before a comma may hold the value of the option; an alternative to an option is never that option.
        letters = tuple(dict.fromkeys((*(others or ("?",) * (joint == "or")), *letters)))
        first = before
    return _Picked(letters, start, end, "box")


def _last_box(answer: str, limit: int) -> tuple[int, int | None]:
    """Where the last box before a place begins, and where it ends; None where it is not closed there."""
    start = max(answer.rfind("\\boxed{", 0, limit), answer.rfind("\\fbox{", 0, limit))
    if start < 0:
        return start, None
    depth = 0
    for match in _BOX_END.finditer(answer, answer.index("{", start), limit):
        depth += (match[0] == "{") - (match[0] == "}")
        if depth == 0:
            return start, match.end()
    return start, None


def _box_letters(answer: str, start: int, end: int, key: _Key) -> tuple[str, ...]:
    return _letters(answer[answer.index("{", start) + 1 : end - 1][:MAX_LINE], key)


def _from_last_line(answer: str, key: _Key) -> _Picked | None:
    text = answer.rstrip()
    start = max(text.rfind("\n") + 1, len(text) - MAX_LINE)
    line = _unwrapped(text[start:])
    lone = _LONE.fullmatch(line)
    letter = _normal(lone[1]) if lone else key.letter_of(line)
    if letter is None or (lone and lone[1].islower() and len(line) == 1 and not key.choices):
        return None
    return _Picked((letter,), start, len(text), "line")


def _letters(text: str, key: _Key) -> tuple[str, ...]:
    """The options that a short text names: a lone capital letter first, the text of one option, other letters."""
    plain = _unwrapped(text)
    lone = _LONE.fullmatch(plain)
    if lone is not None and lone[1].isupper() and (not key.choices or _normal(lone[1]) in key.choices):
        return (_normal(lone[1]),)
    whole = key.letter_of(text)
    if whole is not None:
        return (whole,)
    match = _LETTER.match(plain)
    if match is None:
        return ()
    rest = plain[match.end() :]
    bracketed = match[0][0] in "([" or match[0].rstrip()[-1:] in ")]"
    # "A triangle" is a sentence; "A", "A. …", "A) …", "A: …", "(A) …" and "A or B" are options.
    more = _MORE.match(rest) or _MORE_BRACKETED.match(rest)
    if more is not None and how_joined(more[1]):
        return tuple(dict.fromkeys((_normal(match[1]), _normal(more[2]))))
    if _OR_ELSE.match(rest):
        return ()
    if rest and not bracketed and not re.match(r"\s*(?:[.,:;()\]\-–—。，]|$)|\s*(?:because|since|as|is|，|。)\b", rest):
        return ()
    if match[1].islower() and rest and not bracketed:
        return ()
    return (_normal(match[1]),)


def _normal(letter: str) -> str:
    return chr(ord(letter) - 0xFEE0) if ord(letter) > 0xFF00 else letter.upper()


def _unwrapped(text: str) -> str:
    r"""Without markdown, dollar signs, `\text{}` and the like, and with single spaces."""
    return _SPACES.sub(" ", _WRAPPER.sub(lambda match: " " if match[0].isspace() else "", text)).strip(" ")


def _plain(text: str) -> str:
    """The text of an option for comparison: without markup, spaces, case and a final period."""
    return _unwrapped(text).replace(" ", "").rstrip(".").casefold()
