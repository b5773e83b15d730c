"""What the learning runs share: verifiers, problems, the small model, the supervised start, and reading a run's logs.

Loaded as a plugin (`assay.load_plugin`), so that verifiers are found by name in this process and in its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import assay

HERE = Path(__file__).parent
_NUMBER = re.compile(r"\d+", re.ASCII)


class ExactText(assay.BaseVerifier):
    """1 where the response is the reference, white space aside."""

    name, version = "exact_text", "1"

    def verify(self, problem: assay.Problem, completion: assay.Completion) -> assay.Verdict:
        text = completion.text.strip()
        right = text == problem.reference
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=float(right), extracted=text)

    def verify_fast(self, problem: assay.Problem, completion: assay.Completion) -> assay.Verdict:
        """A comparison of two short texts needs no worker process."""
        return self.verify(problem, completion)


class FirstNumber(ExactText):
    """Lenient: 1 where the first number in the response is the reference, whatever stands around it."""

    name, version = "first_number", "1"

    def verify(self, problem: assay.Problem, completion: assay.Completion) -> assay.Verdict:
        found = _NUMBER.search(completion.text)
        if found is None:
            return assay.Verdict(outcome=assay.Outcome.NO_ANSWER, reason="no number in the response")
        right = found.group().lstrip("0") == str(problem.reference).lstrip("0")
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=float(right), extracted=found.group())


class ThreeDigits(ExactText):
    """A reward for form alone: 1 where the response is a number of three digits, right or wrong."""

    name, version, needs_reference = "three_digits", "1", False

    def verify(self, problem: assay.Problem, completion: assay.Completion) -> assay.Verdict:
        text = completion.text.strip()
        score = float(len(text) == 3 and text.isascii() and text.isdigit())
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=score, extracted=text)


@assay.hookimpl
def register_verifiers() -> dict[str, Any]:
    return {each.name: each for each in (ExactText, FirstNumber, ThreeDigits)}


def problem_of(numbers: Sequence[int], verifier: str) -> assay.Problem:
    """The sum of some numbers: "47+8=" asks, "55" is right."""
    text = "+".join(map(str, numbers))
    message = assay.Message(role="user", content=f"{text}=")
    return assay.Problem(id=text, prompt=(message,), reference=str(sum(numbers)), verifier=verifier)


def write_problems(path: Path, problems: Iterable[assay.Problem]) -> str:
    """As a JSONL file that the trainer's `evaluation` and `data` read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for each in problems:
            row = {"id": each.id, "prompt": each.prompt[0].content, "answer": each.reference, "verifier": each.verifier}
            file.write(json.dumps(row) + "\n")
    return str(path)


def make_tokenizer() -> Any:
    """One token a character."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    characters = "0123456789+-*/=()<>?.,: abcdefghijklmnopqrstuvwxyz\n|"
    vocabulary = {token: number for number, token in enumerate(["<pad>", "<bos>", "<eos>", "<unk>", *characters])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(".|\n"), "isolated")
    inner.decoder = decoders.Fuse()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **special)


def make_model(tokenizer: Any, seed: int) -> Any:
    """A Llama of 0.8 million parameters."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128, bos_token_id=1, eos_token_id=2,
        pad_token_id=0, tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def greedy_accuracy(model: Any, tokenizer: Any, problems: Sequence[assay.Problem]) -> float:
    """Share of greedy responses that are exactly right."""
    from assay_trainers.grpo.rollouts import PromptEncoder, TransformersEngine

    encoder = PromptEncoder(tokenizer)
    prompts = [encoder.encode(problem, problem.prompt[0].content) for problem in problems]
    engine = TransformersEngine(model, tokenizer, batch_size=256)
    sampling = assay.Sampling(temperature=0.0, top_p=1.0, max_tokens=5)
    rollouts = engine.generate(prompts, samples=1, sampling=sampling)
    return sum(r.completion.text.strip() == r.prompt.problem.reference for r in rollouts) / len(prompts)


