"""docs/install.md names every extra and shows what was measured."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def sizes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sizes", ROOT / "results" / "install" / "sizes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_extra_is_explained_and_measured(sizes: ModuleType) -> None:
    results = json.loads(sizes.RESULTS.read_text())
    page = sizes.PAGE.read_text()
    for name in sizes.extras():
        assert name in results["rows"], f"python results/install/sizes.py {name}"
        if name not in {"core", "all"}:
            assert f"| `{name}` | " in page, f"docs/install.md does not say what {name} is for"


def test_the_table_is_what_was_measured(sizes: ModuleType) -> None:
    results = json.loads(sizes.RESULTS.read_text())
    assert f"{sizes.MARKS[0]}\n{sizes.table(results)}\n{sizes.MARKS[1]}" in sizes.PAGE.read_text()
    assert results["rows"]["core"]["mb"] < 400, "the core is to stay under 400 MB"
    assert not {"torch", "datasets", "sympy"} & set(results["rows"]["core"]["versions"])
