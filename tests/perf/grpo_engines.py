"""One side of the comparison of GRPO steps, in a process of its own: grpo_engines.py WORK.json trl|assay|lengths.

The work file holds everything that decides how much there is to do, so that both sides do the same: the model, the
prompts of every step in order, and of every completion its length and its reward. Lengths are imposed where a sampler
would impose them: TRL's rows by a logits processor that forbids the end token before the given length and forces it
there; ours by the rows' caps. Both sides sample every token from the model at temperature 1.

Prints one JSON object: seconds of every step by part, generated tokens, and the peak of resident memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

now = time.process_time if os.environ.get("ASSAY_PERF_CLOCK") == "cpu" else time.perf_counter
"""CPU seconds while others work on the machine; they are the wall's with one thread."""


class Work:
    """The work file."""

    def __init__(self, path: str) -> None:
        content = json.loads(Path(path).read_text())
        self.model: str = content["model"]
        self.prompts: list[list[str]] = content["prompts"]  # by step and place
        self.lengths: list[list[int]] | None = content["lengths"]  # by step and row; None: the end token decides
        self.rewards: list[list[float]] = content["rewards"]  # by step and row
        self.max_tokens: int = content["max_tokens"]
        self.chat: bool = content["chat"]
        self.options: dict[str, Any] = content.get("options", {})
        self.steps = len(self.prompts)
        self.group = len(self.rewards[0]) // len(self.prompts[0])


class Clock:
    """Seconds spent in named parts since the last `lap`."""

    def __init__(self) -> None:
        self.laps: list[dict[str, float]] = []
        self._parts: dict[str, float] = {}
        self._started = now()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started = now()
        try:
            yield
        finally:
            self._parts[name] = self._parts.get(name, 0.0) + now() - started

    def wrap(self, owner: Any, attribute: str, name: str) -> None:
        """Count every call of a method."""
        inner: Callable[..., Any] = getattr(owner, attribute)

        def timed(*arguments: Any, **keywords: Any) -> Any:
            with self.part(name):
                return inner(*arguments, **keywords)

        setattr(owner, attribute, timed)

    def start(self) -> None:
        self._parts, self._started = {}, now()

    def lap(self) -> None:
        self.laps.append({"step": now() - self._started, **self._parts})
        self.start()


