"""The percentile of a rating among rated users: the share of them whose rating is lower.

Users, not contestants: who takes part in a round is stronger than the average account. The distribution is data that
changes from year to year, so it is read from a file and named in the result.

| file | holds |
|---|---|
| JSONL of `{"rating": 1500, "count": 812}` (or `"id"` for `"rating"`) | a histogram |
| JSON object `{"1500": 812, …}` | a histogram |
| JSON list of ratings | one for each user (CodeElo's sorted_ratings.json) |
| the API's `user.ratedList` | users with their ratings |
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from assay.errors import DataError
from assay.metrics.codeforces.contest import check_whole
from assay.metrics.codeforces.elo import check_rating

_MAX_USERS = 10**10


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingDistribution:
    """How many users have which rating."""

    ratings: tuple[int, ...]
    """Ascending."""
    below: tuple[int, ...]
    """Users with a lower rating; one entry more than `ratings`, the last being all users."""

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> RatingDistribution:
        """From users by rating. Raises `ValueError` for what is no rating or no number of users."""
        for rating, count in counts.items():
            check_rating(rating, "a rating of the histogram")
            check_whole(count, f"the number of users rated {rating}", 0, _MAX_USERS)
        ratings = sorted(rating for rating, count in counts.items() if count)
        if not ratings:
            raise ValueError("the histogram holds no user")
        return cls(ratings=tuple(ratings), below=tuple(accumulate((counts[each] for each in ratings), initial=0)))

    @property
    def users(self) -> int:
        """All users."""
        return self.below[-1]

    def percentile(self, rating: float) -> float:
        """Percent of the users whose rating is lower, 0..100. Raises `ValueError` for NaN."""
        if math.isnan(rating):
            raise ValueError("the rating is NaN")
        return 100 * self.below[bisect_left(self.ratings, rating)] / self.users


def read_distribution(path: str | Path) -> RatingDistribution:
    """Read a distribution in any of the forms above. Raises `DataError` naming file, place and remedy."""
    from assay.metrics.codeforces.files import load_values

    counts: Counter[int] = Counter()
    where = str(path)
    try:
        for where, value in load_values(path):  # noqa: B007  the place is named in errors
            _count(value, counts)
        return RatingDistribution.of(counts)
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{where}: {error}. Expected a histogram {{rating, count}}, a list of ratings, or the API's user.ratedList"
        ) from error


def _count(value: Any, counts: Counter[int]) -> None:
    """Add what one line, or the whole file, holds. Raises `ValueError`."""
    if isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict):
                _count(entry, counts)
            else:
                check_rating(entry, "an entry of the list")
                counts[entry] += 1
    elif isinstance(value, dict) and "count" in value:
        rating: Any = value.get("rating", value.get("id"))
        check_rating(rating, "a rating of the histogram")
        _add(rating, value["count"], counts)
    elif isinstance(value, dict) and "rating" in value:
        check_rating(value["rating"], f"the rating of {value.get('handle', 'a user')!s:.40}")
        counts[value["rating"]] += 1
    elif isinstance(value, dict) and value:
        for text, count in value.items():
            if not re.fullmatch(r"-?\d{1,5}", text):
                raise ValueError(f"{text!r:.40} is no rating")
            _add(int(text), count, counts)
    else:
        raise ValueError(f"found {type(value).__name__} {value!r:.60}")


def _add(rating: int, count: object, counts: Counter[int]) -> None:
    check_whole(count, f"the number of users rated {rating}", 0, _MAX_USERS)
    if rating in counts:
        raise ValueError(f"the rating {rating} occurs twice")
    assert isinstance(count, int)
    counts[rating] = count
