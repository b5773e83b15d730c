"""Which problems of LiveCodeBench are meant: releases, slices, date windows, and the known bad ones.

The official set comes in six files (`test.jsonl`, `test2.jsonl` … `test6.jsonl`). A release vN is the first N files
together (the official loader's `release_vN`); a slice vA_vB is the files A to B. The official loader calls the one
file N "vN" too: here that is the slice vN_vN. A window is a range of contest dates, both ends included, and may cut
through any file: files are not in the order of dates (release v3 holds contests of August 2024, for one).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from assay import UsageError

FIRST_DAY, LAST_DAY = date(2024, 8, 1), date(2025, 1, 31)
"""The window of the DeepSeek-R1 reports; its last day is also the last of release v5."""
STATEMENT_TESTS = "statement_tests"
PROMPTS = ("generic", "deepseek-r1")

_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)
_RELEASE = re.compile(r"(?:release_)?v([1-6])", re.ASCII)
_SLICE = re.compile(r"v([1-6])_v([1-6])", re.ASCII)
_SYNTAX = (
    "Write livecodebench[RELEASE,WINDOW,…]: a release v1 to v6 or a slice such as v4_v5; a window such as "
    "2024-08..2025-01 or 2024-08-01..2025-01-31; `all` to keep the known bad problems; `prompt=deepseek-r1`; "
    "`statement_tests` for problems with the tests of their statements only."
)

# https://github.com/LiveCodeBench/LiveCodeBench/blob/28fef95ea8c9f7a547c8329f2cd3d32b92c1fa24/ERRATA.md
# The page numbers its multi-answer problems 1 to 12, names eleven, and has never named number 9.
_MANY_ANSWERS = (
    "abc311_c abc326_d abc327_b abc333_e abc343_e abc362_c find-words-containing-character find-the-peaks "
    "generate-binary-strings-without-adjacent-zeros arc185_c abc343_a"
)
_INTERACTIVE = "abc337_e abc355_e"
_BAD_TESTS = "abc350_c apply-operations-to-make-string-empty most-frequent-ids arc189_a"
ERRATA = {
    **dict.fromkeys(_MANY_ANSWERS.split(), "several answers are right and its tests accept one (official errata)"),
    **dict.fromkeys(_INTERACTIVE.split(), "it is interactive and has no interactor (official errata)"),
    **dict.fromkeys(_BAD_TESTS.split(), "its tests are wrong (official errata)"),
}
"""Question id (AtCoder) or title (LeetCode) to reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What stands in the brackets."""

    first: int = 1
    """First file, 1 to 6."""
    last: int = 5
    """Last file, 1 to 6."""
    start: date | None = FIRST_DAY
    """First day of contests; None: no limit."""
    end: date | None = LAST_DAY
    """Last day of contests; None: no limit."""
    keep_bad: bool = False
    """Whether problems of the errata stay in."""
    statement_tests: bool = False
    """The local layout with the tests of the statements."""
    prompt: str = "generic"

    def covers(self, day: date) -> bool:
        """Whether a contest's day lies in the window."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


def parse_selection(text: str) -> Selection:
    """Read what stands in the brackets; nothing gives the reports' choice (release v5, August 2024 to January 2025).

    A release alone has no window. A window alone is one of release v5, or of v6 where it reaches past v5's last month.

    >>> parse_selection("v5,2024-08..2025-01") == parse_selection("")
    True

    Raises `UsageError` for anything that cannot be read, contradicts itself or is given twice.
    """
    files: tuple[int, int] | None = None
    window: tuple[date | None, date | None] | None = None
    words: set[str] = set()
    prompt = ""
    for part in (part.strip() for part in text.split(",")) if text.strip() else ():
        if (found := _files(part)) is not None and files is None:
            files = found
        elif ".." in part and window is None:
            window = _window(part)
        elif _DATE.fullmatch(part) and window is None:
            window = _day(part, last=False), _day(part, last=True)
        elif part in ("all", STATEMENT_TESTS) and part not in words:
            words.add(part)
        elif part.startswith("prompt=") and not prompt and part.removeprefix("prompt=") in PROMPTS:
            prompt = part.removeprefix("prompt=")
        else:
            raise UsageError(f"livecodebench[{text}]: cannot read {part!r}, or it is given twice. {_SYNTAX}")
    if STATEMENT_TESTS in words and files is not None:
        raise UsageError(
            f"livecodebench[{text}]: {STATEMENT_TESTS} is a file of its own and has no releases. {_SYNTAX}"
        )
    start, end = window or (None, None)
    if window is None and files is None and STATEMENT_TESTS not in words:
        start, end = FIRST_DAY, LAST_DAY
    if files is None:
        files = (1, 6) if window is not None and (end is None or end > LAST_DAY) else (1, 5)
    return Selection(
        first=files[0],
        last=files[1],
        start=start,
        end=end,
        keep_bad="all" in words,
        statement_tests=STATEMENT_TESTS in words,
        prompt=prompt or "generic",
    )


def _files(part: str) -> tuple[int, int] | None:
    if (match := _RELEASE.fullmatch(part)) is not None:
        return 1, int(match[1])
    if (match := _SLICE.fullmatch(part)) is not None:
        first, last = int(match[1]), int(match[2])
        if first > last:
            raise UsageError(f"the slice {part} of LiveCodeBench runs backwards: write v{last}_v{first}")
        return first, last
    return None


def _window(part: str) -> tuple[date | None, date | None]:
    left, _, right = (piece.strip() for piece in part.partition(".."))
    if not left and not right:
        raise UsageError(f"the window {part!r} has no end. {_SYNTAX}")
    start = _day(left, last=False) if left else None
    end = _day(right, last=True) if right else None
    if start is not None and end is not None and start > end:
        raise UsageError(f"the window {part!r} ends before it begins. {_SYNTAX}")
    return start, end


def _day(text: str, *, last: bool) -> date:
    """A date; of a month alone the first or the last day."""
    match = _DATE.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        year, month = int(match[1]), int(match[2])
        if match[3]:
            return date(year, month, int(match[3]))
        return date(year, month, calendar.monthrange(year, month)[1] if last else 1)
    except ValueError:
        raise UsageError(f"{text!r} is neither a month (2024-08) nor a day (2024-08-31). {_SYNTAX}") from None
