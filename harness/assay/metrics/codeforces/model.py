"""A model over all its contests: each rated by itself, and all together, as `assay codeforces rate` shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.errors import DataError
from assay.metrics.codeforces.attempts import ModelResults
from assay.metrics.codeforces.codeelo import (
    LEAST_PARTICIPANTS,
    CodeEloMean,
    CodeEloRating,
    codeelo_mean,
    codeelo_rating,
)
from assay.metrics.codeforces.contest import Contest
from assay.metrics.codeforces.joint import JointRating, Placement, Weighting, joint_rating
from assay.metrics.codeforces.newcomers import NewAccounts
from assay.metrics.codeforces.performance import MARGIN, ContestRating, rate_contest
from assay.metrics.codeforces.scoring import ModelScore, TieRule, score_attempts


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingRules:
    """Every choice that a rating depends on; a rating without them means little."""

    ties: TieRule = TieRule.MIDPOINT
    attempts: int | None = None
    """Attempts of each problem that count; None for all."""
    wrong_points: float = 50.0
    floor: float = 0.0
    """Share of a problem's points that wrong tries do not take away."""
    wrong_penalty: float = 10.0
    new_accounts: NewAccounts = NewAccounts.AUTO
    margin: int = MARGIN
    weighting: Weighting = Weighting.PAIRS
    resamples: int = 2000
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRating:
    """A model's rating, contest by contest and over all."""

    contests: tuple[ContestRating, ...]
    codeelo_contests: tuple[CodeEloRating, ...]
    """In the same order."""
    joint: JointRating
    divisions: Mapping[str, JointRating]
    """For each division by itself, where there are several."""
    codeelo: CodeEloMean
    notices: tuple[str, ...]
    """What was left out or has to be known, one sentence each."""


def rate_model(contests: Sequence[Contest], results: ModelResults, rules: RatingRules | None = None) -> ModelRating:
    """Rate a model's results in contests.

    Raises:
        DataError: The results and the contests have no contest in common, or results do not fit their contest.
        ValueError: A rule is out of range.
    """
    rules = rules or RatingRules()
    by_id = {contest.id: contest for contest in contests}
    rated, notices = [], list(results.notices)
    for identity, contest in by_id.items():
        score = _score(contest, results, rules)
        if score is None:
            notices.append(f"contest {identity} is left out: there are no results of the model")
            continue
        notices += contest.notices
        if score.missing:
            notices.append(
                f"contest {identity}: no attempts at {', '.join(score.missing)}, counted as unsolved "
                f"({len(score.missing)} of {len(contest.problems)} problems)"
            )
        rated.append(
            rate_contest(contest, score, ties=rules.ties, new_accounts=rules.new_accounts, margin=rules.margin)
        )
    unknown = [identity for identity in results.contests if identity not in by_id]
    if not rated:
        raise DataError(
            f"the results are of contests {_some(unknown)}, the standings of {_some(list(by_id))}: none in common"
        )
    if unknown:
        notices.append(f"results of contests {_some(unknown)} are left out: their standings were not given")
    codeelo = [codeelo_rating(each.contest.old_ratings, each.place) for each in rated]
    small = [each.contest.id for each in rated if len(each.field) < LEAST_PARTICIPANTS]
    if small:
        notices.append(
            f"CodeElo leaves out contests with fewer than {LEAST_PARTICIPANTS} participants, here {_some(small)}"
        )
    divisions: dict[str, list[ContestRating]] = {}
    for each in rated:
        divisions.setdefault(each.contest.division, []).append(each)
    return ModelRating(
        contests=tuple(rated),
        codeelo_contests=tuple(codeelo),
        joint=_joint(rated, rules),
        divisions={division: _joint(members, rules) for division, members in divisions.items() if len(divisions) > 1},
        codeelo=codeelo_mean(codeelo, resamples=rules.resamples, seed=rules.seed, level=rules.level),
        notices=tuple(notices),
    )


def _score(contest: Contest, results: ModelResults, rules: RatingRules) -> ModelScore | None:
    if contest.id in results.scores:
        return results.scores[contest.id]
    attempts = results.attempts.get(contest.id)
    if attempts is None:
        return None
    try:
        return score_attempts(
            contest,
            attempts,
            limit=rules.attempts,
            wrong_points=rules.wrong_points,
            floor=rules.floor,
            wrong_penalty=rules.wrong_penalty,
        )
    except ValueError as error:
        raise DataError(f"the results do not fit the standings: {error}") from error


def _joint(rated: Sequence[ContestRating], rules: RatingRules) -> JointRating:
    return joint_rating(
        [Placement(ratings=each.field, rank=each.place.rank) for each in rated],
        margin=rules.margin,
        weighting=rules.weighting,
        resamples=rules.resamples,
        seed=rules.seed,
        level=rules.level,
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5]) or "none"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
