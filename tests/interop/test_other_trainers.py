"""The doors into trainers that do not fit into the environment of the tests, each with the real package.

`make doors` sets up `.venv-doors` with them; `ASSAY_DOORS_PYTHON` names another interpreter that has them and Assay.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

PYTHON = Path(os.environ.get("ASSAY_DOORS_PYTHON") or ROOT / ".venv-doors" / "bin" / "python")
FOLDERS = [ROOT, *(ROOT / name for name in ("harness", "plugins", "benchmarks", "trainers"))]


@pytest.mark.parametrize("door", ["verl", "openrlhf", "verifiers"])
def test_door(door: str) -> None:
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} does not exist: `make doors` installs the trainers")
    here = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, FOLDERS)), "HF_HUB_OFFLINE": "1"}
    script = ROOT / "tests" / "interop" / "doors" / f"{door}_door.py"
    done = subprocess.run([PYTHON, script], env=here, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"{door} door: ok" in done.stdout