def supervise(
    model: Any, tokenizer: Any, problems: Sequence[assay.Problem], *, batch: int, learning_rate: float, seed: int
) -> Iterable[int]:
    """Supervised steps on right answers, without end; yields the number of steps so far after each."""
    import torch

    from assay_trainers.common.batching import Row, collate
    from assay_trainers.common.logprobs import completion_logprobs

    chosen = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.0)
    step = 0
    while True:
        rows = [
            Row(
                prompt_ids=tokenizer(problem.prompt[0].content)["input_ids"],
                completion_ids=[*tokenizer(problem.reference)["input_ids"], tokenizer.eos_token_id],
            )
            for problem in chosen.sample(list(problems), batch)
        ]
        tensors = collate(rows)
        logps, _ = completion_logprobs(model, tensors, temperature=1.0)
        (-logps.sum() / tensors.mask.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        yield step


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def options(text: str) -> argparse.Namespace:
    """The arguments that all runs take; sets torch's threads and makes the verifiers known."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/runs/learning"), help="where models and runs go")
    parser.add_argument("--write", type=Path, default=HERE, help="where the JSON and the figure go")
    parser.add_argument("--like-ours", action="store_true", help="trl_addition.py: with the settings of addition.py")
    parser.add_argument("--steps", type=int, help="trl_addition.py: so many steps")
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assay.load_plugin(__file__)
    return parser.parse_args()


def train(
    name: str,
    settings: Mapping[str, Any],
    verifier: str,
    base: Path,
    held_out: Sequence[assay.Problem],
    rest: Sequence[assay.Problem],
    *,
    every: int,
    chosen: argparse.Namespace,
    samples: int = 1,
    temperature: float = 0.0,
) -> dict[str, Any]:
    """One run from nothing: trains, evaluates, draws its figure, and returns what its logs say.

    Args:
        name: Of the run and of its files.
        settings: Of the configuration.
        verifier: What is paid.
        base: Where it starts.
        held_out: What is evaluated.
        rest: What is trained on.
        every: Steps between evaluations.
        chosen: The arguments.
        samples: Of each problem, when it is evaluated.
        temperature: Of those samples.
    """
    import torch

    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.curves import draw_run
    from assay_trainers.grpo.trainer import train as run

    output = chosen.out / f"{name}-{chosen.seed}"
    shutil.rmtree(output, ignore_errors=True)
    asked = f"{name}-held-out-{chosen.seed}"
    config = read_config(
        {
            **settings,
            "model": str(base.resolve()),
            "output": str(output),
            "data": {"path": "held in memory", "template": "raw"},
            "reward": {"terms": [{"name": "paid", "verifier": verifier}]},
            "seed": chosen.seed,
            "checkpoints": {"every": 1000, "keep": 1},
            "logging": {"figure": False},  # drawn once, after the clock has stopped
            "evaluation": {
                "benchmarks": [f"{write_problems(chosen.out / f'{asked}.jsonl', held_out)}:{samples}"],
                "every": every,
                "temperature": temperature,
            },
        }
    )
    watch = Stopwatch()
    times = {0: {"wall_seconds": 0.0, "cpu_seconds": 0.0}}

    def on_step(step: int, metrics: dict[str, Any], _: Any) -> None:
        score = metrics.get(f"eval/{asked}/pass@1")
        if score is not None:
            times[step] = watch.seconds()
            print(f"{step} reward {metrics['reward']:.3f} held out {score:.3f} {times[step]}", flush=True)

    run(config, problems=rest, on_step=on_step)
    took = watch.seconds()
    chosen.write.mkdir(parents=True, exist_ok=True)
    figure = draw_run(output, title=f"{name}, seed {chosen.seed}")
    shutil.copy(figure, chosen.write / f"{name}-seed{chosen.seed}.svg")
    return {
        "seed": chosen.seed,
        "held_out": len(held_out),
        "grpo": took,
        **read_run(output, asked, times),
        "settings": dict(settings),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def read_run(output: Path, asked: str, times: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """What a run's logs say; `times` are the seconds at each evaluation, where they were taken."""
    evaluations = rows_of(output / "evaluations.jsonl")
    return {
        "curve": [
            {
                "step": row["step"],
                "right": row[f"eval/{asked}/pass@1"],
                "no_answer": row[f"eval/{asked}/no_answer"],
                "alarms": row["alarms"],
                **times.get(row["step"], {}),
            }
            for row in evaluations
        ],
        "rewards": [round(row["reward"], 4) for row in rows_of(output / "metrics.jsonl")],
        "messages": [text for row in evaluations for text in row["messages"]],
        "runs": [str(output / row["runs"][asked]) for row in evaluations],
    }


def write_result(name: str, result: Mapping[str, Any], chosen: argparse.Namespace) -> None:
    """The evidence of a run, beside the scripts."""
    kept = {key: value for key, value in result.items() if key != "runs"}
    chosen.write.mkdir(parents=True, exist_ok=True)
    (chosen.write / f"{name}-seed{chosen.seed}.json").write_text(json.dumps(kept, indent=1) + "\n")


class Stopwatch:
    """Wall and CPU seconds of this process and the children that it has waited for."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), self._used()

    def seconds(self) -> dict[str, float]:
        """Since it was made."""
        wall, cpu = time.perf_counter() - self._wall, self._used() - self._cpu
        return {"wall_seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}

    @staticmethod
    def _used() -> float:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        used = [resource.getrusage(kind) for kind in kinds]
        return sum(each.ru_utime + each.ru_stime for each in used)
