"""Comparing stored runs: which are comparable, and how much better one is than another.

Runs are paired by benchmark and compared problem by problem on the problems that both hold. Runs whose benchmark data,
prompt or verifier differ measure different things; they are refused unless the difference is allowed by name. Sampling
parameters and the number of samples may differ: how a model is sampled may be what is compared. They are noted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.metrics.differences import Difference, difference, holm
from assay.metrics.summary import check_metrics, metric_by_problem
from assay.results import RunResult, sample_rows_of
from assay.runs.store import SampleStore

KINDS = ("revision", "prompt", "verifier")
"""What two runs must agree on, and what may be allowed to differ."""
SIGNIFICANT = 0.01
"""The p-value below which the DeepSeek-R1 reports print a difference in bold."""
_NOTED = ("temperature", "top_p", "max_tokens", "stop")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One run against another."""

    a: RunResult
    b: RunResult
    metric: str
    value_a: float
    """Mean of the metric over the shared problems."""
    value_b: float
    difference: Difference
    """a less b."""
    p_holm: float
    """The p-value corrected for all comparisons made together."""
    notes: tuple[str, ...]
    """What the reader should know, one clause each."""

    @property
    def marked(self) -> bool:
        """Whether the difference is significant by the mark of the reports, correction included."""
        return self.p_holm < SIGNIFICANT


def compare_all(
    groups: Sequence[Sequence[RunResult]],
    *,
    metric: str = "pass@1",
    allow: Collection[str] = (),
    every_pair: bool = False,
    level: float = 0.95,
) -> list[Comparison]:
    """Compare groups of runs (one a model, say) benchmark by benchmark, the first with each of the others.

    Args:
        groups: Two or more; in each, one run of a benchmark at most, or runs that differ in sampling alone.
        metric: pass@k or cons@k, by one value per problem.
        allow: Of `KINDS`, those that may differ.
        every_pair: Compare each group with every other, not the first alone.
        level: Of the intervals.

    Raises:
        UsageError: Runs are not comparable, which says what differs; or nothing can be paired.
    """
    check_metrics([metric])
    for kind in allow:
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is nothing that may be allowed to differ. {did_you_mean(kind, list(KINDS))}")
    if len(groups) < 2:
        raise UsageError("a comparison takes two or more runs or folders of runs")
    chosen = [(i, j) for j in range(len(groups)) for i in range(j) if every_pair or i == 0]
    pairs = [pair for i, j in chosen for pair in _pairs(groups[i], groups[j])]
    if not pairs:
        raise UsageError("no benchmark was run in both: nothing can be compared")
    refused = [(a, b, unlike) for a, b in pairs if (unlike := _refused(a, b, allow))]
    if refused:
        raise UsageError(_refusal(refused))
    compared = [_compare(a, b, metric, level) for a, b in pairs]
    adjusted = holm([each.difference.p for each in compared])
    return [replace(each, p_holm=p) for each, p in zip(compared, adjusted, strict=True)]


def unlike(a: RunResult, b: RunResult) -> dict[str, str]:
    """What of `KINDS` differs between two runs, each with both values."""
    found = {}
    first, second = a.manifest, b.manifest
    for kind, name in (("revision", "benchmark_revision"), ("prompt", "prompt_sha256")):
        if first[name] != second[name]:
            found[kind] = f"{str(first[name])[:12]} and {str(second[name])[:12]}"
    if _verifiers(first) != _verifiers(second):
        found["verifier"] = f"{_verifiers(first)} and {_verifiers(second)}"
    return found


def _compare(a: RunResult, b: RunResult, metric: str, level: float) -> Comparison:
    first, second = _scores(a, metric), _scores(b, metric)
    shared = sorted(first.keys() & second.keys())
    x, y = [first[problem] for problem in shared], [second[problem] for problem in shared]
    found = difference(x, y, level)
    return Comparison(
        a=a,
        b=b,
        metric=metric,
        value_a=_macro(x, y),
        value_b=_macro(y, x),
        difference=found,
        p_holm=found.p,
        notes=tuple(_notes(a, b, len(first), len(second), len(shared))),
    )


