"""`assay new`: what it writes installs, passes its own tests, is listed, and runs, without an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import StoreError, UsageError
from assay.scaffold import KINDS, new_package
from tests.scaffold.conftest import Environment

RUNS = {
    "verifier": ["audit", "odd_name2"],
    "benchmark": ["data", "check", "odd_name2"],
    "backend": [
        "run",
        "odd-name2:words",
        "reasoning_gym:chain_sum:2",
        "--limit",
        "3",
        "--out",
        "runs",
        "--max-tokens",
        "6",
    ],
}
"""What each kind is there for, on the command line."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_installs_tests_and_runs(kind: str, environment: Environment, tmp_path: Path) -> None:
    environment.run("-m", "assay", "new", kind, "odd-name2", cwd=tmp_path)
    package = tmp_path / "odd-name2"
    with environment.installed(package, "odd-name2"):
        assert "passed" in environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package)
        listed = environment.run("-m", "assay", "plugins", cwd=tmp_path)
        assert "odd_name2" in listed
        assert "odd-name2 0.1.0" in listed
        environment.run("-m", "assay", *RUNS[kind], cwd=tmp_path)
    texts = [path.read_text() for path in package.rglob("*") if path.suffix in (".py", ".toml", ".md", ".yml")]
    assert not any("my_plugin" in text or "my-plugin" in text or "MyPlugin" in text for text in texts)


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a b", "../x", "import", "assay", "a/b", "x-", "é", "a" + "\n"])
def test_names_that_will_not_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        new_package("verifier", name, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_other_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="verifier"):
        new_package("verifer", "x")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        new_package("verifier", "x", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(StoreError, match="cannot write"):
        new_package("verifier", "x", Path("/proc/nowhere"))
