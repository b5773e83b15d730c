"""Running a bundled recipe in a process of its own, whole or killed (-9) once in every stage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATIENCE = 1200


def command(recipe: str, output: Path, changes: Mapping[str, Any]) -> list[str]:
    sets = {"output": str(output), **changes}
    pairs = [part for name, value in sets.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    return [sys.executable, "-m", "assay", "pipeline", recipe, *pairs]


def start(recipe: str, output: Path, changes: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    output.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with open(output / "said", "ab") as said:
        return subprocess.Popen(command(recipe, output, changes), env=environment, stdout=said, stderr=said)


def run_whole(recipe: str, output: Path, changes: Mapping[str, Any]) -> None:
    process = start(recipe, output, changes)
    try:
        assert process.wait(PATIENCE) == 0, (output / "said").read_text()[-3000:]
    finally:
        process.kill()
        process.wait()


def kill_in_every_stage(recipe: str, output: Path, changes: Mapping[str, Any]) -> list[str]:
    """Kill the pipeline in the middle of each stage, start it again each time; returns the stages it was killed in."""
    import yaml

    from assay_trainers.pipeline.recipe import find_recipe

    stages = yaml.safe_load(find_recipe(recipe).read_text())["stages"]
    killed = []
    for name, stage in stages.items():
        process = start(recipe, output, changes)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _in_the_middle(output, name, stage["kind"]):
                assert process.poll() is None, (output / "said").read_text()[-3000:]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            assert process.wait(60) == -signal.SIGKILL
        finally:
            process.kill()
            process.wait()
        (folder,) = _folders(output, name)
        record = folder / "record.json"
        assert not json.loads(record.read_text())["finished"], f"{name} was over before it was killed"
        killed.append(name)
    run_whole(recipe, output, changes)
    return killed


def _in_the_middle(output: Path, name: str, kind: str) -> bool:
    """Whether a stage has done something, so that a kill costs work that must be taken up again."""
    found = _folders(output, name)
    if not found:
        return False
    (folder,) = found
    if kind in ("sft", "grpo"):
        return any((folder / "checkpoints").glob("step-*[1-9]*"))
    if kind == "sample":
        return any(path.stat().st_size > 0 for path in folder.rglob("journal.jsonl"))
    return (folder / "record.json").exists()


def _folders(output: Path, name: str) -> list[Path]:
    """Of a stage: `teacher-1a2b3c4d`, and not `teacher-base-1a2b3c4d`."""
    return [path for path in (output / "stages").glob(f"{name}-*") if path.name.rpartition("-")[0] == name]
