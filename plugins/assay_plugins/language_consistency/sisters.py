"""Languages that share a script other than Latin, told apart by what only one of them writes.

Letters do it for Cyrillic and Arabic (Ukrainian і ї є ґ, Russian ы э ё, Bulgarian ъ where Russian would have ы, Persian
پ چ ژ گ and its own ک ی), frequent words for Devanagari. It takes a few counts over the text, no model. A text is
decided as a whole, and too short a text is believed to be in the target.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LANGUAGE_OF_SCRIPT: Mapping[str, str] = {
    "han": "zh",
    "kana": "ja",
    "hangul": "ko",
    "cyrillic": "ru",
    "greek": "el",
    "arabic": "ar",
    "hebrew": "he",
    "devanagari": "hi",
    "bengali": "bn",
    "gurmukhi": "pa",
    "gujarati": "gu",
    "tamil": "ta",
    "telugu": "te",
    "kannada": "kn",
    "malayalam": "ml",
    "sinhala": "si",
    "thai": "th",
    "lao": "lo",
    "khmer": "km",
    "burmese": "my",
    "georgian": "ka",
    "armenian": "hy",
    "ethiopic": "am",
}
"""The language that a script stands for where nothing says otherwise."""

SISTERS: Mapping[str, str] = {
    "uk": "cyrillic",
    "be": "cyrillic",
    "bg": "cyrillic",
    "sr": "cyrillic",
    "mk": "cyrillic",
    "kk": "cyrillic",
    "mn": "cyrillic",
    "fa": "arabic",
    "ur": "arabic",
    "mr": "devanagari",
    "ne": "devanagari",
    "yi": "hebrew",
}
"""Languages that share a script of the table above: as a target they claim their script."""

# In this order, as later letters also stand in earlier languages (і is Belarusian and Kazakh too). The number is the
# least rate per word; each language writes its letters at least three times as often.
_TELLING_LETTERS: Mapping[str, tuple[tuple[str, str, float], ...]] = {
    "cyrillic": (
        ("kk", "әғқңұһ", 0.15),
        ("mn", "өү", 0.12),
        ("be", "ў", 0.02),
        ("mk", "ѓќѕ", 0.01),
        ("sr", "ђћљњџј", 0.12),
        ("uk", "іїєґ", 0.12),
        ("ru", "ыэё", 0.03),
        ("bg", "ъ", 0.03),
    ),
    "arabic": (("ur", "ٹڈڑںےہھ", 0.12), ("fa", "پچژگکی", 0.12), ("ar", "ةأإكيى", 0.12)),
}
_TELLING_WORDS: Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "devanagari": (
        ("mr", re.compile(r"ळ|(?<!\w)(?:आहे|आणि|मग|नाही|म्हणजे)|च्या")),
        ("ne", re.compile(r"(?<!\w)(?:छ|छन्|हामी|भने|पनि)(?!\w)|(?:ौं|न्छ|लाई)(?!\w)")),
        ("hi", re.compile(r"(?<!\w)(?:है|हैं|की|के|का|में|और|ने|यह)(?!\w)")),
    )
}
_LEAST_RATE_OF_WORDS = 0.04
_LEAST_WORDS = 8
"""Fewer words need not hold any of a language's own letters."""


def script_language(script: str, prose: str, words: float, target: str) -> str:
    """The language of all runs of a script (not Latin) in a text whose target language is known.

    Args:
        script: One of `LANGUAGE_OF_SCRIPT`.
        prose: The text.
        words: Its number of words in this script.
        target: Claims its script, where the text does not tell of another language.
    """
    for language, found, least in _signs(script, prose):
        if found and found >= least * words:
            return language
    claims = SISTERS.get(target) == script
    if claims and words >= _LEAST_WORDS and target in _tellable(script):
        return LANGUAGE_OF_SCRIPT[script]
    return target if claims else LANGUAGE_OF_SCRIPT[script]


def _signs(script: str, prose: str) -> list[tuple[str, int, float]]:
    letters = _TELLING_LETTERS.get(script, ())
    signs = [(language, sum(map(prose.count, own)), least) for language, own, least in letters]
    for language, own_words in _TELLING_WORDS.get(script, ()):
        signs.append((language, len(own_words.findall(prose)), _LEAST_RATE_OF_WORDS))
    return signs


def _tellable(script: str) -> set[str]:
    return {sign[0] for table in (_TELLING_LETTERS, _TELLING_WORDS) for sign in table.get(script, ())}
