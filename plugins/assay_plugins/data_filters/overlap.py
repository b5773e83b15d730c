"""Decontamination: does a training example share a run of words with a problem of a benchmark?

The rule of the R1 reports: any run of 10 words that also stands in a question of an evaluation set drops the example.
Texts are compared in lower case, as words of letters and digits, so that LaTeX spacing and punctuation hide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import assay
from assay import BaseVerifier, Completion, Outcome, Problem, UsageError, Verdict, metrics


class NotInBenchmarks(BaseVerifier):
    """Keeps an example (score 1) that shares no run of `ngram` words with a problem of the benchmarks.

    Args:
        benchmarks: Names of registered benchmarks, such as ["aime24", "math500"].
        ngram: Words of a run. Scripts without spaces count each character as a word.
        responses: Also look at the response, not only at the problem's prompt.

    A benchmark's problem shorter than a run counts where it stands in the example as a whole. The verdict's reason
    names the benchmark and the problem's id, and never quotes it.
    """

    name = "not_in_benchmarks"
    needs_reference = False
    version = "1"

    def __init__(self, *, benchmarks: Sequence[str] = (), ngram: int = 10, responses: bool = True) -> None:
        if not benchmarks or isinstance(benchmarks, str):
            raise UsageError(f"{self.name}: name the benchmarks to keep clear of, such as benchmarks=['aime24']")
        if ngram < 1:
            raise UsageError(f"{self.name}: ngram must be at least 1, got {ngram!r}")
        self.benchmarks = tuple(benchmarks)
        self.ngram = ngram
        self.responses = responses

    @cached_property
    def _index(self) -> dict[int, tuple[str, str, int]]:
        """Hash of each run → benchmark, problem id, length of the run."""
        index: dict[int, tuple[str, str, int]] = {}
        for name in self.benchmarks:
            for problem in assay.get_benchmark(name).problems():
                words = metrics.words_of("\n".join(message.content for message in problem.prompt))
                length = min(self.ngram, len(words))
                for run in _runs(words, length):
                    index.setdefault(hash(run), (name, problem.id, length))
        return index

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({length for _, _, length in self._index.values()} - {0}, reverse=True)

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict:
        """Always decides; the benchmarks are read on the first call."""
        texts = [message.content for message in problem.prompt]
        if self.responses:
            texts.append(completion.text)
        for text in texts:
            words = metrics.words_of(text)
            for length in self._lengths:
                for run in _runs(words, length):
                    found = self._index.get(hash(run))
                    if found is not None and found[2] == length:
                        reason = f"{length} words in a row stand in the problem {found[1]!r} of {found[0]}"
                        return Verdict(outcome=Outcome.GRADED, score=0.0, reason=reason)
        return Verdict(outcome=Outcome.GRADED, score=1.0, reason="no run of words of a benchmark")

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """The same as `verify_fast`."""
        return self.verify_fast(problem, completion)


def _runs(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - length + 1 if length else 0):
        yield tuple(words[start : start + length])