def _macro(scores: Sequence[Sequence[float | None]], others: Sequence[Sequence[float | None]]) -> float:
    """Mean over the problems that count in both."""
    from assay.metrics.passes import graded_only, pass_at_1

    return pass_at_1(s for s, o in zip(scores, others, strict=True) if graded_only([s]) and graded_only([o]))


def _scores(result: RunResult, metric: str) -> dict[str, list[float | None]]:
    if metric == "pass@1":
        return result.scores()
    with SampleStore.open(result.path) as store:
        rows, _ = sample_rows_of(result.manifest, store.rows.values(), voted=metric.startswith("cons@"))
    return {problem: [value] for problem, value in metric_by_problem(rows, metric).items()}


def _pairs(group: Sequence[RunResult], other: Sequence[RunResult]) -> list[tuple[RunResult, RunResult]]:
    """Runs of the same benchmark; where a group has several, those with the same sampling."""
    pairs = []
    for benchmark in dict.fromkeys(str(run.manifest["benchmark"]) for run in group):
        ours = [run for run in group if run.manifest["benchmark"] == benchmark]
        theirs = [run for run in other if run.manifest["benchmark"] == benchmark]
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], theirs[0]))
            continue
        for run in ours:
            same = [each for each in theirs if _sampling(each) == _sampling(run)]
            if len(same) > 1 or sum(_sampling(each) == _sampling(run) for each in ours) > 1:
                folders = ", ".join(str(each.path) for each in (*ours, *theirs))
                raise UsageError(f"{benchmark} was run more than once with the same sampling: name one of {folders}")
            pairs += [(run, each) for each in same]
    return pairs


def _refused(a: RunResult, b: RunResult, allow: Collection[str]) -> dict[str, str]:
    return {kind: values for kind, values in unlike(a, b).items() if kind not in allow}


def _refusal(refused: Sequence[tuple[RunResult, RunResult, dict[str, str]]]) -> str:
    lines = [
        f"{a.path} and {b.path} differ in {kind} ({values})"
        for a, b, found in refused
        for kind, values in found.items()
    ]
    kinds = sorted({kind for _, _, found in refused for kind in found})
    more = f"; and {len(lines) - 5} more" if len(lines) > 5 else ""
    return (
        f"the runs are not comparable: {'; '.join(lines[:5])}{more}. Run them alike (or `assay rescore` them), or "
        f"compare all the same with --allow-different {','.join(kinds)}"
    )


def _notes(a: RunResult, b: RunResult, in_a: int, in_b: int, shared: int) -> list[str]:
    notes = [f"{kind} differs" for kind in unlike(a, b)]
    first, second = a.manifest["sampling"], b.manifest["sampling"]
    notes += [
        f"{name} {first[name]} and {second[name]}" for name in _NOTED if _plain(first[name]) != _plain(second[name])
    ]
    samples = [run.summary["samples_per_problem"] for run in (a, b)]
    if samples[0] != samples[1]:
        notes.append(f"n {samples[0]} and {samples[1]}")
    if max(in_a, in_b) > shared:
        notes.append(f"{shared} problems shared, of {in_a} and {in_b}")
    notes += [f"partial run {run.path.parent.name}" for run in (a, b) if not run.summary["complete"]]
    errors = [int(run.summary.get("num_errors") or 0) for run in (a, b)]
    if any(errors):
        notes.append(f"{errors[0]} and {errors[1]} samples left out for errors of ours")
    return notes


def _sampling(run: RunResult) -> tuple[Any, ...]:
    sampling = run.manifest["sampling"]
    return tuple(_plain(sampling[name]) for name in (*_NOTED, "seed"))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _verifiers(manifest: dict[str, Any]) -> str:
    options = manifest.get("verifier_options", {})
    return ", ".join(
        f"{name} {version}" + (f" {options[name]}" if options.get(name) else "")
        for name, version in sorted(manifest["verifiers"].items())
    )
