"""Filters that look at the form of one response. All decide at once, in time linear in its length."""

from __future__ import annotations

import re

from assay import BaseVerifier, Completion, Outcome, Problem, UsageError, Verdict, metrics, split_completion
from assay_plugins.language_consistency.mix import language_mix

# Also deep inside a list or a quotation, where models indent them.
_FENCE = re.compile(r"^[ \t>]{0,16}(?:```|~~~)", re.MULTILINE)
_PARAGRAPHS = re.compile(r"\n[ \t\r]*\n")


class _Filter(BaseVerifier):
    """One rule: `fault` says what is wrong with a response, or None."""

    needs_reference = False
    version = "2"

    def fault(self, problem: Problem, completion: Completion) -> str | None:
        raise NotImplementedError

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict:
        fault = self.fault(problem, completion)
        return Verdict(outcome=Outcome.GRADED, score=float(fault is None), reason=fault or "nothing to object to")

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        return self.verify_fast(problem, completion)


class NoMixedLanguage(_Filter):
    """Drops a response whose reasoning mixes languages.

    Args:
        max_share: Share of words in other languages than the main one that is still kept, in [0, 1).
    """

    name = "no_mixed_language"

    def __init__(self, *, max_share: float = 0.1) -> None:
        if not 0.0 <= max_share < 1.0:
            raise UsageError(f"{self.name}: max_share must lie in [0, 1), got {max_share!r}")
        self.max_share = max_share

    def fault(self, problem: Problem, completion: Completion) -> str | None:  # noqa: ARG002
        """The share of the second and further languages."""
        mix = language_mix(_reasoning(completion), "en")
        total = sum(mix.values())
        if not total:
            return None
        (main, words), *_ = mix.most_common(1)
        other = 1.0 - words / total
        return None if other <= self.max_share else f"{other:.0%} of the reasoning's words are not in {main!r}"


class NoLongParagraphs(_Filter):
    """Drops a response whose reasoning has a paragraph of very many words: walls of text that nobody reads.

    Args:
        max_words: Words that a paragraph may have; scripts without spaces count two characters as a word.
    """

    name = "no_long_paragraphs"

    def __init__(self, *, max_words: int = 400) -> None:
        if max_words < 1:
            raise UsageError(f"{self.name}: max_words must be at least 1, got {max_words!r}")
        self.max_words = max_words

    def fault(self, problem: Problem, completion: Completion) -> str | None:  # noqa: ARG002
        """The length of the longest paragraph."""
        longest = max((_words(part) for part in _PARAGRAPHS.split(_reasoning(completion))), default=0)
        return None if longest <= self.max_words else f"a paragraph of the reasoning has {longest} words"


class NoCodeInReasoning(_Filter):
    """Drops a response whose reasoning holds a fenced block of code; code in the answer is fine."""

    name = "no_code_in_reasoning"

    def fault(self, problem: Problem, completion: Completion) -> str | None:  # noqa: ARG002
        """Where the first fence stands."""
        found = _FENCE.search(_reasoning(completion))
        return None if found is None else f"a block of code begins at character {found.start()} of the reasoning"


class NoRepetition(_Filter):
    """Drops a response that repeats itself.

    Args:
        ngram: Words of an n-gram; each character of a script without spaces is one.
        max_share: Share of n-grams that may repeat an earlier one, in [0, 1).
    """

    name = "no_repetition"

    def __init__(self, *, ngram: int = 20, max_share: float = 0.2) -> None:
        if ngram < 1 or not 0.0 <= max_share < 1.0:
            raise UsageError(f"{self.name}: ngram must be at least 1 and max_share in [0, 1)")
        self.ngram = ngram
        self.max_share = max_share

    def fault(self, problem: Problem, completion: Completion) -> str | None:  # noqa: ARG002
        """The share of repeated n-grams, or a loop at the end."""
        if metrics.is_repetitive(completion.text):
            return "the response ends in a loop"
        repeated = metrics.repeated_share(completion.text, self.ngram)
        return None if repeated <= self.max_share else f"{repeated:.0%} of its {self.ngram}-grams repeat earlier ones"


def _reasoning(completion: Completion) -> str:
    """The reasoning; a response without tags is all reasoning to these rules."""
    split = split_completion(completion)
    return split.reasoning if split.reasoning is not None else completion.text


def _words(text: str) -> int:
    spaced, characters = metrics.take_out_unspaced(text)
    return len(spaced.split()) + (characters + 1) // 2
