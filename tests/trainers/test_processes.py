"""Two real processes (gloo) give the losses and weights of one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest
import torch
from transformers import AutoModelForCausalLM

from assay.results import find_runs
from assay.runs.store import SampleStore
from tests.conftest import ROOT


def start(
    rank: int, size: int, port: int, module: str, *arguments: str, settings: Mapping[str, str], said: IO[bytes]
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(ROOT)}
    environment |= settings
    if size > 1:
        environment |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        }  # fmt: skip
    command = [sys.executable, "-m", module, *arguments]
    # Not a pipe: nobody reads the second process's while the first one is waited for.
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=said)


def run(
    size: int, *arguments: str, module: str = "tests.trainers.one_of_two", settings: Mapping[str, str] | None = None
) -> None:
    """Run a module in `size` processes; `settings`: environment variables, such as accelerate's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(size)]
        processes = [
            start(rank, size, port, module, *arguments, settings=settings or {}, said=said[rank])
            for rank in range(size)
        ]
        try:
            for process, errors in zip(processes, said, strict=True):
                process.wait(250)
                errors.seek(0)
                assert process.returncode == 0, errors.read()[-3000:].decode()
        finally:
            for process in processes:
                process.kill()
                process.wait()


@pytest.mark.parametrize("preset", ["grpo"])
def test_two_processes_are_one(preset: str, tiny_folder: str, tmp_path: Path) -> None:
    logs, weights, evaluations = [], [], []
    for size in (1, 2):
        output = tmp_path / f"of-{size}"
        run(size, tiny_folder, str(output), preset)
        logs.append([json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()])
        rows = [json.loads(line) for line in (output / "evaluations.jsonl").read_text().splitlines()]
        lengths = [row[f"eval/{output.name}/length"] for row in rows]
        texts = []
        for folder in find_runs([output / "evaluations"]):
            with SampleStore.open(folder) as store:
                texts.append({(r.problem_id, r.sample_index): r.completion.text for r in store.records(store.rows)})
        evaluations.append((lengths, texts))
        weights.append(dict(AutoModelForCausalLM.from_pretrained(output / "final").state_dict()))
    for one, two in zip(*logs, strict=True):
        for name in ("loss", "reward", "kl", "entropy", "grad_norm", "mismatch", "length", "completions"):
            assert two[name] == pytest.approx(one[name], abs=1e-5), name
    # The processes share an evaluation, and say together what one says alone.
    assert evaluations[0] == evaluations[1]
    assert [len(each) for each in evaluations[0][1]] == [15, 15, 15]
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-5), name
    base = dict(AutoModelForCausalLM.from_pretrained(tiny_folder).state_dict())
    assert any(not torch.allclose(value, base[name], atol=1e-4) for name, value in weights[0].items())
