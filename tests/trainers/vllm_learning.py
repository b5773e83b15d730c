"""One small task for every engine: write digits. `python -m tests.trainers.vllm_learning` writes the evidence.

ASSAY_VLLM_PYTHON=… python -m tests.trainers.vllm_learning      → results/learning/vllm.json
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from assay import Message, Problem

ROOT = Path(__file__).resolve().parents[2]
STEPS = 30


def problems() -> list[Problem]:
    """A few sums."""
    return [
        Problem(id=f"p{n}", prompt=(Message(role="user", content=f"{n}+{n}="),), reference=str(2 * n)) for n in range(8)
    ]


def reward() -> Any:
    """Pays the share of digits in the text."""
    from tests.trainers.conftest import DigitReward

    return DigitReward()


def config_of(model: str, output: str, engine: str, options: dict[str, Any], **changes: Any) -> Any:
    """The run."""
    from assay_trainers.grpo.config import read_config

    base = {
        "model": model, "output": output, "data": {"path": "unused.jsonl", "template": "raw"},
        "preset": "dr_grpo", "steps": STEPS, "device": "cpu",
        "rollout": {"prompts": 4, "group": 8, "max_tokens": 8, "engine": engine, "engine_options": options},
        "optimizer": {"learning_rate": 3e-3}, "checkpoints": {"every": 100}, "alarms": {"truncation": 1.0},
    }  # fmt: skip
    return read_config(base, changes)


def curve(output: Path) -> list[dict[str, float]]:
    """What a run's metrics say, a step a row."""
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    names = ("step", "reward", "mismatch", "sync_mismatch", "seconds/rollout", "seconds/learn")
    return [{name: row[name] for name in names} for row in rows]


def risen(rewards: list[float]) -> float:
    """How many standard errors the mean of the last third lies above that of the first."""
    third = len(rewards) // 3
    first, last = rewards[:third], rewards[-third:]

    def mean_and_variance(values: list[float]) -> tuple[float, float]:
        mean = sum(values) / len(values)
        return mean, sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)

    (low, spread_low), (high, spread_high) = mean_and_variance(first), mean_and_variance(last)
    return (high - low) / math.sqrt(spread_low + spread_high)


def inside(python: str, *arguments: str) -> dict[str, Any]:
    """Run `tests.trainers.vllm_inside` in an interpreter that has vLLM."""
    from tests.trainers.vllm_models import ENVIRONMENT

    done = subprocess.run(
        [python, "-m", "tests.trainers.vllm_inside", *arguments], cwd=ROOT, capture_output=True, text=True,
        timeout=280, env={**os.environ, **ENVIRONMENT}, check=False,
    )  # fmt: skip
    assert "RESULT" in done.stdout, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.partition("RESULT")[2])
    return found


def main() -> None:
    """Run both engines and write what they did."""
    from assay_trainers.grpo.trainer import train
    from tests.trainers.vllm_models import save_wide
    from tests.trainers.vllm_serving import serving

    python = os.environ.get("ASSAY_VLLM_PYTHON", sys.executable)
    asked = "import importlib.metadata as m; print(m.version('vllm'), m.version('torch'), m.version('transformers'))"
    versions = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        model = save_wide(Path(folder) / "model")
        local = inside(python, "learn", model, f"{folder}/local")["curve"]
        sync = inside(python, "sync", model)["found"]
        with serving(python, model) as server:
            output = f"{folder}/server"
            train(config_of(model, output, "vllm_server", {"url": server.url}), reward=reward(), problems=problems())
            served = curve(Path(output))
    evidence = {
        "what": "A random model of two layers learns to write digits (tests/trainers/vllm_learning.py): GRPO, 4 "
        f"problems × 8 completions × 8 tokens a step, {STEPS} steps, one thread, float32.",
        "versions": dict(zip(("vllm", "torch", "transformers"), versions, strict=True))
        | {"machine": platform.machine(), "python": platform.python_version()},
        "largest difference of log-probs, in nats": sync,
        "rise in standard errors": {
            "vllm": risen([row["reward"] for row in local]),
            "vllm_server": risen([row["reward"] for row in served]),
        },
        "curves": {"vllm": local, "vllm_server": served},
    }
    path = ROOT / "results" / "learning" / "vllm.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(evidence, indent=1) + "\n")
    print(json.dumps({**evidence, "curves": "…"}, indent=1))


if __name__ == "__main__":
    main()
