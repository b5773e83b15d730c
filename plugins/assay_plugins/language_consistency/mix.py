"""The mix of languages of a text: words per language."""

from __future__ import annotations

from collections import Counter

from assay_plugins.language_consistency.latin import latin_languages, main_latin_language
from assay_plugins.language_consistency.scripts import Run, count_by_script, japanese_han_share, runs_of
from assay_plugins.language_consistency.sisters import LANGUAGE_OF_SCRIPT, SISTERS, script_language
from assay_plugins.language_consistency.text import prose_of

_MAX_CHARS = 60_000
"""Longer texts are judged by their beginning, middle and end, so that time is bounded."""
_FEW = 0.02
"""Share of Latin words below which nobody needs to know their language."""


def language_mix(text: str, target: str) -> Counter[str]:
    """Words per language (ISO 639-1) in the prose of a text; empty where it has none.

    `target` decides what cannot be told: a script that several languages share, and short stretches of Latin.
    """
    if len(text) > _MAX_CHARS:
        third = _MAX_CHARS // 3
        middle = len(text) // 2
        text = "\n".join((text[:third], text[middle - third // 2 : middle + third // 2], text[-third:]))
    prose = prose_of(text)
    counts = count_by_script(prose)
    mix: Counter[str] = Counter()
    latin = counts.pop("latin", 0)
    for script, words in counts.items():
        mix[script_language(script, prose, words, target)] += words
    if counts.get("han") and (counts.get("kana") or target == "ja"):
        share = japanese_han_share(prose, target)
        mix["zh"] -= share * counts["han"]  # type: ignore[assignment]  # words may be fractions
        mix["ja"] += share * counts["han"]  # type: ignore[assignment]
    others = sum(counts.values())
    if latin and latin <= _FEW * others and not _is_latin(target):
        mix["latin"] += latin
    elif latin:
        runs = [run for run in runs_of(prose) if run.script == "latin"]
        if others > latin:
            runs = _without_names(prose, runs)
        for language, words in latin_languages(prose, runs, target, embedded=others > latin):
            mix[language] += words
    return Counter({language: words for language, words in mix.items() if words > 1e-9})


def main_language(prompt: str) -> str | None:
    """The language that a prompt is in; None where it has no words.

    Without a target nothing is favoured: all Latin words together are asked about, which even a short question needs.
    """
    prose = prose_of(prompt)
    counts = count_by_script(prose)
    if not counts:
        return None
    script = max(counts, key=counts.__getitem__)
    if script == "latin":
        return main_latin_language([run.text for run in runs_of(prose) if run.script == "latin"])
    if script == "han":
        return "ja" if japanese_han_share(prose, "") > 0.5 else "zh"
    return script_language(script, prose, counts[script], "")


def _is_latin(target: str) -> bool:
    return target not in SISTERS and target not in LANGUAGE_OF_SCRIPT.values()


def _without_names(prose: str, runs: list[Run]) -> list[Run]:
    """Latin words in a text of another script, without those that stand alone and have a capital: they are names."""
    kept = []
    for index, run in enumerate(runs):
        before = prose[runs[index - 1].end : run.start] if index else "x"
        after = prose[run.end : runs[index + 1].start] if index + 1 < len(runs) else "x"
        alone = bool(before.strip()) and bool(after.strip())
        if not (alone and run.text[0].isupper()):
            kept.append(run)
    return kept
