"""n-sample statistics: pass@1, pass@k, cons@k, their noise, and comparisons of two runs.

Pure functions over plain lists, one idea a file:

| file | holds |
|---|---|
| `passes` | pass@1, pass@k, pass^k, G-Pass@k |
| `votes` | answer classes and cons@k (plurality vote) |
| `expected_votes` | cons@k in expectation over all subsets of k samples |
| `noise` | standard errors, variance components, Wilson and bootstrap intervals |
| `compare` | two runs on the same problems: paired difference, exact sign-flip test |
| `differences` | the same with interval, p-value and where its noise comes from; Holm's correction |
| `power` | how many problems and samples it takes to see a difference |
| `student_t` | Student's t distribution |
| `repetition` | whether a text ends in a loop, and how much of it repeats |
| `near` | near duplicates among many texts |
| `win_rate` | how often a judge prefers a model to a baseline, at equal lengths too |
| `summary` | everything above for one run, as a JSON-able dict |
| `codeforces/` | a rating from contest standings |

Conventions. `scores` of one problem is a list of numbers in [0, 1]; `None` is an infrastructure error, which
is dropped and never counts as wrong. A quantity that the data do not define (n < k, no problem at all) is nan,
never 0 or 1. docs/metrics.md gives every formula with its source.

The names load on first use, and numpy only inside the functions that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.lazy import lazy_names

if TYPE_CHECKING:
    from assay.metrics.compare import PairedComparison, paired, sign_flip_exact
    from assay.metrics.differences import Difference, difference, holm
    from assay.metrics.expected_votes import cons_at_k_expected
    from assay.metrics.near import near_duplicates
    from assay.metrics.noise import (
        Interval,
        VarianceComponents,
        bootstrap_ci,
        sampling_share,
        score_interval,
        se_clustered,
        se_naive,
        variance_components,
        wilson,
    )
    from assay.metrics.passes import g_pass_at_k, pass_at_1, pass_at_k, pass_hat_k
    from assay.metrics.power import (
        PairVariance,
        detectable,
        pair_from_one,
        pair_from_two,
        problems_needed,
        samples_needed,
    )
    from assay.metrics.repetition import is_repetitive, one_character_each, repeated_share, take_out_unspaced, words_of
    from assay.metrics.student_t import t_quantile, t_two_sided
    from assay.metrics.summary import SampleRow, check_metrics, summarise
    from assay.metrics.votes import answer_classes, cons_at_k
    from assay.metrics.win_rate import WinRate, length_controlled_win_rate

_HOME = {
    "Difference": "differences",
    "Interval": "noise",
    "PairVariance": "power",
    "PairedComparison": "compare",
    "SampleRow": "summary",
    "VarianceComponents": "noise",
    "WinRate": "win_rate",
    "answer_classes": "votes",
    "bootstrap_ci": "noise",
    "check_metrics": "summary",
    "cons_at_k": "votes",
    "cons_at_k_expected": "expected_votes",
    "detectable": "power",
    "difference": "differences",
    "g_pass_at_k": "passes",
    "holm": "differences",
    "is_repetitive": "repetition",
    "length_controlled_win_rate": "win_rate",
    "near_duplicates": "near",
    "one_character_each": "repetition",
    "pair_from_one": "power",
    "pair_from_two": "power",
    "paired": "compare",
    "pass_at_1": "passes",
    "pass_at_k": "passes",
    "pass_hat_k": "passes",
    "problems_needed": "power",
    "repeated_share": "repetition",
    "samples_needed": "power",
    "sampling_share": "noise",
    "score_interval": "noise",
    "se_clustered": "noise",
    "se_naive": "noise",
    "sign_flip_exact": "compare",
    "summarise": "summary",
    "t_quantile": "student_t",
    "t_two_sided": "student_t",
    "take_out_unspaced": "repetition",
    "variance_components": "noise",
    "wilson": "noise",
    "words_of": "repetition",
}
"""Where each public name lives, so that it can be imported when it is first asked for."""

__all__ = [
    "Difference",
    "Interval",
    "PairVariance",
    "PairedComparison",
    "SampleRow",
    "VarianceComponents",
    "WinRate",
    "answer_classes",
    "bootstrap_ci",
    "check_metrics",
    "cons_at_k",
    "cons_at_k_expected",
    "detectable",
    "difference",
    "g_pass_at_k",
    "holm",
    "is_repetitive",
    "length_controlled_win_rate",
    "near_duplicates",
    "one_character_each",
    "pair_from_one",
    "pair_from_two",
    "paired",
    "pass_at_1",
    "pass_at_k",
    "pass_hat_k",
    "problems_needed",
    "repeated_share",
    "samples_needed",
    "sampling_share",
    "score_interval",
    "se_clustered",
    "se_naive",
    "sign_flip_exact",
    "summarise",
    "t_quantile",
    "t_two_sided",
    "take_out_unspaced",
    "variance_components",
    "wilson",
    "words_of",
]


__getattr__ = lazy_names(__name__, _HOME)


def __dir__() -> list[str]:
    return list(__all__)
