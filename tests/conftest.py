"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A test run must not depend on luck: the same cases every time, and new ones where the tests themselves change.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

ALONE = ("attacks", "sandbox", "verification", "serving", "plugins/test_code_", "plugins/test_boxed_math_hostile.py")
"""Tests, by the start of their path, that count processes and files of the whole machine or hold short deadlines."""

collect_ignore = ["example_plugin"]
"""A package of its own, whose tests run where it is installed: tests/scaffold/test_example_plugin.py."""

ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path | None:
    """The folder with real benchmark data: ASSAY_DATA, or ../shared/data beside the checkout."""
    for place in (os.environ.get("ASSAY_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real benchmark data; skips where it is missing."""
    folder = data_folder()
    if folder is None:
        pytest.skip("no real data here: set ASSAY_DATA to a folder with the benchmark files")
    return folder


@pytest.fixture(scope="session")
def shared(shared_data: Path) -> Path:
    """The folder above the real data, with golden values and labelled cases."""
    return shared_data.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(ROOT / "tests").as_posix().startswith(ALONE):
            item.add_marker(pytest.mark.alone)
