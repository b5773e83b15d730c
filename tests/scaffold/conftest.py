"""A place where packages are really installed, and the commands that its tests run there."""

from __future__ import annotations

import contextlib
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest


class Environment:
    """A virtual environment of its own that sees the packages of this one."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        site = next(folder.glob("lib/python*/site-packages"))
        (site / "base.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        self.python = folder / "bin" / "python"

    def run(self, *arguments: str | Path, cwd: Path) -> str:
        """The output of its Python, which must succeed."""
        command = [str(self.python), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=cwd, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def installed(self, package: Path, name: str) -> Iterator[None]:
        """With a package built and installed as pip does it, without looking at an index."""
        install = ("install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
        self.run("-m", "pip", *install, package, cwd=package)
        try:
            yield
        finally:
            self.run("-m", "pip", "uninstall", "--quiet", "--yes", name, cwd=package)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One for all tests of a worker: each takes away what it installed."""
    return Environment(tmp_path_factory.mktemp("venv"))
