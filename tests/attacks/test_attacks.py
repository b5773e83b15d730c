"""Hostile and honest programs through `code_tests`, in every sandbox and mode that this machine can run.

None that must not pass passes, every honest one is accepted, every verdict is one that a safe judge may give; no
marker file, process, port or temporary file is left on the host; and after each the sandbox still accepts a right
program. CI runs the fast ones everywhere and the slow ones (which wait for a limit) in two places; `make attacks` runs
all of them everywhere, compile bombs and eaters of gigabytes included.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks import host_watch
from tests.attacks.corpus import own_attacks
from tests.attacks.places import PLACES, Place, rows, skip_without

IGNORED = ("assay-quiet-", "pytest-", "pip-", "pymp-", "tmp", "ruff", "mypy", ".", "assay-sandbox")
"""Names of temporary files that come from others, or are meant to stay (a lock, a cache)."""


@pytest.fixture(scope="module", autouse=True)
def secrets_on_the_host() -> Iterator[None]:
    """What no program may read, and no markers from before."""
    for path in host_watch.markers():
        Path(path).unlink(missing_ok=True)
    planted = host_watch.plant_secrets()
    yield
    os.environ.pop("ASSAY_HOST_SECRET", None)
    for path in planted:
        path.unlink(missing_ok=True)


def check(place: Place, which: str, seconds: float, *, shares: int = 1) -> None:
    """Run a part of the submissions at a place and look at the host."""
    skip_without(place)
    before = host_watch.Host()
    results = rows(place, "--which", which, seconds=seconds, shares=shares)
    bad = [row for row in results if not row["ok"]]
    assert not bad, "\n".join(describe(row) for row in bad)
    assert len(results) > 10
    assert not host_watch.markers()
    after = settled(before)
    assert not after.ports - before.ports
    left = {name for name in after.temporary - before.temporary if not Path(name).name.startswith(IGNORED)}
    assert not left


def describe(row: dict[str, object]) -> str:
    """A failed row as one line."""
    wanted = "/".join(map(str, row.get("expected", ())))  # type: ignore[call-overload]
    return f"{row['name']}: {row.get('verdict')}, wanted {wanted}; {row.get('reason')} {row['hurt']}"


def settled(before: host_watch.Host) -> host_watch.Host:
    """The host once sockets in closing are gone."""
    deadline = time.monotonic() + 5
    while True:
        now = host_watch.Host()
        if not now.ports - before.ports or time.monotonic() > deadline:
            return now
        time.sleep(0.1)


FULL = pytest.mark.attacks_full
IN_CI = [Place("native", "fork"), Place("native", "exec"), Place("native", "fork", user=True), Place("docker", "fork")]
"""Where the fast ones always run: every strategy, and both modes once. `make attacks` runs all in all."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [p if p in IN_CI else pytest.param(p, marks=FULL) for p in PLACES], ids=str)
def test_fast(place: Place) -> None:
    check(place, "fast", 280, shares=2)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [Place("native", "fork"), pytest.param(Place("docker", "exec"), marks=FULL)], ids=str)
def test_slow(place: Place) -> None:
    """In three processes at a time: most of these wait for the clock."""
    check(place, "slow", 280, shares=3)


@pytest.mark.attacks_full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_all(place: Place) -> None:
    check(place, "all", 3500)


def test_the_index_names_each_program_once() -> None:
    folder = Path(__file__).parent / "programs"
    attacks = own_attacks()
    assert {f.name for f in folder.iterdir() if f.is_file()} == {Path(row).name for row in index_files()}
    assert len({attack.name for attack in attacks}) == len(attacks)
    assert sum(attack.must_not_pass for attack in attacks) >= 40
    assert sum(attack.expected == {"AC"} for attack in attacks) >= 12


def index_files() -> list[str]:
    """The files that the index names."""
    import json

    text = (Path(__file__).parent / "index.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["file"] for line in text.splitlines()]
