"""`assay sweep sweep.yaml`, `assay sweep MODEL_GLOB BENCH:n …`: checkpoints × benchmarks × sampling settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import (
    DataOption,
    ExecutorOption,
    JsonOption,
    PluginOption,
    TimeoutOption,
    WorkersOption,
    open_cluster,
    open_pool,
    parse_dotted_pairs,
    parse_pairs,
    prepare,
    print_json,
    stderr,
    stdout,
)
from assay.cli.drawing import (
    BackendOption,
    LimitOption,
    MaxTokensOption,
    SamplesOption,
    ShardOption,
    TemplateOption,
    TopPOption,
    VerifierOption,
)
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.results import RunResult
    from assay.sweeps.config import SweepConfig
    from assay.sweeps.loop import Sweep
    from assay.sweeps.record import SweepRecord


def sweep(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP.YAML | MODELS BENCHMARK[:n]…",
            help="A sweep file, or models (hf:runs/math, 'hf:runs/*/checkpoint-*') and benchmarks with samples.",
            show_default=False,
        ),
    ],
    model: Annotated[list[str] | None, typer.Option("-m", "--model", help="Further models. Repeatable.")] = None,
    revision: Annotated[
        list[str] | None, typer.Option(help="Revisions of hub ids, by name or pattern ('step*'). Repeatable.")
    ] = None,
    temperature: Annotated[
        list[float] | None, typer.Option(help="Repeatable: every temperature is a sampling setting of its own.")
    ] = None,
    top_p: TopPOption = None,
    max_tokens: MaxTokensOption = None,
    samples: SamplesOption = None,
    limit: LimitOption = None,
    template: TemplateOption = None,
    option: BackendOption = None,
    verifier_option: VerifierOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be drawn and how long it takes.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with new checkpoints while training runs.")] = False,
    poll: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="--watch: time between two looks.")] = 10.0,
    idle: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="--watch: end after so long without a checkpoint.")
    ] = None,
    until_step: Annotated[int | None, typer.Option(help="--watch: end after this step.")] = None,
    executor: ExecutorOption = "local",
    shard: ShardOption = 16,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where runs go. Default: results/runs")] = None,
    data: DataOption = None,
    plugin: PluginOption = None,
    workers: WorkersOption = None,
    verify_timeout: TimeoutOption = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate many checkpoints on benchmarks, with one engine whose weights are exchanged.

    Finds the checkpoints of a training run by step. The same command again goes on where it stopped, skips what is
    done and tops up. A checkpoint that fails is recorded with its reason; the others go on, and the exit code is 1.
    """
    from assay.sweeps.loop import Sweep, Watch

    given: dict[str, Any] = {
        "limit": limit, "out": out, "data": data, "revisions": revision, "plugins": plugin,
        "options": parse_pairs(option, "--option") or None,
        "verifier_options": parse_dotted_pairs(verifier_option, "--verifier-option") or None,
    }  # fmt: skip
    setting = {"top_p": top_p, "max_tokens": max_tokens, "samples": samples, "template": template}
    setting = {name: value for name, value in setting.items() if value is not None}
    if temperature or setting:
        given["settings"] = [{**setting, "temperature": each} for each in temperature] if temperature else [setting]
    config = _config(what, model, {name: value for name, value in given.items() if value is not None})
    prepare(config.data, list(config.plugins))
    if dry_run:
        _show_plan(Sweep(config=config), as_json)
        return
    watching = Watch(poll=poll, idle=idle, until_step=until_step) if watch else None
    with open_pool(workers, verify_timeout) as pool, open_cluster(executor, config.options) as cluster:
        sweep = Sweep(config=config, pool=pool, executor=cluster, shard_problems=shard)
        _run(sweep, watching, quiet or cluster is not None, as_json)


def _config(what: list[str], more: list[str] | None, given: dict[str, Any]) -> SweepConfig:
    from assay.sweeps.config import make_sweep, read_sweep

    if what[0].endswith((".yaml", ".yml")):
        if len(what) > 1:
            raise UsageError(f"a sweep file names its own benchmarks; take {what[1]} into {what[0]}")
        from dataclasses import asdict

        base = {name: value for name, value in asdict(read_sweep(Path(what[0]))).items() if value is not None}
        base["models"] = [*base["models"], *(more or ())]
        return make_sweep({**base, **given}, what[0])
    if len(what) < 2:
        raise UsageError(f"give benchmarks after the models: assay sweep {what[0]} aime24:16")
    return make_sweep({"models": [what[0], *(more or ())], "benchmarks": what[1:], **given}, "the command line")


