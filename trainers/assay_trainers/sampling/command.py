"""`assay sample CONFIG`: what the command line asks of rejection sampling.

The core finds this module through the entry point group `assay.jobs` and calls `plan` (for `--dry-run`) or `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay import Benchmark, Pool, RunResult, UsageError, evaluate, get_template, render_prompt
from assay_trainers.common.logs import plan_of, write_config
from assay_trainers.sampling.config import SampleConfig, read_config
from assay_trainers.sampling.output import report_of, rows_of, write_report, write_rows
from assay_trainers.sampling.problems import problem_set
from assay_trainers.sampling.rejection import Sampled, Selection, select


def plan(source: str | Path, changes: Mapping[str, Any]) -> str:
    """The resolved configuration and what it would draw, as text; no model is loaded."""
    config = read_config(source, changes)
    problems = problem_set(config.data).problems()
    drawn = len(problems) * config.samples
    first = render_prompt(get_template(config.data.template), problems[0], config.data.instruction)
    lines = [
        f"samples             {len(problems)} problems × {config.samples} = {drawn:,}",
        f"tokens at most      {drawn * config.max_tokens:,}",
        f"rows at most        {len(problems) * (config.keep or config.samples):,}",
        "first prompt        " + repr(first if isinstance(first, str) else first[-1].content),
    ]
    return plan_of(config.as_dict(), lines)


def run(source: str | Path, changes: Mapping[str, Any], show: Callable[[str], None]) -> bool:
    """Draw what is missing, select, write; the same command goes on where it was stopped, and tops up.

    Args:
        source: The YAML file.
        changes: Dotted fields over it.
        show: Takes a line for the person who watches.
    """
    selection = sample(read_config(source, changes))
    for step, count in selection.fell.items():
        if count:
            show(f"{step:<22} {count} of {selection.drawn} fell")
    show(f"kept {len(selection.kept)} rows of {selection.answered} of {selection.problems} problems")
    return True


def sample(config: SampleConfig, *, pool: Pool | None = None) -> Selection:
    """Draw, verify, select and write the rows of a configuration.

    Raises:
        UsageError: Something asked for does not exist, or nothing passed every step.
        DataError, BackendError, StoreError: see `assay.errors`; what was drawn is stored.
    """
    problems = problem_set(config.data)
    output = Path(config.output)
    with pool or Pool() as workers:
        # A filter that does not exist is found before anything is drawn.
        select([], config, workers)
        graders = {problem.verifier for problem in problems.problems()}
        (result,) = evaluate(
            config.model,
            problems,
            out=output / "store",
            backend_options=config.backend,
            verifier_options={name: options for name, options in config.verifiers.items() if name in graders},
            pool=workers,
            samples=config.samples,
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens,
            stop=config.stop,
            seed=config.seed,
        )
        selection = select(_sampled(result, problems), config, workers)
    selection.problems = len(problems.problems())
    write_config(output / "config.yaml", config.as_dict())
    write_report(output, report_of(selection, result.manifest, config.as_dict()))
    if not selection.kept:
        raise UsageError(
            f"no sample of {selection.drawn} passed every step: {output / 'report.md'} says where they fell. Draw more "
            "(samples), or from a better model"
        )
    write_rows(output, rows_of(selection, result.manifest))
    return selection


def _sampled(result: RunResult, problems: Benchmark) -> Iterator[Sampled]:
    by_id = {problem.id: problem for problem in problems.problems()}
    for record in result.records():
        yield Sampled(
            problem=by_id[record.problem_id],
            completion=record.completion,
            sample_index=record.sample_index,
            seed=record.seed,
            key=record.key,
            outcome=record.verdict.outcome,
            score=record.verdict.score,
            extracted=record.verdict.extracted,
            verifier=record.verifier,
            verifier_version=record.verifier_version,
        )
