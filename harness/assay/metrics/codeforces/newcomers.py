"""What a shown rating of 0 stands for.

Since the end of May 2020 (contest 1360) a new account is shown with rating 0 but enters the computation with 1400;
its first six rounds add 500, 350, 250, 150, 100 and 50 to the shown rating beside the change itself, after which both
agree (codeforces.com/blog/entry/77890). Before, a new account started at 1500, which the API shows as 1500 or as 0.

So a shown rating is not always the one that Codeforces computed with:

| shown | contest | taken as |
|---|---|---|
| any, number of rated contests known | from 1360 | shown + what the six additions still lack |
| 0 | from 1360, or a contest without a number | 1400 |
| 0, official new rating of 900 or more | before 1360 | 1500: nobody gains 900 points in one round |
| 0, otherwise | before 1360 | 0 |
| anything else | | itself |

What cannot be known from one contest's data is who is in rounds two to six: the API does not say. Their shown
ratings are up to 900 too low, which pulls the field of recent rounds down a little. A table with the column
`rated_contests` has it right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING

from assay.metrics.codeforces.contest import Contest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_SHOWN_FROM_ZERO = 1360
"""The first contest whose new accounts are shown with 0 (the same boundary as in the Carrot extension)."""

ADDITIONS = (500, 350, 250, 150, 100, 50)
"""What the first six rounds add to the shown rating beside the change."""

_LACKING = (1400, *(1400 - given for given in accumulate(ADDITIONS)))
"""Internal less shown rating after 0, 1, … 6 rated contests."""

_NO_CHANGE_IS_THIS_LARGE = 900


class NewAccounts(StrEnum):
    """How ratings of 0 are read."""

    AUTO = "auto"
    """By the table of this module."""
    START_1400 = "1400"
    """All as accounts that start at 1400 and are shown from 0."""
    START_1500 = "1500"
    """All as accounts that start at 1500."""
    KEEP = "keep"
    """All as ratings of 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InternalRatings:
    """The ratings that Codeforces computes with, in the order of the contest's rows."""

    ratings: NDArray[np.int64]
    additions: NDArray[np.int64]
    """What the change of the shown rating has on top of the computed change."""


def internal_ratings(contest: Contest, new_accounts: NewAccounts = NewAccounts.AUTO) -> InternalRatings:
    """The ratings before the contest that Codeforces computes with."""
    import numpy as np

    shown = np.asarray(contest.old_ratings, dtype=np.int64)
    ratings, additions = shown.copy(), np.zeros_like(shown)
    recent = not contest.id.isdecimal() or int(contest.id) >= FIRST_SHOWN_FROM_ZERO
    if new_accounts is NewAccounts.KEEP:
        return InternalRatings(ratings=ratings, additions=additions)
    if new_accounts is NewAccounts.AUTO and recent and contest.rated_contests is not None:
        rounds = np.minimum(np.asarray(contest.rated_contests), len(ADDITIONS))
        return InternalRatings(
            ratings=shown + np.asarray(_LACKING)[rounds], additions=np.asarray((*ADDITIONS, 0))[rounds]
        )
    start_1400 = start_1500 = np.zeros(len(shown), dtype=bool)
    if new_accounts is NewAccounts.START_1400 or (new_accounts is NewAccounts.AUTO and recent):
        start_1400 = shown == 0
    elif new_accounts is NewAccounts.START_1500:
        start_1500 = shown == 0
    elif contest.deltas is not None:
        start_1500 = (shown == 0) & (np.asarray(contest.deltas) >= _NO_CHANGE_IS_THIS_LARGE)
    ratings[start_1400], additions[start_1400] = 1400, ADDITIONS[0]
    ratings[start_1500], additions[start_1500] = 1500, 1500
    return InternalRatings(ratings=ratings, additions=additions)
