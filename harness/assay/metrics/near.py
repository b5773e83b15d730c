"""Near duplicates among many texts, by MinHash and locality-sensitive hashing (datasketch).

Two texts are alike when their sets of word n-grams have a Jaccard similarity of at least the threshold (Broder 1997).
The hashes only propose pairs; each is then checked exactly, so that nothing is dropped by an accident of hashing.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.errors import UsageError
from assay.metrics.repetition import words_of

_PERMUTATIONS = 128


def near_duplicates(texts: Sequence[str], *, threshold: float = 0.8, ngram: int = 5) -> list[int | None]:
    """For each text the index of the earlier text that it nearly repeats, or None: those are kept.

    Args:
        texts: In order of preference: of two alike, the first is kept.
        threshold: Jaccard similarity in (0, 1] from which two are alike.
        ngram: Words of an n-gram; shorter texts are one n-gram.

    Raises `UsageError` for impossible settings, or where datasketch is not installed.
    """
    if not 0.0 < threshold <= 1.0 or ngram < 1:
        raise UsageError("near_duplicates needs a threshold in (0, 1] and ngram of at least 1")
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise UsageError("near-duplicate removal needs datasketch: pip install 'assay[filters]'") from error
    # A lower threshold proposes more pairs than needed, and misses fewer.
    index = MinHashLSH(threshold=max(0.1, threshold - 0.15), num_perm=_PERMUTATIONS)
    kept: dict[int, frozenset[str]] = {}
    first: list[int | None] = []
    for number, text in enumerate(texts):
        grams = _grams(text, ngram)
        sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
        sketch.update_batch([gram.encode("utf-8", "surrogatepass") for gram in grams])
        proposed = sorted(index.query(sketch))
        alike = next((other for other in proposed if _jaccard(grams, kept[other]) >= threshold), None)
        first.append(alike)
        if alike is None:
            kept[number] = grams
            index.insert(number, sketch)
    return first


def _grams(text: str, ngram: int) -> frozenset[str]:
    words = words_of(text)
    return frozenset(" ".join(words[start : start + ngram]) for start in range(max(1, len(words) - ngram + 1)))


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b)
