"""The numbers of one run: metrics with their noise, counts per outcome, and what a person should know beside a score.

Rules (docs/metrics.md says why):

* `verifier_timeout` and `error` are ours: such samples are dropped, and counted beside the score.
* `no_answer`, `truncated` and `refused` are the model's: worth 0, and they cast no vote.
* pass@1 is the mean of the scores; for pass@k and cons@k a sample is right when its score is exactly 1.
* Every metric is a mean over problems of one value per problem. A problem with fewer than k checked samples has no
  pass@k and no cons@k: it is left out, and the number left out is given.
* "n" for k means all checked samples of each problem.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.errors import DataError, UsageError
from assay.metrics.expected_votes import cons_at_k_expected
from assay.metrics.noise import sampling_share, score_interval, variance, variance_components
from assay.metrics.passes import pass_at_k
from assay.metrics.votes import cons_at_k, count_votes
from assay.types import Outcome

_METRIC = re.compile(r"(pass|cons)@(n|[1-9][0-9]{0,8})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRow:
    """What metrics need of one stored sample."""

    problem_id: str
    sample_index: int
    outcome: Outcome
    score: float | None
    """In [0, 1] with `Outcome.GRADED`, else None."""
    answer_class: int | None
    """The class of equivalent answers that it votes for (`answer_classes`); None casts no vote."""
    num_tokens: int | None
    """Generated tokens; None where the backend does not say."""
    truncated: bool
    """Whether the token cap ended it, answer or not."""
    repetitive: bool
    """Whether its text ends in a loop (`is_repetitive`)."""
    num_chars: int | None = None
    """Characters of the text; None where they were not counted."""

    @property
    def credit(self) -> float | None:
        """What it is worth: its score, 0 without an answer or with one that was refused, None where our side failed."""
        if self.outcome.is_ours:
            return None
        return 0.0 if self.score is None else self.score


def check_metrics(metrics: Iterable[str]) -> list[str]:
    """The metric names, each once, in order.

    Raises:
        UsageError: A name is not pass@k or cons@k with a positive number or "n" for k; says which.
    """
    names = list(dict.fromkeys(metrics))
    for name in names:
        if not isinstance(name, str) or not _METRIC.fullmatch(name):
            raise UsageError(
                f"unknown metric {name!r}: a metric is pass@k or cons@k, with a positive number for k, or the "
                'letter "n" for all samples (pass@1, pass@8, cons@64, cons@n)'
            )
    return names


def summarise(
    rows: Iterable[SampleRow], metrics: Iterable[str], *, samples: int | None = None, level: float = 0.95
) -> dict[str, Any]:
    """Compute everything that a table shows of one run.

    Args:
        rows: The stored samples, in any order.
        metrics: Names such as "pass@1", "pass@4", "cons@64", "cons@n".
        samples: How many samples of each problem were asked for; with it, problems that have fewer checked ones
            are counted as `num_problems_short`.
        level: Confidence level of the intervals, in (0, 1).

    Returns:
        JSON-able; a number that is not defined is None. docs/metrics.md lists the keys.

    Raises:
        UsageError: A metric is unknown.
        DataError: A sample occurs twice, or is graded without a score in [0, 1].
    """
    names = check_metrics(metrics)
    problems = _by_problem(rows)
    everything = [row for problem in problems for row in problem]
    checked = [[row for row in problem if not row.outcome.is_ours] for problem in problems]
    outcomes = Counter(row.outcome for row in everything)
    sizes = [len(problem) for problem in problems]
    return {
        "metrics": {name: _metric(name, checked, level) for name in names},
        "level": level,
        "num_problems": len(problems),
        "num_problems_short": None if samples is None else sum(len(problem) < samples for problem in checked),
        "num_samples": len(everything),
        "num_checked": sum(len(problem) for problem in checked),
        "min_samples_per_problem": min(sizes, default=0),
        "max_samples_per_problem": max(sizes, default=0),
        "outcomes": {outcome.value: outcomes[outcome] for outcome in Outcome},
        "num_errors": sum(outcomes[outcome] for outcome in Outcome if outcome.is_ours),
        "rates": _rates([row for problem in checked for row in problem]),
        "votes": _votes(checked) if any(name.startswith("cons@") for name in names) else None,
        "variance": _variance(checked),
    }


def metric_by_problem(rows: Iterable[SampleRow], name: str) -> dict[str, float]:
    """One metric of each problem, by problem id; problems where it is not defined are left out.

    Raises what `summarise` raises.
    """
    (name,) = check_metrics([name])
    kind, _, k = name.partition("@")
    values = {}
    for problem in _by_problem(rows):
        checked = [row for row in problem if not row.outcome.is_ours]
        value = _value(kind, checked, len(checked) if k == "n" else int(k))
        if not math.isnan(value):
            values[problem[0].problem_id] = value
    return values


def _by_problem(rows: Iterable[SampleRow]) -> list[list[SampleRow]]:
    """The samples of each problem in the order of their index, so that nothing depends on the order of rows."""
    problems: dict[str, dict[int, SampleRow]] = {}
    for row in rows:
        samples = problems.setdefault(row.problem_id, {})
        if row.sample_index in samples:
            raise DataError(
                f"sample {row.sample_index} of problem {row.problem_id!r} occurs twice: it would count twice"
            )
        if row.outcome is Outcome.GRADED and (row.score is None or not 0.0 <= row.score <= 1.0):
            raise DataError(
                f"sample {row.sample_index} of problem {row.problem_id!r} is graded but has score {row.score!r}; "
                "a score lies in [0, 1]"
            )
        samples[row.sample_index] = row
    return [[samples[index] for index in sorted(samples)] for _, samples in sorted(problems.items())]


def _metric(name: str, problems: Sequence[Sequence[SampleRow]], level: float) -> dict[str, Any]:
    """Value, standard error and interval of one metric over the checked samples of each problem."""
    kind, _, k = name.partition("@")
    values = [_value(kind, problem, len(problem) if k == "n" else int(k)) for problem in problems]
    defined = [value for value in values if not math.isnan(value)]
    mean, error, low, high, method = _with_noise(defined, level)
    return {
        "value": _finite(mean),
        "se": _finite(error),
        "low": _finite(low),
        "high": _finite(high),
        "interval": method,
        "num_problems": len(defined),
        "num_left_out": len(values) - len(defined),
    }


def _value(kind: str, problem: Sequence[SampleRow], k: int) -> float:
    """One problem's metric; nan for fewer than k checked samples, or none."""
    n = len(problem)
    if n < max(k, 1):
        return math.nan
    credits_ = [row.credit or 0.0 for row in problem]
    if kind == "pass" and k == 1:
        return math.fsum(credits_) / n
    right = [1.0 if credit == 1.0 else 0.0 for credit in credits_]
    if kind == "pass":
        return pass_at_k(n, int(sum(right)), k)
    if k == n:
        return cons_at_k(_answers(problem), right)
    return cons_at_k_expected(_answers(problem), right, k)


