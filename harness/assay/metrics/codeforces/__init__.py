"""A model's Codeforces rating from contest standings, and Codeforces' own rating update.

A model did not take part in a contest, but its attempts at the problems earn points, the points earn a place among
the people who did, and the place says how strong a participant would be expected to take it. Codeforces rates people
by Elo's formula: j beats i with probability 1 / (1 + 10^((r_i - r_j)/400)), so that a participant rated R expects
the place 1 + Σ_j 1 / (1 + 10^((R - r_j)/400)). The rating whose expected place is the one taken is the performance.

| file | holds |
|---|---|
| `elo` | expected place, and the performance rating that solves it |
| `contest` | one contest: problems, the rated people's results, what is refused as broken |
| `newcomers` | what a shown rating of 0 stands for |
| `scoring` | attempts → points and penalty → place |
| `performance` | one contest: score, place, rating, and whether the field is too weak to tell |
| `joint` | several contests: joint maximum likelihood with censoring, bootstrap interval |
| `codeelo` | the same by CodeElo's rule, for comparison |
| `model` | a model's results in all its contests, rated in one go |
| `distribution` | percentile among rated users |
| `update` | the rating changes after a contest, exactly as Codeforces computes them |
| `files`, `api`, `table` | standings from the API's JSON or from compact tables |
| `attempts`, `stored_run` | the model's attempts from a file, or from a run of the benchmark `codeforces` |

Sources: M. Mirzayanov, codeforces.com/blog/entry/20762 (rating) and 77890 (new accounts); CodeElo, arXiv:2501.01257.
Not covered: the time that a solution took (points that fall by the minute, minutes in an ICPC penalty: a model has
no clock, so it is scored as if it submitted at once), hacks, teams, contests with partial scores.
docs/codeforces.md shows how to use it and what the numbers mean.

The names load on first use, and numpy only inside the functions that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.lazy import lazy_names

if TYPE_CHECKING:
    from assay.metrics.codeforces.attempts import ModelResults, read_results
    from assay.metrics.codeforces.codeelo import CodeEloMean, CodeEloRating, codeelo_mean, codeelo_rating
    from assay.metrics.codeforces.contest import Contest, ContestProblem, ContestStyle
    from assay.metrics.codeforces.distribution import RatingDistribution, read_distribution
    from assay.metrics.codeforces.elo import expected_rank, performance_rating, win_probability
    from assay.metrics.codeforces.files import read_contests
    from assay.metrics.codeforces.joint import JointRating, Placement, Weighting, joint_rating
    from assay.metrics.codeforces.model import ModelRating, RatingRules, rate_model
    from assay.metrics.codeforces.newcomers import InternalRatings, NewAccounts, internal_ratings
    from assay.metrics.codeforces.performance import Bound, ContestRating, rate_contest
    from assay.metrics.codeforces.scoring import ModelScore, Place, TieRule, place_among, score_attempts
    from assay.metrics.codeforces.stored_run import read_run_attempts
    from assay.metrics.codeforces.update import RatingUpdate, update_ratings

_HOME = {
    "Bound": "performance",
    "CodeEloMean": "codeelo",
    "CodeEloRating": "codeelo",
    "Contest": "contest",
    "ContestProblem": "contest",
    "ContestRating": "performance",
    "ContestStyle": "contest",
    "InternalRatings": "newcomers",
    "JointRating": "joint",
    "ModelRating": "model",
    "ModelResults": "attempts",
    "ModelScore": "scoring",
    "NewAccounts": "newcomers",
    "Place": "scoring",
    "Placement": "joint",
    "RatingDistribution": "distribution",
    "RatingRules": "model",
    "RatingUpdate": "update",
    "TieRule": "scoring",
    "Weighting": "joint",
    "codeelo_mean": "codeelo",
    "codeelo_rating": "codeelo",
    "expected_rank": "elo",
    "internal_ratings": "newcomers",
    "joint_rating": "joint",
    "performance_rating": "elo",
    "place_among": "scoring",
    "rate_contest": "performance",
    "rate_model": "model",
    "read_contests": "files",
    "read_distribution": "distribution",
    "read_results": "attempts",
    "read_run_attempts": "stored_run",
    "score_attempts": "scoring",
    "update_ratings": "update",
    "win_probability": "elo",
}
"""Where each public name lives, so that it can be imported when it is first asked for."""

__all__ = [
    "Bound",
    "CodeEloMean",
    "CodeEloRating",
    "Contest",
    "ContestProblem",
    "ContestRating",
    "ContestStyle",
    "InternalRatings",
    "JointRating",
    "ModelRating",
    "ModelResults",
    "ModelScore",
    "NewAccounts",
    "Place",
    "Placement",
    "RatingDistribution",
    "RatingRules",
    "RatingUpdate",
    "TieRule",
    "Weighting",
    "codeelo_mean",
    "codeelo_rating",
    "expected_rank",
    "internal_ratings",
    "joint_rating",
    "performance_rating",
    "place_among",
    "rate_contest",
    "rate_model",
    "read_contests",
    "read_distribution",
    "read_results",
    "read_run_attempts",
    "score_attempts",
    "update_ratings",
    "win_probability",
]


__getattr__ = lazy_names(__name__, _HOME)


def __dir__() -> list[str]:
    return list(__all__)
