"""`assay power`: how many problems and samples it takes to see a difference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import JsonOption, PluginOption, prepare, print_json, stdout
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.metrics.power import PairVariance

_SAMPLES = (1, 2, 4, 8, 16, 32, 64, 128)


def power(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="One run, whose noise is taken for both sides; or two runs of a benchmark. None: give assumptions."
        ),
    ] = None,
    diff: Annotated[
        float, typer.Option("--diff", min=0.0001, max=1, help="The difference in pass@1 to be seen, as a share.")
    ] = 0.02,
    problems: Annotated[int | None, typer.Option(min=2, help="Problems; default: the run's.")] = None,
    target: Annotated[float, typer.Option("--power", min=0.05, max=0.999, help="Chance of seeing it.")] = 0.8,
    alpha: Annotated[float, typer.Option(min=0.00001, max=0.5, help="p-value below which it counts as seen.")] = 0.05,
    correlation: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Of the two sides' true pass rates over problems. One run: 0.5 if not given."),
    ] = None,
    mean: Annotated[float | None, typer.Option(min=0, max=1, help="Assumption: pass@1.")] = None,
    spread: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Assumption: standard deviation of the problems' pass rates.")
    ] = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how many samples and problems are needed to see a given difference between two runs.

    The noise is a run's own (its variance within and between problems), that of the difference of two runs, or what
    --mean, --spread and --problems assume.
    """
    from assay.metrics.power import detectable, problems_needed, samples_needed

    prepare(plugin=plugin)
    if runs and (mean is not None or spread is not None):
        raise UsageError("--mean and --spread are assumptions for when no run is given")
    pair, asked, what = _from_runs(runs, correlation) if runs else _assumed(mean, spread, correlation, problems)
    asked = problems or asked
    options = {"power": target, "alpha": alpha}
    rows: list[dict[str, Any]] = [
        {
            "samples": n,
            "se": pair.se(asked, n),
            "detectable": detectable(pair, asked, n, **options),
            "problems_needed": problems_needed(pair, diff, n, **options),
        }
        for n in (*_SAMPLES, math.inf)
    ]
    needed = samples_needed(pair, diff, asked, **options)
    if as_json:
        print_json(
            {
                "noise": {"between": pair.between, "within": pair.within, "source": what},
                "problems": asked,
                "diff": diff,
                **options,
                "samples_needed": needed,
                "rows": [{**row, "samples": None if math.isinf(row["samples"]) else row["samples"]} for row in rows],
            }
        )
        return
    console = stdout()
    console.print(
        f"{what}. {asked} problems, to see a difference of {diff:g} with a chance of {target:.0%} at p < {alpha:g}:",
        markup=False, highlight=False,
    )  # fmt: skip
    console.print(_table(rows, asked, diff))
    console.print(_sentence(needed, rows[-1], asked), markup=False, highlight=False)


def _from_runs(runs: list[str], correlation: float | None) -> tuple[PairVariance, int, str]:
    from assay.comparing import compare_all
    from assay.metrics.noise import variance_components
    from assay.metrics.power import pair_from_one, pair_from_two
    from assay.results import find_runs, load_result

    groups = [[load_result(folder) for folder in find_runs([each])] for each in runs]
    if len(groups) > 2 or any(len(group) != 1 for group in groups):
        raise UsageError("give one run folder, or two of the same benchmark")
    if len(groups) == 1:
        scores = groups[0][0].scores()
        parts = variance_components(scores.values())
        if math.isnan(parts["within"]) or math.isnan(parts["between"]):
            raise UsageError(f"{runs[0]} tells nothing of its noise: it takes two problems, and two samples of each")
        rho = 0.5 if correlation is None else correlation
        source = f"Noise of {runs[0]}, taken for both sides, whose pass rates correlate by {rho:g}"
        source += "" if correlation is not None else " (assumed: set --correlation, or give two runs to measure it)"
        return pair_from_one(parts["between"], parts["within"], rho), len(scores), source
    if correlation is not None:
        raise UsageError("with two runs the correlation is measured, not given")
    compare_all(groups)  # refuses what is not comparable
    first, second = groups[0][0].scores(), groups[1][0].scores()
    shared = sorted(first.keys() & second.keys())
    pair = pair_from_two([first[name] for name in shared], [second[name] for name in shared])
    if math.isnan(pair.within) or math.isnan(pair.between):
        raise UsageError("these runs tell nothing of their noise: it takes two samples of each problem")
    return pair, len(shared), f"Noise of the difference between {runs[0]} and {runs[1]}"


def _assumed(
    mean: float | None, spread: float | None, correlation: float | None, problems: int | None
) -> tuple[PairVariance, int, str]:
    from assay.metrics.power import pair_from_one

    if mean is None or spread is None or problems is None:
        raise UsageError("give a run, or all of --mean, --spread and --problems")
    between = spread**2
    if between > mean * (1 - mean):
        most = math.sqrt(mean * (1 - mean))
        raise UsageError(f"pass rates with mean {mean:g} spread by at most {most:.3f}, got --spread {spread:g}")
    rho = 0.5 if correlation is None else correlation
    # A sample of a problem with pass rate p has variance p (1 - p), whose mean is mean (1 - mean) - between.
    pair = pair_from_one(between, mean * (1 - mean) - between, rho)
    return pair, problems, f"Assumed: pass@1 {mean:g}, problems spread by {spread:g}, correlation {rho:g}"


def _table(rows: list[dict[str, Any]], problems: int, diff: float) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in (
        "samples a problem",
        "± of the difference",
        f"seen with {problems} problems",
        f"problems for {diff:g}",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        needed = row["problems_needed"]
        table.add_row(
            "endless" if math.isinf(row["samples"]) else str(row["samples"]),
            f"{row['se']:.4f}",
            f"{row['detectable']:.4f}",
            "out of reach" if needed is None else f"{needed:,}",
        )
    return table


def _sentence(needed: int | None, limit: dict[str, Any], problems: int) -> str:
    if needed is not None:
        return f"{needed:,} samples of each of the {problems} problems are enough."
    return (
        f"No number of samples is enough with {problems} problems: even endless ones show {limit['detectable']:.4f} at "
        "best. More problems are needed, or a larger difference."
    )
