"""`pip install 'assay[all]'` resolves from nothing: pip is asked in an empty environment, and downloads no package."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT

APART = {"all", "bench", "deepspeed", "dev", "docs", "vllm"}
"""Extras that `all` leaves out: itself, this repository's own tools, vLLM, which decides what torch there is, and
DeepSpeed, which is built where it is installed."""


def test_all_holds_every_extra_that_users_need() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    assert everything.removeprefix("assay[").removesuffix("]").split(",") == sorted(set(extras) - APART)


@pytest.mark.network
@pytest.mark.timeout(900)
@pytest.mark.parametrize("extras", ["all", "all,vllm"])
def test_extras_resolve_from_nothing(extras: str, tmp_path: Path) -> None:
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run([sys.executable, *build], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    pip = [str(tmp_path / "empty" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    asked = [*pip, "--dry-run", "--report", str(tmp_path / "report.json"), f"{wheel}[{extras}]"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr
    found = {item["metadata"]["name"].lower() for item in json.loads((tmp_path / "report.json").read_text())["install"]}
    assert {
        "assay",
        "torch",
        "transformers",
        "ray",
        "lm_eval",
        "sympy",
        *(["vllm"] if "vllm" in extras else []),
    } <= found
