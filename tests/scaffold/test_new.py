"""`assay new`: what it writes installs, passes its own tests, is listed, and runs, without an edit."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from assay.errors import StoreError, UsageError
from assay.scaffold import KINDS, new_package

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


def call(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=280, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own that sees the packages of this one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "base.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_installs_tests_and_runs(kind: str, environment: Path, tmp_path: Path) -> None:
    python = environment / "bin" / "python"
    call(sys.executable, "-m", "assay", "new", kind, "odd-name2", cwd=tmp_path)
    package = tmp_path / "odd-name2"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    call(python, *install, package, cwd=tmp_path)
    try:
        assert "passed" in call(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package).stdout
        listed = call(python, "-m", "assay", "plugins", cwd=tmp_path).stdout
        assert "odd_name2" in listed
        assert "odd-name2 0.1.0" in listed
        call(python, "-m", "assay", *RUNS[kind], cwd=tmp_path)
    finally:
        call(python, "-m", "pip", "uninstall", "--quiet", "--yes", "odd-name2", cwd=tmp_path)
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
