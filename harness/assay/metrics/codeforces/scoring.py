"""From attempts to a place: what a model's tries at the problems of a contest would have been worth in it.

A model makes n independent attempts at each problem, in a fixed order. As in CodeElo (arXiv:2501.01257), it is taken
to have submitted them one after the other until the first that is accepted: with k wrong ones before it, a problem
worth p points gives p - 50 k, and at least 0. Under ICPC rules a solved problem counts one, and each of the k wrong
tries 10 penalty points, which is the rule of Codeforces' ICPC-style rounds; ICPC itself takes 20. A problem that is
never accepted costs nothing.

Departures from a real contest, all for the model: no time is counted, so its points do not fall and its penalty has
no minutes in it; the floor of 30% of a problem's points, which Codeforces grants, is an option (`floor=0.3`).
Against it: Codeforces does not count a wrong answer on the first test or a compilation error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.metrics.codeforces.contest import Contest, ContestStyle, check_number
from assay.metrics.codeforces.elo import check_rank


class TieRule(StrEnum):
    """The place of one who ties with others."""

    MIDPOINT = "midpoint"
    """The middle of the tied places: of the people with the same result, half count as better."""
    STRICT = "strict"
    """The best of the tied places: only those strictly better count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelScore:
    """What the attempts were worth."""

    points: float
    """Points, or problems solved."""
    penalty: float = 0.0
    solved: tuple[str, ...] = ()
    """Indices of the accepted problems."""
    wrong_tries: int = 0
    """Wrong tries before the accepted ones; those at unsolved problems cost nothing."""
    missing: tuple[str, ...] = ()
    """Problems of the contest without any attempt: counted as unsolved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A place among the rated participants."""

    better: int
    """People with a strictly better result."""
    tied: int
    """People with the same result."""
    rank: float
    """From 1 to n + 1; a half in the middle of an odd tie."""


def score_attempts(
    contest: Contest,
    attempts: Mapping[str, Sequence[bool | None]],
    *,
    limit: int | None = None,
    wrong_points: float = 50.0,
    floor: float = 0.0,
    wrong_penalty: float = 10.0,
) -> ModelScore:
    """Score a model's attempts at a contest.

    Args:
        contest: With its problems.
        attempts: By problem index, in the order in which they are taken to be submitted; None is an attempt that we
            failed to judge, which is as if it had not been made.
        limit: Only the first so many attempts of each problem count.
        wrong_points: Points that a wrong try costs (Codeforces rules).
        floor: Share of a problem's points that no number of wrong tries takes away: 0 (CodeElo) or 0.3 (Codeforces).
        wrong_penalty: Penalty of a wrong try (ICPC rules): 10 (Codeforces, CodeElo) or 20 (ICPC).

    Raises:
        ValueError: The contest's problems are not known, an attempt is at a problem that it does not have, or a
            number makes no sense.
    """
    if not contest.problems:
        raise ValueError(f"contest {contest.id} was read without its problems: attempts at them cannot be scored")
    known = {problem.index: problem for problem in contest.problems}
    for index in attempts:
        if index not in known:
            raise ValueError(f"contest {contest.id} has no problem {index!r:.40}; it has {', '.join(list(known)[:30])}")
    if limit is not None and limit < 1:
        raise ValueError(f"at least one attempt must count, got a limit of {limit!r}")
    if not 0 <= floor <= 1 or not wrong_points >= 0 or not wrong_penalty >= 0:
        raise ValueError("the floor must lie in 0..1, and what a wrong try costs must not be negative")
    points = penalty = 0.0
    solved, wrong_tries = [], 0
    for problem in contest.problems:
        tries = [attempt for attempt in attempts.get(problem.index, ()) if attempt is not None][:limit]
        if True not in tries:
            continue
        wrong = tries.index(True)
        solved.append(problem.index)
        wrong_tries += wrong
        if contest.style is ContestStyle.SOLVED:
            points += 1
            penalty += wrong_penalty * wrong
        else:
            assert problem.points is not None
            points += max(floor * problem.points, problem.points - wrong_points * wrong)
    return ModelScore(
        points=round(points, 6),  # 0.3 of a problem's points must tie with a person who has just that
        penalty=penalty,
        solved=tuple(solved),
        wrong_tries=wrong_tries,
        missing=tuple(index for index in known if not attempts.get(index)),
    )


def place_among(contest: Contest, score: ModelScore, ties: TieRule = TieRule.MIDPOINT) -> Place:
    """The place that a score takes among the rated participants: more points first, then the smaller penalty."""
    check_number(score.points, "the model's points")
    check_number(score.penalty, "the model's penalty")
    own = (score.points, -score.penalty)
    results = [(points, -penalty) for points, penalty in zip(contest.points, contest.penalties, strict=True)]
    better = sum(result > own for result in results)
    tied = sum(result == own for result in results)
    rank = 1 + better + (tied / 2 if ties is TieRule.MIDPOINT else 0)
    check_rank(rank, len(results))
    return Place(better=better, tied=tied, rank=rank)
