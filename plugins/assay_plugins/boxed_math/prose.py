r"""Answers that are sentences: `\boxed{\text{The answer is } 42}`, `Final Answer: Jane started 3 hours ago`.

What a marker, a last line or a box holds may be a sentence around the answer. `said` takes the answer out of
it where there is no doubt: what follows the last copula, or the one number of the sentence. A sentence with
two different numbers, or with a word that turns its meaning ("not", "or", "at least"), is left as it is:
no number is ever chosen among several.
"""

from __future__ import annotations

import re
from functools import lru_cache

from assay_plugins.boxed_math.numerals import read_number

MAX_SENTENCE = 600
_EDGES = " \t$*."
_CODE = re.compile(r"__|[A-Za-z]\(|[;{}]\s*$")
"""What a program is written with and a sentence is not."""
_WORDS = re.compile(r"[^\W\d_]{2,}")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
_COMMAND = re.compile(r"\\(?:text(?:bf|it|rm)?|mathrm|mbox)\s*\{([^{}]*)\}|\\[A-Za-z]+")
_COPULA = re.compile(r"(?:\b(?:is|are|equals|be|it's|that's|es|est|ist|son)\b|应该是|是|为|равен|=|:|：)\s*(?=\S)")
_TURNED = re.compile(
    r"\b(?:not|no|or|nor|never|neither|cannot|least|most|than|either|between|except|if|unless|ni|no|non|pas|nicht|не|или"
    r"|oder|ou|o)\b|n't\b|不|或|非"
)
_CHANGED = re.compile(
    r"\b(?:half|halves|twice|thrice|double|triple|thirds?|quarters?|fourths?|fifths?|tenths?|square|squared|cubed?|root"
    r"|times|plus|minus|negative|divided|multiplied|product|sum|difference|quotient|reciprocal|inverse|opposite"
    r"|factorial|dozens?|hundreds?|thousands?|millions?|billions?|percent of|fraction|more|less|fewer|mitad|doble|"
    r"половина|вдвое|hälfte|doppelt)\b|一半|倍",
    re.IGNORECASE,
)
"""Words beside a number that make it another: "half of 12"."""
_NUMBER = re.compile(
    r"(?<![A-Za-z\d_.\\^{])[-−]?[$€£¥]?\d+(?:[,\u202f]\d{3})*(?:\.\d+)?(?:\s?/\s?\d+)?(?![A-Za-z\d_{/]*[\d^_{/\\+*])"
)
_SENTENCE = re.compile(r"(?<=[^\d\s][.!?])\s+|(?<=\d\d[.!?])\s+(?=[A-ZА-Я])|[。！？\n]+")
_CLOSING = re.compile(r"(?:I hope (?:it|this) is correct|<\|im_\w+).*\Z", re.DOTALL | re.IGNORECASE)


def is_prose(text: str) -> bool:
    """Whether words make up most of a text: three of two letters or more, or a run in a script without spaces."""
    plain = _COMMAND.sub(lambda match: match[1] or " ", text)
    return len(_WORDS.findall(plain)) >= 3 or (bool(_WIDE.search(plain)) and bool(re.search(r"\d", plain)))


@lru_cache(maxsize=2048)
def said(text: str, *, sole: bool) -> str | None:
    """The answer that a sentence states; None where the text is none, or states it not beyond doubt.

    Args:
        text: What a box, a marker or a last line holds.
        sole: Whether the only number of the sentence may be taken where no copula stands before the answer.

    >>> said("the total is 1,200 apples", sole=False), said("there are 12 distinct ones", sole=True)
    ('1,200 apples', '12')
    >>> said("there are 12 or 13 of them", sole=True) is None
    True
    """
    text = _CLOSING.sub("", text[-MAX_SENTENCE:]).strip(" \t\n.*")
    above, newline, below = text.rpartition("\n")
    if newline and len(_WORDS.findall(above)) > 1 and read_number(below.strip(_EDGES)) is not None:
        return below.strip(_EDGES)
    if _CODE.search(text) or not is_prose(text):
        return None
    sentences = [part for part in _SENTENCE.split(text) if part and part.strip(" .*")]
    if not sentences:
        return None
    last = sentences[-1].strip(" .*")
    plain = _COMMAND.sub(lambda match: match[1] or match[0], last)
    if len(sentences) > 1 and read_number(last) is not None:
        return last
    if _TURNED.search(_after_it(plain).casefold()):
        return None
    stated = _stated(plain)
    if stated is not None:
        return stated
    return _sole_number(plain) if sole else None


def _after_it(sentence: str) -> str:
    """What follows "it's": a sentence that corrects itself, "not 10, it's 12", states what it ends with."""
    return re.split(r"\bit's\b", sentence)[-1]


def _stated(sentence: str) -> str | None:
    """What stands behind the last copula, where it begins with a number and holds no other."""
    copulas = list(_COPULA.finditer(sentence))
    if not copulas:
        return None
    tail = sentence[copulas[-1].end() :].strip(" .*")
    if not tail or is_prose(tail):
        return _sole_number(tail) if tail else None
    return tail if re.match(r"[-−$€£¥(\[\\\d]", tail) else None


def _sole_number(sentence: str) -> str | None:
    if _CHANGED.search(sentence):
        return None
    numbers = {match[0] for match in _NUMBER.finditer(sentence)}
    if len(numbers) != 1 or len(re.findall(r"\d+(?:[.,]\d+)*", sentence)) != len(_NUMBER.findall(sentence)):
        return None
    return numbers.pop()
