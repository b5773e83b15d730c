"""Nothing of one program or test reaches another: not by memory, objects, open files, the file system or /proc."""

from __future__ import annotations

import json

import pytest

from tests.attacks.places import PLACES, Place, skip_without, start


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_secrets_stay(place: Place) -> None:
    skip_without(place)
    process = start(["-m", "tests.attacks.leaks", place.sandbox, place.mode], user=place.user, capture=True)
    output, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors[-3000:]
    found = [json.loads(line) for line in output.splitlines()]
    assert len(found) >= 6
    assert not [row for row in found if row["leaked"]]
    blind = [row for row in found if not row["found_own"]]
    assert not blind, "a search that does not find its own secret proves nothing"
