"""What `assay codeforces` prints, and its JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from assay.cli.common import stderr, stdout

if TYPE_CHECKING:
    from assay.metrics.codeforces import (
        ContestRating,
        JointRating,
        ModelRating,
        RatingDistribution,
        RatingUpdate,
    )

_SHOWN = 10
"""Participants and differences that are printed; `--json` has all of them."""


def rating_as_json(rated: ModelRating, by_codeelo: bool, users: RatingDistribution | None) -> dict[str, Any]:
    """The rating with every contest; percentiles are None without a distribution."""
    from dataclasses import asdict

    def percentile(rating: float) -> float | None:
        return None if users is None or math.isnan(rating) else users.percentile(rating)

    def joint(value: JointRating) -> dict[str, Any]:
        return {**asdict(value), "percentile": percentile(value.rating)}

    headline = rated.codeelo if by_codeelo else rated.joint
    return {
        "rating": headline.rating,
        "bound": "=" if by_codeelo else rated.joint.bound.value,
        "low": headline.low,
        "high": headline.high,
        "percentile": percentile(headline.rating),
        "percentile_low": percentile(headline.low),
        "percentile_high": percentile(headline.high),
        "rated_users": None if users is None else users.users,
        "contests": [
            {
                "contest_id": each.contest.id,
                "name": each.contest.name,
                "division": each.contest.division,
                "style": each.contest.style.value,
                "score": asdict(each.score),
                "problems": len(each.contest.problems),
                "field": len(each.field),
                "better": each.place.better,
                "tied": each.place.tied,
                "rank": each.place.rank,
                "rating": each.rating,
                "bound": each.bound.value,
                "exact": each.exact,
                "cap": each.cap,
                "floor": each.floor,
                "codeelo": asdict(codeelo),
            }
            for each, codeelo in zip(rated.contests, rated.codeelo_contests, strict=True)
        ],
        "joint": joint(rated.joint),
        "divisions": {division: joint(value) for division, value in rated.divisions.items()},
        "codeelo": {**asdict(rated.codeelo), "percentile": percentile(rated.codeelo.rating)},
        "notices": rated.notices,
    }


def print_rating(rated: ModelRating, by_codeelo: bool, users: RatingDistribution | None) -> None:
    """A table of the contests, then the rating by each rule."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, header in enumerate(
        ["contest", "division", "solved", "score", "penalty", "place", "of", "rating", "CodeElo"]
    ):
        table.add_column(header, justify="left" if number < 2 else "right", overflow="fold")
    for each, codeelo in zip(rated.contests, rated.codeelo_contests, strict=True):
        table.add_row(*map(Text, [*_cells(each), str(codeelo.rating)]))
    console = stdout()
    console.print(table)
    lines = [f"{division or 'other'}: {_joint_text(value, users)}" for division, value in rated.divisions.items()]
    lines.append(f"rating: {_joint_text(rated.joint, users)}")
    codeelo_text = _with_interval(rated.codeelo.rating, "", rated.codeelo.low, rated.codeelo.high, rated.joint.level)
    codeelo_line = f"CodeElo's rule: {codeelo_text}{_percentile_text(rated.codeelo.rating, '', users)}"
    lines = [f"rating by {codeelo_line}"] if by_codeelo else [*lines, codeelo_line]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    notices = list(rated.notices)
    if len(rated.contests) < 5:
        notices.append("fewer than five contests: the interval is narrower than the truth, or there is none")
    print_notices(notices)


def _cells(each: ContestRating) -> list[str]:
    from assay.report.text import visible

    problems = len(each.contest.problems)
    return [
        visible(each.contest.id),
        visible(each.contest.division),
        f"{len(each.score.solved)}/{problems}" if problems else "-",
        f"{each.score.points:g}",
        f"{each.score.penalty:g}",
        f"{each.place.rank:g}",
        str(len(each.field)),
        f"{_bound_text(each.bound)}{each.rating:.0f}",
    ]


def _joint_text(value: JointRating, users: RatingDistribution | None) -> str:
    bound = _bound_text(value.bound)
    text = _with_interval(value.rating, bound, value.low, value.high, value.level)
    text += _percentile_text(value.rating, bound, users)
    text += f", from {value.num_contests} contest{'s' if value.num_contests > 1 else ''}"
    if value.num_at_least:
        text += f", {value.num_at_least} of them with a field too weak to tell how much better the model is"
    if value.num_at_most:
        text += f", {value.num_at_most} of them with a field too strong to tell how much worse the model is"
    return text


def _with_interval(rating: float, bound: str, low: float, high: float, level: float) -> str:
    if math.isnan(low):
        return f"{bound}{rating:.0f} (no interval: one contest)"
    ends = [f"{end:.0f}" if math.isfinite(end) else "no bound" for end in (low, high)]
    return f"{bound}{rating:.0f} ({100 * level:g}% interval: {ends[0]} to {ends[1]})"


def _percentile_text(rating: float, bound: str, users: RatingDistribution | None) -> str:
    if users is None:
        return ""
    return f", better than {bound}{users.percentile(rating):.1f}% of {users.users} rated users"


def _bound_text(bound: str) -> str:
    return "" if bound == "=" else f"{bound} "


def update_as_json(update: RatingUpdate) -> dict[str, Any]:
    """The changes of everybody in a contest."""
    contest = update.contest
    unknown = [None] * len(update.deltas)
    columns = zip(
        contest.handles or unknown,
        update.ranks,
        update.seeds,
        contest.old_ratings,
        update.deltas,
        contest.deltas or unknown,
        strict=True,
    )
    names = ("handle", "rank", "seed", "old_rating", "delta", "official_delta")
    return {
        "contest_id": contest.id,
        "name": contest.name,
        "participants": len(update.deltas),
        "agreement": update.agreement,
        "differing": len(update.differing),
        "corrections": update.corrections,
        "changes": [dict(zip(names, row, strict=True)) for row in columns],
        "notices": contest.notices,
    }


def print_update(update: RatingUpdate) -> None:
    """Those whose official change is another, or else the best places; then how many agree."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from assay.report.text import visible

    contest, size = update.contest, len(update.deltas)
    console = stdout()
    console.print(f"contest {visible(contest.id)} {visible(contest.name)}", markup=False, highlight=False)
    rows = list(update.differing) or sorted(range(size), key=lambda row: update.ranks[row])
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in ["place", "participant", "seed", "old rating", "change", "official"]:
        table.add_column(header, justify="left" if header == "participant" else "right", overflow="fold")
    for row in rows[:_SHOWN]:
        handle = contest.handles[row] if contest.handles else f"row {row + 1}"
        official = "-" if contest.deltas is None else f"{contest.deltas[row]:+d}"
        cells = [str(update.ranks[row]), visible(handle), f"{update.seeds[row]:.1f}", str(contest.old_ratings[row])]
        table.add_row(*map(Text, [*cells, f"{update.deltas[row]:+d}", official]))
    console.print(table)
    left = len(rows) - _SHOWN
    text = f"{size} participants"
    if left > 0:
        text += f", {left} more {'differ' if update.differing else 'in all'}: --json lists everybody"
    console.print(text, highlight=False, soft_wrap=True)
    if contest.deltas is not None:
        same = size - len(update.differing)
        console.print(
            f"the official change of {same} is reproduced exactly ({update.agreement:.3%})",
            highlight=False,
            soft_wrap=True,
        )


def print_notices(notices: list[str]) -> None:
    """What was left out, on standard error."""
    for notice in notices:
        stderr().print(f"note: {notice}", markup=False, highlight=False)
