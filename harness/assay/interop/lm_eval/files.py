"""Writing the task files of our benchmarks for lm-eval's --include_path.

They are written into the cache, in a folder named after what is in them, so that the same call gives the same path. No
data is read: rows are loaded when lm-eval runs a task.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.contracts import BaseBenchmark, Benchmark
from assay.data import cache_root
from assay.errors import StoreError, UsageError
from assay.hashing import hash_value
from assay.plugins import get_benchmark, list_benchmarks

_FUNCTIONS = '''"""Written by `assay lm-eval-path`: what the task files beside this one name."""

from assay.interop.lm_eval.tasks import KeepAll, aggregate, load, process_results

__all__ = ["KeepAll", "aggregate", "load", "process_results"]
'''
_MODULE = "assay_functions"


def task_name(benchmark: str) -> str:
    """lm-eval's name of one of our benchmarks.

    >>> task_name("aime24"), task_name("reasoning_gym:chain_sum,size=5")
    ('assay_aime24', 'assay_reasoning_gym_chain_sum_size_5')
    """
    return "assay_" + "".join(letter if letter.isalnum() else "_" for letter in benchmark).strip("_")


def write_tasks(names: Sequence[str] = (), *, samples: int | None = None) -> Path:
    """Write a file for each benchmark and return the folder.

    Args:
        names: Benchmarks; every registered one that is no family if none is named.
        samples: Samples of each problem; None: each benchmark's own.

    Raises:
        UsageError: A name is unknown, or names one of lm-eval's own tasks.
        StoreError: The cache cannot be written.
    """
    chosen = list(names) or [name for name in list_benchmarks() if not name.endswith(":")]
    if foreign := [name for name in chosen if name.startswith("lm-eval:")]:
        raise UsageError(f"{foreign[0]} is a task of lm-eval already")
    texts = {f"{task_name(name)}.yaml": _text(name, get_benchmark(name), samples) for name in chosen}
    texts[f"{_MODULE}.py"] = _FUNCTIONS
    folder = cache_root() / "lm-eval" / hash_value(sorted(texts.items()))[:12]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            draft = folder / f".{file}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(folder / file)
    except OSError as error:
        raise StoreError(
            f"cannot write task files into {folder}: {error.strerror or error}. Set ASSAY_CACHE."
        ) from error
    return folder


def _text(name: str, benchmark: Benchmark, samples: int | None) -> str:
    """A task file. JSON is YAML, so everything but the names of functions is written as JSON."""
    protocol = benchmark.protocol
    count = samples or protocol.samples
    expanded = getattr(type(benchmark), "variant", None) is not BaseBenchmark.variant and count > 1
    labels = [metric.replace("@n", f"@{count}") for metric in benchmark.metrics]
    settings: dict[str, Any] = {
        "task": task_name(name),
        "output_type": "generate_until",
        "test_split": "test",
        "doc_to_text": "prompt",
        "doc_to_target": "id",
        "num_fewshot": 0,
        "repeats": 1 if expanded else count,
        "generation_kwargs": {
            "until": list(protocol.sampling.stop),
            "do_sample": protocol.sampling.temperature > 0,
            "temperature": protocol.sampling.temperature,
            "top_p": protocol.sampling.top_p,
            "max_gen_toks": protocol.sampling.max_tokens,
        },
        "metadata": {"version": 1, "benchmark": name, "samples": count, "expanded": expanded},
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in settings.items()]
    lines += [f"custom_dataset: !function {_MODULE}.load", f"process_results: !function {_MODULE}.process_results"]
    lines += ["filter_list:", "  - name: all", "    filter:", f"      - function: !function {_MODULE}.KeepAll"]
    lines += ["metric_list:"]
    for label in labels:
        lines += [f"  - metric: {json.dumps(label)}", f"    aggregation: !function {_MODULE}.aggregate"]
        lines += ["    higher_is_better: true"]
    return "\n".join(lines) + "\n"