def _run(sweep: Sweep, watching: Any, quiet: bool, as_json: bool) -> None:
    from assay.cli.progress import ProgressDisplay

    console = stderr()
    display = ProgressDisplay(console)

    def say(line: str) -> None:
        display.stop()
        console.print(line, markup=False, highlight=False)

    sweep.say = say
    if not quiet:
        sweep.progress = display.start
    try:
        record = sweep.run(watching)
    except KeyboardInterrupt:
        display.stop()
        _show(sweep, as_json)
        console.print("Interrupted. What was drawn is stored: run the same command again to go on.", markup=False)
        raise
    finally:
        display.stop()
    _show(sweep, as_json, record)
    if record.failed:
        console.print(f"{len(record.failed)} of {len(record.checkpoints)} checkpoints failed:", markup=False)
        for entry in record.failed:
            console.print(f"  {entry.url}: {entry.reason}", markup=False)
        raise typer.Exit(1)


def _show(sweep: Sweep, as_json: bool, record: SweepRecord | None = None) -> None:
    """Print what is finished; where the sweep came to its end, write the curves beside its record."""
    from assay.sweeps.curves import by_step

    results = by_step(sweep.results)
    rows = [result.row() for result in results]
    if as_json:
        print_json(rows)
    elif rows:
        from assay.report import results_table

        stdout().print(results_table(rows))
    if record is not None and rows:
        for path in _write_curves(results, record.path.with_suffix("")):
            stderr().print(f"curves: {path}", markup=False, soft_wrap=True)


def _write_curves(results: list[RunResult], stem: Path) -> list[Path]:
    """Write STEM.csv, and STEM.html where the libraries of `assay report --html` are installed."""
    import importlib.util

    from assay.runs.manifest import write_text
    from assay.sweeps.curves import curves_csv

    table, page = stem.with_suffix(".csv"), stem.with_suffix(".html")
    write_text(table, curves_csv(results))
    if any(importlib.util.find_spec(package) is None for package in ("jinja2", "matplotlib")):
        return [table]
    from assay.report.page import build_page

    build_page(results, training=[], title=f"Sweep {stem.name}").write(page)
    return [table, page]


def _show_plan(sweep: Sweep, as_json: bool) -> None:
    from assay.cli.progress import duration
    from assay.sweeps.config import setting_text
    from assay.sweeps.planning import expected_seconds, expected_tokens, measure

    cells, failed = sweep.plan()
    measured = measure(Path(sweep.config.out))
    missing = sum(cell.missing for cell in cells)
    tokens = sum(expected_tokens(cell, measured) for cell in cells)
    seconds = expected_seconds(cells, measured)
    if as_json:
        from dataclasses import asdict

        print_json(
            {
                "cells": [asdict(cell) for cell in cells],
                "failed": [{"url": ref.url, "reason": reason} for ref, reason in failed],
                "samples": sum(cell.samples for cell in cells),
                "missing": missing,
                "expected_tokens": tokens,
                "expected_seconds": seconds,
            }
        )
    else:
        console = stdout()
        for cell in cells:
            state = "done" if not cell.missing else f"{cell.missing:,} of {cell.samples:,} samples to draw"
            setting = setting_text(sweep.config.settings[cell.setting])
            line = "  ".join(part for part in (cell.url, cell.benchmark, setting, state) if part)
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        known = all(cell.benchmark in measured.mean_tokens for cell in cells if cell.missing)
        about = "about" if known else "at most"
        console.print(f"{missing:,} samples to draw, {about} {tokens:,.0f} tokens", markup=False, highlight=False)
        if seconds is None:
            console.print(
                "No time is given: nothing was measured here yet. A first run with --limit 5 measures it.",
                markup=False,
            )
        elif missing:
            rate = measured.tokens_per_second
            at = f"{rate:,.0f} tokens/s" if rate else f"{measured.samples_per_second:,.1f} samples/s"
            console.print(f"{duration(seconds)} at {at}, as measured in {sweep.config.out}", markup=False)
    for ref, reason in failed:
        stderr().print(f"cannot be opened: {ref.url}: {reason}", markup=False)
    if failed:
        raise typer.Exit(1)
