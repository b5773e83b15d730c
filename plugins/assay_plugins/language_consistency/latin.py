"""Which language a piece of Latin text is in: lingua's n-gram models, asked about whole spans and never about a word.

A span is a sentence or a line, or several short ones together. Only languages that people write chains of thought in
are compared, and the target: against 75 languages, short sentences find rare relatives.

lingua-language-detector (Apache-2.0) carries its models in the package; they take a few seconds and 450 MB when they
are first needed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from assay import UsageError
from assay_plugins.language_consistency.scripts import Run

COMPARED = ("en", "es", "fr", "de", "pt", "it", "nl", "pl", "tr", "vi", "id", "sw", "sv", "da", "cs", "ro", "hu", "fi")
_WORDS_PER_SPAN = 8
"""Fewer say too little: "half of" could be Dutch."""
_BENEFIT = 0.1
"""Share of the best guess's confidence that is enough for the target, or English, in a short span."""
_SURE = 0.9
"""Confidence from which the quick look at trigrams is believed."""
_MAX_SPANS = 150
_MAX_MAIN_WORDS = 200
_TOO_FEW, _LIKELIER = 3, 0.25
"""Up to so many words English needs only that share of the best guess's confidence ("Find", "How many")."""
_lock = threading.Lock()


def latin_languages(prose: str, runs: Sequence[Run], target: str, *, embedded: bool) -> list[tuple[str, int]]:
    """Languages of the Latin words, each with a number of words.

    `embedded` says that they stand here and there in a text of another script, not in sentences of their own.

    Text with more than `_MAX_SPANS` spans is judged by as many, taken at even distances.
    """
    codes = tuple(sorted({*COMPARED, target} if target in known_languages() else {*COMPARED}))
    spans = _spans(prose, runs)
    step = max(1, -(-len(spans) // _MAX_SPANS))
    judged = []
    for start in range(0, len(spans), step):
        words = [run.text for run in spans[start]]
        covered = sum(len(span) for span in spans[start : start + step])
        judged.append((_language_of(words, codes, target, embedded), covered))
    return judged


def main_latin_language(words: Sequence[str]) -> str:
    """The language of the Latin words of a text, all together. Of two or three words, English is the likelier reading.

    Only the first words are asked about: they are the question, and tables and listings come after it.
    """
    text = " ".join(dict.fromkeys(words[:_MAX_MAIN_WORDS]))
    detector = _detector(tuple(sorted(COMPARED)), False)
    values = {_code(each.language): each.value for each in detector.compute_language_confidence_values(text)}
    best = max(values, key=values.__getitem__)
    return "en" if len(words) <= _TOO_FEW and values["en"] >= _LIKELIER * values[best] else best


def _language_of(words: Sequence[str], codes: tuple[str, ...], target: str, embedded: bool) -> str:
    text = " ".join(dict.fromkeys(words))
    long = len(words) >= _WORDS_PER_SPAN and not embedded
    if long:
        quick = _detector(codes, True).compute_language_confidence_values(text)
        if quick[0].value >= _SURE:
            return _code(quick[0].language)
    values = {
        _code(each.language): each.value for each in _detector(codes, False).compute_language_confidence_values(text)
    }
    best = max(values, key=values.__getitem__)
    # A few words, mostly in a text of another script, are the target's or English unless they clearly are not.
    enough = values[best] * (1.0 if long else _BENEFIT)
    return next((code for code in (target, "en") if values.get(code, 0.0) >= enough > 0.0), best)


def _spans(prose: str, runs: Iterable[Run]) -> list[list[Run]]:
    """Words of one sentence together; short sentences join the next, and a short rest the one before."""
    spans: list[list[Run]] = []
    current: list[Run] = []
    end = 0
    for run in runs:
        if len(current) >= _WORDS_PER_SPAN and _BREAK.search(prose, end, run.start):
            spans.append(current)
            current = []
        current.append(run)
        end = run.end
    if current:
        if len(current) < _WORDS_PER_SPAN and spans:
            spans[-1].extend(current)
        else:
            spans.append(current)
    return spans


_BREAK = re.compile(r"[.!?;:\n\x00]")


@lru_cache(maxsize=1)
def known_languages() -> frozenset[str]:
    """Codes of the languages that lingua knows."""
    return frozenset(_code(language) for language in _lingua().Language.all())


@lru_cache(maxsize=8)
def _detector(codes: tuple[str, ...], quick: bool) -> Any:
    """A detector; the quick one looks at trigrams only, which is enough for a whole span and ten times as fast."""
    lingua = _lingua()
    with _lock:
        chosen = [lingua.Language.from_iso_code_639_1(getattr(lingua.IsoCode639_1, code.upper())) for code in codes]
        builder = lingua.LanguageDetectorBuilder.from_languages(*chosen)
        return (builder.with_low_accuracy_mode() if quick else builder).build()


def _code(language: Any) -> str:
    return str(language.iso_code_639_1.name).lower()


def _lingua() -> Any:
    try:
        import lingua
    except ImportError as error:
        raise UsageError(
            "telling languages of Latin script apart needs lingua: pip install 'assay[language]'"
        ) from error
    return lingua
