"""The hostile and honest programs: those of this folder and those of `../shared/attacks`, as one list.

A row of an index says what a program tries and which verdicts a safe judge may give it. Most hostile programs are
written so that they solve their problem only where they got what they wanted: an accepted one is a hole. A row with
`after` is run right behind another program, in the same sandbox, to see whether anything of that one is left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.attacks.problems import problems
from tests.conftest import data_folder

HERE = Path(__file__).resolve().parent
FIRST_TESTS = 5
"""Tests of a problem that are used, as the index of `../shared/attacks` asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attack:
    """One submission."""

    name: str
    language: str
    code: str
    problem: Mapping[str, Any]
    expected: frozenset[str]
    """Verdicts that a safe judge may give: AC WA TLE MLE OLE RE CE."""
    must_not_pass: bool
    tries: str
    after: str | None = None
    """Name of the program that is run right before it."""
    heavy: bool = False
    """Takes gigabytes of the machine's memory where it succeeds."""
    leak: bool = False
    """Prints `FOUND` and the tokens of others that it found; tests/attacks/test_leaks.py runs it on its own."""
    slow: bool = False
    """Takes seconds: a limit has to end it, or it waits on purpose."""
    quick: bool = True
    """Whether CI runs it in every sandbox and mode; `make attacks` runs all."""
    shared: bool = False
    """From ../shared/attacks."""

    def allows(self, verdict: str) -> bool:
        """Whether a safe judge may say that. Running out of memory is a kind of runtime error."""
        return verdict in self.expected or (verdict == "MLE" and "RE" in self.expected)

    @property
    def leaves(self) -> bool:
        """Whether it leaves something for the program after it to find."""
        return self.name in ("left_everything", "left_folders", "left_patches", "left_streams")

    @property
    def functional(self) -> bool:
        """Whether it is called, not fed."""
        return self.problem["fn_name"] is not None

    @property
    def tests(self) -> list[Mapping[str, str]]:
        """The tests that it is judged by."""
        return list(self.problem["tests"][:FIRST_TESTS])


def own_attacks() -> list[Attack]:
    """Those of this folder."""
    return _read(HERE / "index.jsonl", HERE / "programs", problems())


def shared_attacks() -> list[Attack]:
    """Those of `../shared/attacks`; none where the folder is missing."""
    data = data_folder()
    folder = data.parent / "attacks" if data else Path("/nonexistent")
    if not (folder / "index.jsonl").is_file():
        return []
    rows = map(json.loads, (folder / "problems.jsonl").read_text(encoding="utf-8").splitlines())
    return _read(folder / "index.jsonl", folder, {row["id"]: row for row in rows}, shared=True)


def _read(index: Path, folder: Path, known: Mapping[str, Mapping[str, Any]], *, shared: bool = False) -> list[Attack]:
    found = []
    for line in index.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.append(
            Attack(
                name=row["name"],
                language=row["language"],
                # What is not UTF-8 becomes lone surrogates, as a model's text may hold them.
                code=(folder / row["file"]).read_bytes().decode("utf-8", "surrogateescape"),
                problem=known[row["problem"]],
                expected=frozenset(row["expected_verdict"]),
                must_not_pass=row["must_not_pass"],
                tries=row["tries"],
                after=row.get("after"),
                heavy=row.get("heavy", False),
                leak=row.get("leak", False),
                slow=row.get("slow", "TLE" in row["expected_verdict"]),
                quick=row.get("quick", True),
                shared=shared,
            )
        )
    return found
