"""What a reader of a table should know before trusting a number; one sentence each.

The limits were chosen by hand: they are where a number starts to mislead, not where it becomes wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.report.rows import Record, benchmark_of, model_of, number, part, percent, progress
from assay.report.text import short_names, visible

FEW_PROBLEMS = 10
"""Below it, the standard error itself is too uncertain to be relied on."""

NOTABLE = 0.05
"""A rate of truncation, repetition or refusal from which the score says as much of the protocol as of the model."""

MANY_UNANSWERED = 0.2
"""Weak models often fail to answer; from here on the prompt or the extraction may be at fault."""

MANY_TIES = 0.1
"""Share of votes tied between right and wrong answers from which cons@k leans on the tie rule."""

_PROTOCOL = ("template", "prompt_sha256", "temperature", "top_p", "max_tokens", "revision")


def caveats(record: Record) -> list[str]:
    """The caveats of one run, most serious first."""
    if record.get("published"):
        return [f"published, not measured here: {visible(record['published'])}"]
    return [*_partial(record), *_errors(record), *_undefined(record), *_rates(record), *_votes(record), *_size(record)]


def shared_caveats(records: Sequence[Record]) -> list[str]:
    """What keeps the runs of one table from being compared: a benchmark run under different protocols."""
    notes = []
    by_benchmark: dict[str, list[Record]] = {}
    for record in records:
        by_benchmark.setdefault(benchmark_of(record), []).append(record)
    for benchmark, group in by_benchmark.items():
        differing = [f"{name} ({', '.join(values)})" for name in _PROTOCOL if len(values := _values(group, name)) > 1]
        if len(values := _verifiers(group)) > 1:
            differing.append(f"verifier ({', '.join(values)})")
        if differing:
            notes.append(f"{benchmark}: the runs differ in {', '.join(differing)} and are not comparable")
    return notes


def verifier_text(record: Record) -> str:
    """The verifiers with their versions, such as "boxed_math 1.0"; empty where unknown."""
    versions = dict(part(record, "verifiers"))
    single = part(record, "verifier")
    if single.get("name"):
        versions[str(single["name"])] = single.get("version", "")
    return ", ".join(visible(f"{name} {version}".strip()) for name, version in sorted(versions.items()))


def labels(records: Sequence[Record]) -> list[str]:
    """What each run is called in a footnote: its benchmark, and its model where there are several."""
    models = [model_of(record) for record in records]
    names = short_names(models)
    several = len(set(models)) > 1
    return [
        f"{names[model]}, {benchmark_of(record)}" if several else benchmark_of(record)
        for model, record in zip(models, records, strict=True)
    ]


def _partial(record: Record) -> list[str]:
    done = progress(record)
    if not done:
        return []
    how_much = f" ({done})" if done != "partial" else ""
    return [f"partial run{how_much}: the numbers are of the samples so far and will change"]


def _errors(record: Record) -> list[str]:
    summary = part(record, "summary")
    errors, samples = number(summary.get("num_errors")), number(summary.get("num_samples"))
    notes = []
    if errors:
        of = f"{errors:.0f} of {samples:.0f} samples" if samples else f"{errors:.0f} samples"
        notes.append(f"{of} could not be checked; they are not in the score")
    failed = number(summary.get("failed_vote_comparisons"))
    if failed:
        notes.append(f"{failed:.0f} comparisons of answers failed; such answers were voted on as different")
    return notes


def _undefined(record: Record) -> list[str]:
    metrics = part(part(record, "summary"), "metrics")
    notes = []
    for name in metrics:
        metric = part(metrics, name)
        left_out, entered = number(metric.get("num_left_out")), number(metric.get("num_problems"))
        k = visible(name).rpartition("@")[2]
        if number(metric.get("value")) is None:
            why = f"n < {k}" if k not in ("1", "n") else "no sample could be checked"
            notes.append(f"{why}: {visible(name)} is not defined")
        elif left_out and entered is not None:
            few = f"fewer than {k} checked samples" if k not in ("1", "n") else "no checked sample"
            notes.append(f"{visible(name)} leaves out {left_out:.0f} of {left_out + entered:.0f} problems, with {few}")
    return notes


def _rates(record: Record) -> list[str]:
    rates = part(part(record, "summary"), "rates")
    names = ("truncated", "repetitive", "no_answer", "refused")
    truncated, repetitive, no_answer, refused = (number(rates.get(name)) for name in names)
    temperature, cap = number(record.get("temperature")), number(record.get("max_tokens"))
    notes = []
    if truncated is not None and truncated >= NOTABLE:
        notes.append(f"truncated {percent(truncated)}: raise max_tokens{f' (now {cap:.0f})' if cap else ''}")
    if repetitive is not None and repetitive >= NOTABLE:
        greedy = "; greedy decoding makes it worse, the R1 reports use temperature 0.6" if temperature == 0 else ""
        notes.append(f"{percent(repetitive)} of the responses end in a loop{greedy}")
    if no_answer is not None and no_answer >= MANY_UNANSWERED:
        notes.append(
            f"no answer in {percent(no_answer)}: check that the prompt asks for the form that the verifier reads"
        )
    if refused is not None and refused >= NOTABLE:
        notes.append(f"{percent(refused)} of the answers were over a cap of the verifier; their reasons say which")
    return notes


def _votes(record: Record) -> list[str]:
    ties = number(part(part(record, "summary"), "votes").get("undecided_rate"))
    if ties is None or ties < MANY_TIES:
        return []
    return [f"right and wrong answers tie in {percent(ties)} of the votes; a tie scores the mean of the tied answers"]


def _size(record: Record) -> list[str]:
    problems = number(part(record, "summary").get("num_problems"))
    if problems is None or problems >= FEW_PROBLEMS:
        return []
    if not problems:
        return ["no sample at all"]
    return [f"only {problems:.0f} problem{'s' if problems > 1 else ''}: the ± is rough"]


def _values(records: Sequence[Record], name: str) -> list[str]:
    """The different values of one field of the protocol; hashes shortened, unless that hides the difference."""
    values = list(dict.fromkeys(visible(record[name]) for record in records if record.get(name) is not None))
    shortened = [value[:12] for value in values]
    return shortened if len(set(shortened)) == len(values) and name in ("prompt_sha256", "revision") else values


def _verifiers(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(text for record in records if (text := verifier_text(record))))
