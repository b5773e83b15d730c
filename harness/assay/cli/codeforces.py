"""`assay codeforces rate|update`: a model's Codeforces rating, and Codeforces' own rating changes."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import DataOption, JsonOption, PluginOption, prepare, print_json
from assay.errors import DataError, UsageError
from assay.metrics.codeforces.joint import Weighting
from assay.metrics.codeforces.newcomers import NewAccounts

if TYPE_CHECKING:
    from assay.metrics.codeforces import ModelResults

app = typer.Typer(help="Rate a model by Codeforces contests, and reproduce rating changes.", no_args_is_help=True)


class Rule(StrEnum):
    """Which rating is the headline; the others are computed beside it."""

    MIDPOINT = "midpoint"
    STRICT = "strict"
    CODEELO = "codeelo"


StandingsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="STANDINGS...", help="Files with standings: the API's JSON, or compact tables.", show_default=False
    ),
]
ChangesOption = Annotated[
    list[str] | None,
    typer.Option("--rating-changes", metavar="FILE", help="The API's contest.ratingChanges. Repeatable."),
]
NewAccountsOption = Annotated[
    NewAccounts, typer.Option(help="What an old rating of 0 is: by contest number, 1400, 1500, or really 0.")
]


@app.command("rate")
def rate(
    standings: StandingsArgument,
    results: Annotated[
        str, typer.Option(metavar="FILE|RUN", help="JSONL with attempts, or a run folder of the benchmark codeforces.")
    ],
    rating_changes: ChangesOption = None,
    histogram: Annotated[
        str | None, typer.Option(metavar="FILE", help="Ratings of all rated users, for the percentile.")
    ] = None,
    rule: Annotated[Rule, typer.Option(help="Ties at the midpoint, ties at the best place, or CodeElo's.")] = (
        Rule.MIDPOINT
    ),
    attempts: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N attempts of each problem.")
    ] = None,
    floor: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of a problem's points that wrong tries leave; Codeforces grants 0.3."),
    ] = 0.0,
    wrong_points: Annotated[float, typer.Option(min=0, help="Codeforces rules: points that a wrong try costs.")] = 50.0,
    wrong_penalty: Annotated[
        float, typer.Option(min=0, help="ICPC rules: penalty of a wrong try; Codeforces 10, ICPC 20.")
    ] = 10.0,
    weights: Annotated[
        Weighting, typer.Option(help="What counts the same: every comparison with a person, or every contest.")
    ] = Weighting.PAIRS,
    new_accounts: NewAccountsOption = NewAccounts.AUTO,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Bootstrap resamples of the contests.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    level: Annotated[float, typer.Option(help="Confidence level of the interval.")] = 0.95,
    data: DataOption = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rate a model from its attempts: a table per contest, and one rating with an interval and a percentile."""
    from dataclasses import asdict

    from assay.cli.codeforces_output import print_rating, rating_as_json
    from assay.metrics.codeforces import RatingRules, TieRule, rate_model, read_contests, read_distribution

    if not 0 < level < 1:
        raise UsageError(f"--level must lie strictly between 0 and 1, got {level}")
    for option, value in (("--floor", floor), ("--wrong-points", wrong_points), ("--wrong-penalty", wrong_penalty)):
        if not math.isfinite(value):
            raise UsageError(f"{option} must be a finite number, got {value}")
    prepare(data, plugin)
    rules = RatingRules(
        ties=TieRule.STRICT if rule is Rule.STRICT else TieRule.MIDPOINT,
        attempts=attempts,
        wrong_points=wrong_points,
        floor=floor,
        wrong_penalty=wrong_penalty,
        new_accounts=new_accounts,
        weighting=weights,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    contests = read_contests(standings, rating_changes or ())
    users = None if histogram is None else read_distribution(histogram)
    try:
        rated = rate_model(contests, _results(results), rules)
    except ValueError as error:
        raise DataError(f"these contests cannot be rated: {error}") from error
    by_codeelo = rule is Rule.CODEELO
    if as_json:
        print_json({"rule": rule.value, "rules": asdict(rules), **rating_as_json(rated, by_codeelo, users)})
        return
    print_rating(rated, by_codeelo, users)


@app.command("update")
def update(
    standings: StandingsArgument,
    rating_changes: ChangesOption = None,
    new_accounts: NewAccountsOption = NewAccounts.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Compute the rating changes of everybody as Codeforces does, and compare them with the official ones."""
    from assay.cli.codeforces_output import print_notices, print_update, update_as_json
    from assay.metrics.codeforces import read_contests, update_ratings

    contests = read_contests(standings, rating_changes or (), changes_suffice=True)
    updates = [update_ratings(contest, new_accounts) for contest in contests]
    if as_json:
        print_json([update_as_json(each) for each in updates])
        return
    for each in updates:
        print_update(each)
    print_notices([notice for contest in contests for notice in contest.notices])


def _results(path: str) -> ModelResults:
    from assay.metrics.codeforces import read_results, read_run_attempts

    if not Path(path).is_dir():
        return read_results(path)
    from assay.results import find_runs

    runs = find_runs([path])
    if len(runs) > 1:
        raise UsageError(f"{path} holds {len(runs)} runs; --results takes one, for example {runs[0]}")
    return read_run_attempts(runs[0])
