"""Scripts, and what they say about the language.

Most scripts belong to one language here, or to a few that differ in some letters (`sisters`). Latin alone is shared by
so many that a model has to tell them apart (`latin`). Chinese and Japanese share Han characters: a sentence with kana
is Japanese.

Words are counted, as the reports do. Scripts without spaces between words count characters and divide by the length of
an average word (Han 1.6, kana 2.5, Thai 4.5, Lao, Khmer and Burmese 4.5), so that a mixed text can be counted at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

# Runs of letters (with the marks that belong to them), by script. Ranges are those of the Unicode blocks.
_SCRIPTS: Mapping[str, str] = {
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff\u0300-\u036f",
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005\u3007\U00020000-\U0003ffff",
    "kana": "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d",
    "hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "cyrillic": "\u0400-\u052f\u1c80-\u1c8f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "arabic": "\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff"
    "\ufb50-\ufdff\ufe70-\ufefc",
    "hebrew": "\u0591-\u05f4",
    "devanagari": "\u0900-\u0963\u0971-\u097f",
    "bengali": "\u0980-\u09e3\u09f0-\u09ff",
    "gurmukhi": "\u0a01-\u0a5e\u0a70-\u0a76",
    "gujarati": "\u0a81-\u0ae3",
    "tamil": "\u0b82-\u0bd7",
    "telugu": "\u0c00-\u0c63",
    "kannada": "\u0c80-\u0ce3",
    "malayalam": "\u0d00-\u0d63",
    "sinhala": "\u0d81-\u0df3",
    "thai": "\u0e01-\u0e3a\u0e40-\u0e4e",
    "lao": "\u0e81-\u0ecd",
    "khmer": "\u1780-\u17d3",
    "burmese": "\u1000-\u103f\u1050-\u108f",
    "georgian": "\u10a0-\u10ff",
    "armenian": "\u0531-\u0587",
    "ethiopic": "\u1200-\u137f",
}
_RUNS = re.compile("|".join(f"(?P<{name}>[{letters}]+)" for name, letters in _SCRIPTS.items()))

CHARACTERS_PER_WORD: Mapping[str, float] = {
    "han": 1.6,
    "kana": 2.5,
    "thai": 4.5,
    "lao": 4.5,
    "khmer": 4.5,
    "burmese": 4.5,
}
"""Scripts without spaces, and the characters of an average word."""

_HAN = re.compile(f"[{_SCRIPTS['han']}]+")
_KANA = re.compile(f"[{_SCRIPTS['kana']}]")
_TELLING_HAN = 10
"""Han characters without any kana from which a sentence is Chinese for sure."""
_SENTENCE_END = re.compile(r"[.!?。！？\n\x00]")


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one script in a row: a word, or several where words are not separated."""

    script: str
    text: str
    start: int
    end: int

    @property
    def words(self) -> float:
        """How many words it counts as."""
        per_word = CHARACTERS_PER_WORD.get(self.script)
        return 1.0 if per_word is None else len(self.text) / per_word


def runs_of(prose: str) -> list[Run]:
    """All runs of letters in order."""
    return [Run(found.lastgroup or "", found[0], found.start(), found.end()) for found in _RUNS.finditer(prose)]


def count_by_script(prose: str) -> Counter[str]:
    """Words per script; much faster than `runs_of` where positions do not matter."""
    counts: Counter[str] = Counter()
    for found in _RUNS.finditer(prose):
        script = found.lastgroup or ""
        per_word = CHARACTERS_PER_WORD.get(script)
        counts[script] += 1.0 if per_word is None else (found.end() - found.start()) / per_word  # type: ignore[assignment]  # words may be fractions
    return counts


def japanese_han_share(prose: str, target: str) -> float:
    """Share of the Han characters that are Japanese: sentences with kana are, longer ones without any are not.

    A short sentence without kana ("答：三個。") is as the others are; where there is no other, it is the target's.
    """
    japanese = chinese = 0
    for sentence in _SENTENCE_END.split(prose):
        han = sum(len(found) for found in _HAN.findall(sentence))
        if han and _KANA.search(sentence):
            japanese += han
        elif han >= _TELLING_HAN:
            chinese += han
    told = japanese + chinese
    return japanese / told if told else float(target == "ja")