def trl_side(work: Work, clock: Clock) -> int:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, LogitsProcessorList, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(work.model)
    model = AutoModelForCausalLM.from_pretrained(work.model, dtype=torch.float32)
    step, tokens = 0, 0

    class Forced(LogitsProcessor):
        """Ends each row at its length, and not before."""

        def __init__(self) -> None:
            self.drawn = 0
            assert work.lengths is not None
            self.last = torch.tensor(work.lengths[step]) - 1

        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            end = tokenizer.eos_token_id
            scores[:, end] = -torch.inf
            due = self.last == self.drawn
            if due.any():
                scores[due] = -torch.inf
                scores[due, end] = 0.0
            self.drawn += 1
            return scores

    if work.lengths is not None:
        generate = model.generate
        model.generate = lambda *arguments, **keywords: generate(
            *arguments, logits_processor=LogitsProcessorList([Forced()]), **keywords
        )

    def given(prompts: Any, completions: Any, completion_ids: list[list[int]], **_: Any) -> list[float]:
        nonlocal tokens
        tokens += sum(map(len, completion_ids))
        if work.lengths is not None:
            assert [len(ids) for ids in completion_ids] == work.lengths[step]
        return work.rewards[step]

    class Laps(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
            self.optimizing = clock.part("optimizer")
            self.optimizing.__enter__()

        def on_optimizer_step(self, *_: Any, **__: Any) -> None:
            self.optimizing.__exit__(None, None, None)

        def on_step_end(self, *_: Any, **__: Any) -> None:
            nonlocal step
            clock.lap()
            step += 1

    texts = [text for prompts in work.prompts for text in prompts]
    rows = [{"prompt": [{"role": "user", "content": text}] if work.chat else text} for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        settings = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=len(work.rewards[0]),
            gradient_accumulation_steps=1,
            num_generations=work.group,
            max_completion_length=work.max_tokens,
            max_steps=work.steps,
            shuffle_dataset=False,
            learning_rate=1e-6,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            bf16=False,
            use_cpu=True,
            gradient_checkpointing=False,
            seed=0,
            disable_tqdm=True,
            beta=0.0,
            loss_type="grpo",
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=given,
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[Laps()],
        )
        clock.wrap(trainer, "_generate_single_turn", "generate")
        clock.wrap(trainer, "_calculate_rewards", "reward")
        clock.wrap(trainer, "_compute_loss", "forward")
        clock.wrap(trainer.accelerator, "backward", "backward")
        trainer.train()
    return tokens


def assay_side(work: Work, clock: Clock) -> int:
    from assay import Completion, DecodeLoop, Message, Problem, RewardResult, Sampling
    from assay_trainers.common.order import take
    from assay_trainers.common.world import World
    from assay_trainers.grpo.config import read_config
    from assay_trainers.grpo.rollouts import Prompt, Rollout, TransformersEngine
    from assay_trainers.grpo.trainer import Trainer

    count, tokens, step = len(work.prompts[0]), 0, 0

    class Forced(DecodeLoop):
        """Ends each row at its length, and not before."""

        def __init__(self, inner: DecodeLoop) -> None:
            self.__dict__.update(inner.__dict__)
            self.eos_ids = frozenset()

        def _row(self, job: Any, sampling: Sampling) -> Any:
            row = super()._row(job, sampling)
            assert work.lengths is not None
            row.limit = work.lengths[step][job.number]
            return row

    class Engine(TransformersEngine):
        """Notes the place of each completion, by which its reward is given."""

        def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
            nonlocal tokens
            place = {id(prompt): number for number, prompt in enumerate(prompts)}
            for rollout in super().generate(prompts, samples=samples, sampling=sampling):
                row = place[id(rollout.prompt)] * samples + rollout.sample_index
                rewards[id(rollout.completion)] = (rollout.completion, work.rewards[step][row])
                tokens += rollout.completion.num_tokens
                if work.lengths is not None:
                    assert rollout.completion.num_tokens == work.lengths[step][row]
                yield rollout

    rewards: dict[int, tuple[Completion, float]] = {}

    class Given:
        def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[RewardResult]:
            return [RewardResult(total=rewards[id(completion)][1], parts={}) for completion in completions]

    texts = [text for prompts in work.prompts for text in prompts]
    # The trainer takes problems in an order of its own: put them where it will look for them.
    problems: list[Any] = [None] * len(texts)
    for place, text in zip(take(range(len(texts)), len(texts), 0, 0), texts, strict=True):
        message = Message(role="user", content=text)
        problems[place] = Problem(id=str(place), prompt=(message,), reference="")
    with tempfile.TemporaryDirectory() as folder:
        config = read_config(
            {
                "model": work.model,
                "output": folder,
                "data": {"path": "held in memory", "template": "plain" if work.chat else "raw"},
                "preset": "grpo",
                "loss": {"beta": 0.0},
                "steps": work.steps,
                "device": "cpu",
                "rollout": {"prompts": count, "group": work.group, "max_tokens": work.max_tokens},
                "optimizer": {"learning_rate": 1e-6},
                "alarms": {"truncation": 1.0, "equal_groups": 1.0, "mismatch": 1.0},
            },
            work.options,
        )
        trainer = Trainer(config, problems, Given(), World(cpu=True, dtype=config.dtype))
        engine = Engine(trainer.learner.model, trainer.tokenizer, precision=config.rollout.precision)
        if work.lengths is not None:
            engine._loop = Forced(engine._loop)
        trainer.engine = engine
        trainer.output.mkdir(exist_ok=True)
        for number in range(work.steps):
            step = number
            clock.start()
            metrics = trainer.step()
            clock.lap()
            clock.laps[-1] |= {name[8:]: value for name, value in metrics.items() if name.startswith("seconds/")}
            clock.laps[-1] |= {name: metrics[name] for name in ("mismatch", "grad_norm")}
    return tokens


def lengths_side(work: Work) -> list[list[int]]:
    """How long the completions of each step are where the end token decides."""
    from assay import Message, Problem, Sampling
    from assay_trainers.common.models import load_policy
    from assay_trainers.grpo.rollouts import PromptEncoder, TransformersEngine

    model, tokenizer = load_policy(work.model, device="cpu")
    encoder, engine = PromptEncoder(tokenizer), TransformersEngine(model, tokenizer)
    found: list[list[int]] = []
    for number, texts in enumerate(work.prompts):
        prompts = [
            encoder.encode(Problem(id=text, prompt=()), (Message(role="user", content=text),), key=str(number))
            for text in texts
        ]
        places = {prompt.problem.id: place for place, prompt in enumerate(prompts)}
        found.append([0] * len(texts) * work.group)
        sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=work.max_tokens, seed=0)
        for rollout in engine.generate(prompts, samples=work.group, sampling=sampling):
            row = places[rollout.prompt.problem.id] * work.group + rollout.sample_index
            found[-1][row] = rollout.completion.num_tokens
    return found


def main(path: str, side: str) -> None:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    work, clock = Work(path), Clock()
    if side == "lengths":
        print(json.dumps(lengths_side(work)))
        return
    cpu = time.process_time()
    tokens = {"trl": trl_side, "assay": assay_side}[side](work, clock)
    result = {
        "steps": clock.laps,
        "tokens": tokens,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
