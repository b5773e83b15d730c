"""The golden table of the GRPO losses: inputs, settings and exact values in float64."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import data_folder


@cache
def golden() -> dict[str, Any]:
    folder = data_folder()
    path = Path() if folder is None else folder.parent / "golden" / "grpo.json"
    if not path.is_file():
        pytest.skip("no golden/grpo.json beside the data folder: set ASSAY_DATA")
    return json.loads(path.read_text())
