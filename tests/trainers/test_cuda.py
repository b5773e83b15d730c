"""The same on a GPU as on the CPU: decoding, log-probs, and a whole step, in float32 and bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState

from assay import Problem, Sampling
from assay_trainers.common.batching import Row, collate
from assay_trainers.common.logprobs import completion_logprobs
from assay_trainers.common.shared_prompts import can_share_prompts, collate_shared, fill
from assay_trainers.common.world import World
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.rollouts import Prompt, PromptEncoder, Rollout, TransformersEngine
from assay_trainers.grpo.trainer import Trainer
from tests.trainers.conftest import DigitReward
from tests.trainers.models import tiny_model, tokenizer
from tests.trainers.test_shared_prompts import make_rows

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

TOLERANCE = {"float32": 2e-3, "bfloat16": 0.3}
"""Nats. Tiny models with large weights show bfloat16's rounding at its worst."""


@pytest.fixture(autouse=True)
def no_tf32() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


def prompts() -> list[Prompt]:
    encoder = PromptEncoder(tokenizer())
    texts = ["1+1=", "12+34=", "a"]
    return [encoder.encode(Problem(id=text, prompt=()), text, key=f"1/{n}") for n, text in enumerate(texts)]


def drawn(model: Any, precision: Any = "float32", samples: int = 5) -> list[Rollout]:
    sampling = Sampling(temperature=0.8, top_p=1.0, max_tokens=20, seed=3)
    engine = TransformersEngine(model, tokenizer(), batch_size=8, precision=precision)
    found = list(engine.generate(prompts(), samples=samples, sampling=sampling))
    return sorted(found, key=lambda rollout: (rollout.prompt.problem.id, rollout.sample_index))


def log_probs(model: Any, rows: list[Row], *, share: bool = False) -> torch.Tensor:
    sequences = fill(rows, 40)
    ordered = [row for sequence in sequences for row in sequence]
    batch = collate_shared(sequences, device=model.device) if share else collate(ordered, device=model.device)
    return completion_logprobs(model, batch, temperature=0.8)[0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_drawn_has_the_log_probs_that_the_cpu_gives_it(precision: str) -> None:
    model = tiny_model().cuda()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rollouts = drawn(model, precision)
    assert model.dtype == torch.float32
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    rows = [Row(prompt_ids=r.prompt.token_ids, completion_ids=r.completion.token_ids or ()) for r in rollouts]
    batch = collate(rows)
    expected = completion_logprobs(tiny_model(), batch, temperature=0.8)[0].detach()
    given = torch.zeros_like(expected)
    for place, rollout in enumerate(rollouts):
        values = torch.tensor(rollout.completion.logprobs)
        given[place, : len(values)] = values
    difference = (given - expected)[batch.mask].abs()
    assert float(difference.mean()) < TOLERANCE[precision] / 5
    assert float(difference.max()) < TOLERANCE[precision] * 3


def test_in_float32_the_gpu_draws_what_the_cpu_draws() -> None:
    on_gpu = [rollout.completion.token_ids for rollout in drawn(tiny_model().cuda())]
    on_cpu = [rollout.completion.token_ids for rollout in drawn(tiny_model())]
    # One uniform number a token decides: rounding may tip one over, rarely.
    assert sum(a == b for a, b in zip(on_gpu, on_cpu, strict=True)) >= len(on_cpu) - 1


@pytest.mark.parametrize("share", [False, True])
def test_log_probs_and_gradients_are_the_cpus(share: bool) -> None:
    rows = make_rows(0, [5, 1, 9, 3, 1, 7, 2, 30])
    found = {}
    for device in ("cpu", "cuda"):
        model = tiny_model().to(device)
        assert can_share_prompts(model.model)
        values = log_probs(model, rows, share=share)
        values.sum().backward()
        grads = {name: parameter.grad.cpu() for name, parameter in model.named_parameters()}
        found[device] = (values.detach().cpu(), grads)
    assert torch.allclose(found["cpu"][0], found["cuda"][0], atol=TOLERANCE["float32"])
    for name, value in found["cpu"][1].items():
        scale = max(1.0, float(value.abs().max()))
        assert torch.allclose(value, found["cuda"][1][name], atol=2e-3 * scale), name


@pytest.mark.parametrize("share", [False, True])
def test_log_probs_under_autocast_are_near(share: bool) -> None:
    rows = make_rows(0, [5, 1, 9, 3, 1, 7, 2, 30])
    exact = log_probs(tiny_model(), rows).detach()
    with torch.autocast("cuda", torch.bfloat16):
        values = log_probs(tiny_model().cuda(), rows, share=share)
    assert values.dtype == torch.float32
    assert float((values.detach().cpu() - exact).abs().max()) < TOLERANCE["bfloat16"] * 3
    values.sum().backward()


@pytest.mark.parametrize(
    ("dtype", "precision"), [("float32", "float32"), ("float32", "bfloat16"), ("bfloat16", "float32")]
)
def test_a_step_is_the_cpus(
    dtype: str, precision: str, make_config: Callable[..., TrainConfig], problems: list[Problem], tmp_path: Path
) -> None:
    found = {}
    for device in ("cpu", "auto"):
        exact = device == "cpu"
        config = make_config(
            output=str(tmp_path / device),
            preset="grpo",
            rollout__max_tokens=16,
            dtype="float32" if exact else dtype,
            rollout__precision="float32" if exact else precision,
            alarms__mismatch=1.0,
        )
        config = replace(config, device=device)
        AcceleratorState._reset_state(True)  # one process has one precision and one device; this test has several
        trainer = Trainer(config, problems, DigitReward(), World(cpu=exact, dtype=config.dtype))
        assert trainer.learner.model.device.type == ("cpu" if exact else "cuda")
        trainer.output.mkdir(exist_ok=True)
        metrics = trainer.step()
        found[device] = (metrics, {name: value.cpu() for name, value in trainer.learner.model.state_dict().items()})
    gpu, cpu = found["auto"][0], found["cpu"][0]
    assert gpu["mismatch"] < (1e-3 if (dtype, precision) == ("float32", "float32") else 0.2)
    assert 0 < gpu["grad_norm"] < 1e3
    if (dtype, precision) == ("float32", "float32"):
        assert gpu["reward"] == pytest.approx(cpu["reward"], abs=0.05)
        assert gpu["entropy"] == pytest.approx(cpu["entropy"], abs=0.1)
    # One AdamW step of 1e-3 moves a weight by that much at most, whatever the gradient.
    for name, value in found["cpu"][1].items():
        assert torch.allclose(value, found["auto"][1][name], atol=2.5e-3), name
