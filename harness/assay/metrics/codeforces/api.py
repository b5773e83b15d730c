"""Contests from the Codeforces API's answers: `contest.standings` together with `contest.ratingChanges`.

The rated participants are those with a rating change. Their ratings before the contest come from there, points and
penalty from the standings; rows of practice, virtual and out-of-competition participants are dropped, and so is
whoever is in one of the two files only (disqualified, handle changed since), which is counted in the notices. Rows of
teams are dropped as well: a team's rating is none of its members'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.metrics.codeforces.contest import (
    Contest,
    ContestProblem,
    ContestStyle,
    check_number,
    check_whole,
    division_of,
)
from assay.metrics.codeforces.elo import check_rating


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingChange:
    """One entry of `contest.ratingChanges`."""

    contest_id: str
    contest_name: str
    handle: str
    rank: int
    """As shown: the best place of a tie."""
    old_rating: int
    new_rating: int


def is_standings(value: Any) -> bool:
    """Whether this is a result of `contest.standings`."""
    return isinstance(value, dict) and isinstance(value.get("contest"), dict) and "rows" in value


def are_changes(value: Any) -> bool:
    """Whether this is a result of `contest.ratingChanges`, or one entry of it."""
    if isinstance(value, dict):
        return {"handle", "oldRating"} <= value.keys()
    return isinstance(value, list) and bool(value) and are_changes(value[0])


def contest_id(standings: dict[str, Any]) -> str:
    """The id of the contest that these are the standings of. Raises `ValueError`."""
    return id_of(standings["contest"].get("id"), "the contest's id")


def id_of(value: object, what: str) -> str:
    """An id as text: a number, or a short text. Raises `ValueError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and 0 < len(value) <= 80 and value.isprintable():
        return value
    raise ValueError(f"{what} must be a number or a short text, got {value!r:.80}")


def changes_of(value: Any) -> list[RatingChange]:
    """The rating changes of a list, or of one entry. Raises `ValueError` naming the entry."""
    entries = value if isinstance(value, list) else [value]
    changes = []
    for number, entry in enumerate(entries, start=1):
        where = f"rating change {number}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where} must be an object, got {entry!r:.80}")
        check_rating(entry.get("oldRating"), f"{where}: oldRating")
        check_rating(entry.get("newRating"), f"{where}: newRating")
        check_whole(entry.get("rank"), f"{where}: rank", 1, 10**7)
        changes.append(
            RatingChange(
                contest_id=id_of(entry.get("contestId"), f"{where}: contestId"),
                contest_name=str(entry.get("contestName", ""))[:200],
                handle=_text(entry.get("handle"), f"{where}: the handle"),
                rank=entry["rank"],
                old_rating=entry["oldRating"],
                new_rating=entry["newRating"],
            )
        )
    return changes


def contest_of(standings: dict[str, Any], changes: Sequence[RatingChange] | None) -> Contest:
    """The contest of standings and the rating changes that followed. Raises `ValueError`."""
    identity = contest_id(standings)
    if not changes:
        raise ValueError(
            f"there are no rating changes of contest {identity}, and with them no ratings of its participants. "
            f"Give the answer of contest.ratingChanges?contestId={identity} with --rating-changes"
        )
    by_handle = {change.handle: change for change in changes}
    if len(by_handle) < len(changes):
        raise ValueError(f"the rating changes of contest {identity} hold a handle twice: was the file given twice?")
    rows, teams = _official_rows(standings["rows"])
    rated = [(handle, row, by_handle[handle]) for handle, row in rows if handle in by_handle]
    if not rated:
        raise ValueError(f"no handle of the standings of contest {identity} is in its rating changes")
    notices = [
        (teams, "rows of teams"),
        (len(rows) - len(rated), "participants without a rating change"),
        (len(by_handle) - len({handle for handle, _, _ in rated}), "rating changes without a row in the standings"),
    ]
    contest = standings["contest"]
    name = str(contest.get("name", ""))[:200]
    problems = _problems(standings.get("problems", []))
    return Contest(
        id=identity,
        name=name,
        division=division_of(name),
        style=style_of(contest.get("type"), problems),
        problems=problems,
        handles=tuple(handle for handle, _, _ in rated),
        points=tuple(row.get("points") for _, row, _ in rated),  # type: ignore[misc]  # Contest checks them
        penalties=tuple(row.get("penalty", 0) for _, row, _ in rated),
        old_ratings=tuple(change.old_rating for _, _, change in rated),
        deltas=tuple(change.new_rating - change.old_rating for _, _, change in rated),
        notices=tuple(f"contest {identity}: {count} {what} left out" for count, what in notices if count),
    )


def contest_of_changes(changes: Sequence[RatingChange]) -> Contest:
    """A contest of which only the rating changes are known: the place, negated, stands for the points."""
    first = changes[0]
    return Contest(
        id=first.contest_id,
        name=first.contest_name,
        division=division_of(first.contest_name),
        handles=tuple(change.handle for change in changes),
        points=tuple(float(-change.rank) for change in changes),
        penalties=(0.0,) * len(changes),
        old_ratings=tuple(change.old_rating for change in changes),
        deltas=tuple(change.new_rating - change.old_rating for change in changes),
        notices=(f"contest {first.contest_id}: places are those of the rating changes, its standings were not given",),
    )


def style_of(kind: object, problems: Sequence[ContestProblem]) -> ContestStyle:
    """Whether points or solved problems count, from the contest's type or from its problems. Raises `ValueError`."""
    if kind == "ICPC":
        return ContestStyle.SOLVED
    if kind not in (None, "CF"):
        raise ValueError(f"contests of type {kind!r:.20} cannot be scored from accepted or not; only CF and ICPC can")
    valued = sum(problem.points is not None for problem in problems)
    if valued not in (0, len(problems)):
        without = [problem.index for problem in problems if problem.points is None]
        raise ValueError(f"problems {', '.join(without)} have no points and the others have: which rules are these?")
    return ContestStyle.SOLVED if problems and not valued else ContestStyle.POINTS


def _official_rows(rows: Any) -> tuple[list[tuple[str, dict[str, Any]]], int]:
    """Handle and row of everybody who took part officially and alone, and how many teams there were."""
    if not isinstance(rows, list):
        raise ValueError(f"the rows of the standings must be a list, got {type(rows).__name__}")
    official, teams = [], 0
    for number, row in enumerate(rows, start=1):
        where = f"row {number} of the standings"
        party = row.get("party") if isinstance(row, dict) else None
        members = party.get("members") if isinstance(party, dict) else None
        if not isinstance(members, list):
            raise ValueError(f"{where} has no party with members")
        assert isinstance(party, dict)
        if party.get("participantType", "CONTESTANT") != "CONTESTANT" or not members:
            continue
        if len(members) > 1:
            teams += 1
            continue
        if not isinstance(members[0], dict):
            raise ValueError(f"{where}: its member must be an object, got {members[0]!r:.80}")
        handle = _text(members[0].get("handle"), f"{where}: the handle")
        check_number(row.get("points"), f"{where} ({handle}): the points")
        official.append((handle, row))
    return official, teams


def _problems(problems: Any) -> tuple[ContestProblem, ...]:
    if not isinstance(problems, list):
        raise ValueError(f"the problems must be a list, got {type(problems).__name__}")
    return tuple(problem_of(problem, number) for number, problem in enumerate(problems, start=1))


def problem_of(value: Any, number: int) -> ContestProblem:
    """A problem from {"index", "points"} or [index, points]. Raises `ValueError`."""
    if isinstance(value, list) and len(value) == 2:
        value = {"index": value[0], "points": value[1]}
    if not isinstance(value, dict) or not isinstance(value.get("index"), str):
        raise ValueError(f"problem {number} must be an object with index and points, got {value!r:.80}")
    return ContestProblem(index=value["index"].strip().upper(), points=value.get("points"))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what} must be text, got {value!r:.80}")
    return value
