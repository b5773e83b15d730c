"""`assay run MODEL BENCHMARK[:n] …`: evaluate a model; the same command again goes on or tops up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from assay.evaluation import Elsewhere
    from assay.plan import RunPlan
    from assay.results import RunResult


def run(
    model: Annotated[
        str,
        typer.Argument(
            help="hf:PATH_OR_ID, vllm:PATH_OR_ID, openai:BASE_URL#MODEL or replay:FILE.", show_default=False
        ),
    ],
    benchmarks: Annotated[
        list[str],
        typer.Argument(help="Benchmarks, each with its samples per problem if wanted: aime24:64", show_default=False),
    ],
    limit: LimitOption = None,
    samples: SamplesOption = None,
    temperature: Annotated[float | None, typer.Option(help="0 is greedy. Default: the benchmark's, 0.6.")] = None,
    top_p: TopPOption = None,
    max_tokens: MaxTokensOption = None,
    stop: Annotated[list[str] | None, typer.Option(help="A string that ends a completion. Repeatable.")] = None,
    seed: Annotated[int | None, typer.Option(help="Base seed of all samples. Default: 0.")] = None,
    template: TemplateOption = None,
    prefill: Annotated[
        str | None,
        typer.Option(
            help='Start of the assistant\'s turn: auto ("<think>" where the model knows it), none, or a text.'
        ),
    ] = None,
    option: BackendOption = None,
    verifier_option: VerifierOption = None,
    sandbox: Annotated[
        str | None,
        typer.Option(help="Where programs are run: auto, docker, native; `assay sandbox list` says what works here."),
    ] = None,
    executor: ExecutorOption = "local",
    shard: ShardOption = 16,
    out: Annotated[str, typer.Option(metavar="DIR", help="Where run folders go.")] = "results/runs",
    data: DataOption = None,
    plugin: PluginOption = None,
    workers: WorkersOption = None,
    verify_timeout: TimeoutOption = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No preflight, no progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a model on benchmarks.

    Every sample is stored as soon as it is checked: after a crash or Ctrl-C the same command goes on
    where it stopped, and with a larger n it pays only for the new samples.
    """
    from assay.cli.progress import ProgressDisplay
    from assay.evaluation import evaluate
    from assay.plan import Overrides

    prepare(data, plugin)
    console = stderr()
    display = ProgressDisplay(console)
    results: list[RunResult] = []
    overrides = Overrides(
        samples=samples,
        limit=limit,
        template=template,
        prefill=prefill,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
        stop=tuple(stop) if stop else None,
        seed=seed,
    )
    backend_options = parse_pairs(option, "--option")
    verifier_options = _verifier_options(verifier_option, sandbox)
    with open_pool(workers, verify_timeout) as pool, open_cluster(executor, backend_options) as cluster:
        elsewhere: Elsewhere | None = None
        if cluster is not None:
            from assay.sharding import Distributor

            elsewhere = Distributor(
                executor=cluster,
                url=model,
                options=backend_options,
                overrides=overrides,
                verifier_options=verifier_options,
                plugins=plugin or (),
                data=data,
                verify_timeout=pool.timeout,
                problems=shard,
            ).draw
        try:
            evaluate(
                model,
                benchmarks,
                out=out,
                overrides=overrides,
                backend_options=backend_options,
                verifier_options=verifier_options,
                pool=pool,
                progress=None if quiet else display.start,
                preflight=None if quiet else _show_preflight,
                finished=results.append,
                elsewhere=elsewhere,
            )
        except KeyboardInterrupt:
            display.stop()
            console.print(display.interrupted(), markup=False)
            raise
        finally:
            display.stop()
            _show_results(results, as_json)


def _verifier_options(pairs: list[str] | None, sandbox: str | None) -> dict[str, dict[str, object]]:
    options = parse_dotted_pairs(pairs, "--verifier-option")
    if sandbox is not None:
        options.setdefault("code_tests", {})["sandbox"] = sandbox
    return options


def _show_results(results: list[RunResult], as_json: bool) -> None:
    """Print what is finished: all of it, or what came before a benchmark that failed."""
    for result in results:
        for notice in result.notices:
            stderr().print(f"note: {notice}", markup=False)
    if not results:
        return
    if as_json:
        print_json([result.row() for result in results])
    else:
        from assay.report import results_table

        stdout().print(results_table([result.row() for result in results]))
        for result in results:
            stdout().print(f"report: {result.path / 'report.md'}", markup=False, soft_wrap=True)


def _show_preflight(plan: RunPlan, rendered: str | None, warnings: list[str]) -> None:
    """Print the first prompt as the model sees it, and what looks wrong, before anything is spent."""
    from rich.panel import Panel
    from rich.text import Text

    console = stderr()
    first = plan.planned[0].request.prompt
    shown = rendered if rendered is not None else first if isinstance(first, str) else first[-1].content
    lines = shown if len(shown) <= 1_500 else f"{shown[:1_000]}\n […]\n{shown[-400:]}"
    problems = len({sample.problem.id for sample in plan.planned})
    title = f"{plan.benchmark.name}: {problems} problems × {plan.samples}, first prompt"
    console.print(Panel(Text(lines), title=Text(title), title_align="left"))
    for warning in warnings:
        console.print(f"warning: {warning}", markup=False, style="yellow")
