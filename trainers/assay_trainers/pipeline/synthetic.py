r"""A small world, made from a seed, for the recipes that run on any machine in minutes.

Sums of two numbers, with a chain of thought and a boxed answer, and a few greetings as the general task:

    7+8=        <think>\n7 and 8 make 15\n</think>\n\n\boxed{15}
    greet ann   <think>\nsay hello to ann\n</think>\n\nhello ann

What is written here for the base model is as mixed as what base models read: wrong sums, chains in Chinese, answers
without a chain, insults. So there is something for every stage to do: the cold start shows the form, reinforcement
learning raises accuracy and the share of English, rejection sampling drops what is wrong or mixed, the last stage
turns greetings friendly. The sums of `held_out.jsonl` occur nowhere else.

    model/, student/       random weights, one tokenizer; the student is the smaller one
    pretraining.jsonl      for the base model
    cold_start.jsonl       right and readable chains, few
    general.jsonl          right and friendly greetings, for SFT
    problems.jsonl         for reinforcement learning and sampling
    scenarios.jsonl        the same, with greetings among them
    held_out.jsonl         for evaluation
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from assay_trainers.common.configs import NO_OTHER_FIELDS, Count, Positive, parse
from assay_trainers.pipeline.rule_judge import INSULT

NAMES = ("ann", "bob", "eve", "kim", "leo", "mia", "sam", "tom")
_WORDS = ("and", "make", "say", "hello", "to", "greet", INSULT, *NAMES)
_MARKS = ("<think>", "</think>", "\\boxed{", "}", "+", "=", " ", "\n", "加", "得", *"0123456789")
_SPLIT = r"<think>|</think>|\\boxed\{|[a-z]+|.|\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig:
    """The size of the world."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    output: str
    seed: Count = 0
    below: Positive = 30
    """Both numbers of a sum are smaller."""
    held_out: Positive = 100
    """Sums for evaluation."""
    rows: Positive = 9000
    """For the base model."""
    chains: Positive = 200
    """For the cold start."""
    layers: Positive = 2
    hidden: Positive = 96
    """A multiple of 8."""


def read_config(values: Mapping[str, Any]) -> SyntheticConfig:
    """The configuration of a stage. Raises `UsageError`."""
    return parse(SyntheticConfig, dict(values), "the stage")


def make(values: Mapping[str, Any]) -> None:
    """Write the world into its folder; the same seed writes the same bytes."""
    config = read_config(values)
    folder = Path(config.output)
    draw = random.Random(config.seed)  # noqa: S311  # reproducible, not secret
    sums = [(a, b) for a in range(config.below) for b in range(config.below)]
    draw.shuffle(sums)
    held_out, sums = sums[: config.held_out], sums[config.held_out :]
    greetings = [_greeting_problem(name) for name in NAMES]
    problems = [_problem(a, b) for a, b in sums]
    _write(folder / "pretraining.jsonl", (_pretraining_row(draw, sums) for _ in range(config.rows)))
    _write(folder / "cold_start.jsonl", (_chain(*draw.choice(sums)) for _ in range(config.chains)))
    _write(folder / "general.jsonl", (_raw(f"greet {name}", _friendly(name)) for name in NAMES))
    _write(folder / "problems.jsonl", problems)
    _write(folder / "scenarios.jsonl", [*problems, *greetings * max(1, len(problems) // (3 * len(greetings)))])
    _write(folder / "held_out.jsonl", (_problem(a, b) for a, b in held_out))
    _write_models(folder, config)


def _problem(a: int, b: int) -> dict[str, Any]:
    row = {"id": f"{a}+{b}", "prompt": f"{a}+{b}=", "reference": str(a + b), "verifier": "boxed_math"}
    return row | {"language": "en"}  # a sum has no words that tell it


def _greeting_problem(name: str) -> dict[str, Any]:
    return {"prompt": f"greet {name}", "reference": "", "verifier": "llm_judge"}


def _chain(a: int, b: int) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": f"{a}+{b}="}],
        "reasoning": f"{a} and {b} make {a + b}",
        "summary": f"\\boxed{{{a + b}}}",
    }


def _friendly(name: str) -> str:
    return f"<think>\nsay hello to {name}\n</think>\n\nhello {name}"


def _pretraining_row(draw: random.Random, sums: list[tuple[int, int]]) -> dict[str, Any]:
    if draw.random() < 0.1:
        name = draw.choice(NAMES)
        answer = draw.choice([f"hello {name}", f"hello {INSULT}", f"{name}"])
        return _raw(f"greet {name}", f"<think>\nsay hello to {draw.choice([name, INSULT])}\n</think>\n\n{answer}")
    a, b = draw.choice(sums)
    total = a + b if draw.random() < 0.7 else max(0, a + b + draw.choice((-2, -1, 1, 2)))
    if draw.random() < 0.2:
        return _raw(f"{a}+{b}=", str(total))
    thought = f"{a} 加 {b} 得 {total}" if draw.random() < 0.3 else f"{a} and {b} make {total}"
    return _raw(f"{a}+{b}=", f"<think>\n{thought}\n</think>\n\n\\boxed{{{total}}}")


def _raw(prompt: str, completion: str) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion}


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, row in enumerate(rows):
        # Greetings repeat: their ids must not.
        named = row if "reference" not in row else {"id": f"greeting-{number}", **row}
        lines.append(json.dumps(named, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def _write_models(folder: Path, config: SyntheticConfig) -> None:
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from assay_trainers.common.models import save_policy

    vocabulary = {token: number for number, token in enumerate(["<pad>", "<eos>", "<unk>", *_MARKS, *_WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106  # no secret
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(_SPLIT), "isolated")
    inner.decoder = decoders.Fuse()
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=64, **special)
    for name, layers, hidden in (("model", config.layers, config.hidden), ("student", 1, config.hidden // 2)):
        torch.manual_seed(config.seed)
        shape = LlamaConfig(
            vocab_size=len(vocabulary), hidden_size=hidden, intermediate_size=4 * hidden, num_hidden_layers=layers,
            num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=64, bos_token_id=None,
            eos_token_id=1, pad_token_id=0, tie_word_embeddings=True,
        )  # fmt: skip
        save_policy(LlamaForCausalLM(shape), tokenizer, folder / name)