def _answers(problem: Sequence[SampleRow]) -> list[int | None]:
    return [row.answer_class if row.outcome is Outcome.GRADED else None for row in problem]


def _with_noise(values: list[float], level: float) -> tuple[float, float, float, float, str | None]:
    """Mean, standard error, interval and how the interval was made, from one value per problem.

    With one value per problem, sd / sqrt(Q) is the clustered standard error of their mean.
    """
    if not values:
        return math.nan, math.nan, math.nan, math.nan, None
    mean = math.fsum(values) / len(values)
    if min(values) == max(values):
        mean = values[0]  # and not what rounding makes of it
    error = math.sqrt(variance(values) / len(values))
    (low, high), method = score_interval(mean, error, len(values), level)
    return mean, error, low, high, method or None


def _rates(checked: Sequence[SampleRow]) -> dict[str, float | None]:
    """Shares of the checked samples, and mean lengths over those whose length is known."""
    tokens = [row.num_tokens for row in checked if row.num_tokens is not None]
    chars = [row.num_chars for row in checked if row.num_chars is not None]
    return {
        "no_answer": _share(sum(row.outcome is Outcome.NO_ANSWER for row in checked), len(checked)),
        "truncated": _share(sum(row.truncated or row.outcome is Outcome.TRUNCATED for row in checked), len(checked)),
        "refused": _share(sum(row.outcome is Outcome.REFUSED for row in checked), len(checked)),
        "repetitive": _share(sum(row.repetitive for row in checked), len(checked)),
        "mean_tokens": _share(sum(tokens), len(tokens)),
        "mean_chars": _share(sum(chars), len(chars)),
    }


def _votes(problems: Sequence[Sequence[SampleRow]]) -> dict[str, float | None]:
    """How often the vote over all checked samples of a problem is a tie, and how often a sample does not vote.

    A tie between wrong answers changes nothing; `undecided_rate` counts the ties whose answers differ in score.
    """
    polls = [count_votes(_answers(problem), [row.credit for row in problem]) for problem in problems if problem]
    winners = [poll.winners() for poll in polls]
    return {
        "tie_rate": _share(sum(len(tied) > 1 for tied in winners), len(polls)),
        "undecided_rate": _share(sum(len({each.score for each in tied}) > 1 for tied in winners), len(polls)),
        "no_vote_rate": _share(sum(not poll.classes for poll in polls), len(polls)),
        "abstain_rate": _share(sum(poll.abstentions for poll in polls), sum(poll.num_samples for poll in polls)),
    }


def _variance(problems: Sequence[Sequence[SampleRow]]) -> dict[str, float | None]:
    components = variance_components([[row.credit for row in problem] for problem in problems])
    share = sampling_share([[row.credit for row in problem] for problem in problems])
    return {
        "between": _finite(components["between"]),
        "within": _finite(components["within"]),
        "sampling_share": _finite(share),
    }


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
