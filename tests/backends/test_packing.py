"""Lighter copies of the weights: the same completions in float32, near ones in bfloat16, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.trainers.models import EOS, tiny_model, tokenizer

from assay import DecodeJob, DecodeLoop, Sampling
from assay.backends.torch_decode import packing


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(packing, "_SMALL", 0)  # the models of these tests have no matrix that is worth it
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn(model: Any, precision: Any, *, take: int | None = None) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    loop = DecodeLoop(
        model, tokenizer(), eos_ids=frozenset({EOS}), context=64, batch_size=4, max_batch_tokens=4096,
        prefill_tokens=64, precision=precision,
    )  # fmt: skip
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12], [4]]
    jobs = [DecodeJob(number=n, ids=prompts[n % 3], seed=n) for n in range(9)]
    found = {}
    for done in loop.run(jobs, Sampling(temperature=0.9, top_p=1.0, max_tokens=20, seed=0)):
        found[done.job.number] = (done.token_ids, done.logprobs)
        if take is not None and len(found) == take:
            break
    return [found[number] for number in sorted(found)]


def test_float32_draws_the_same_tokens() -> None:
    model = tiny_model()
    plain, packed = drawn(model, None), drawn(model, "float32")
    assert [ids for ids, _ in plain] == [ids for ids, _ in packed]
    assert len({ids for ids, _ in plain}) > 5
    for (_, one), (_, other) in zip(plain, packed, strict=True):
        assert other == pytest.approx(one, abs=1e-4)


def test_bfloat16_says_what_it_sampled_with() -> None:
    model = tiny_model()
    rows = drawn(model, "bfloat16")
    exact = drawn(model, None)
    assert any(one != other for one, other in zip(rows, exact, strict=True))
    # The first token's probability, where both drew the same one: near, and not the same number.
    pairs = [(a[1][0], b[1][0]) for a, b in zip(rows, exact, strict=True) if a[0][0] == b[0][0]]
    assert len(pairs) >= 5
    assert all(abs(a - b) < 0.3 for a, b in pairs)
    assert any(a != b for a, b in pairs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_new_weights_are_copied_anew_and_nothing_is_left(precision: str) -> None:
    model = tiny_model()
    first = drawn(model, precision)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    assert drawn(model, precision) != first
    assert not any("forward" in module.__dict__ for module in model.modules())
    drawn(model, precision, take=1)  # given up half-way
    assert not any("forward" in module.__dict__ for module in model.modules())
    assert model(input_ids=torch.tensor([[5, 6]])).logits.requires_grad


def test_small_matrices_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    sizes = sorted({module.weight.numel() for module in model.modules() if type(module) is torch.nn.Linear})
    monkeypatch.setattr(packing, "_SMALL", sizes[-1])
    with packing.lighter(model, "float32"):
        packed = {module.weight.numel() for module in model.modules() if "forward" in module.__dict__}
    assert packed == ({sizes[-1]} if packing.can_pack(model) else set())


def test_layers_with_a_bias() -> None:
    model = tiny_model(attention_bias=True)
    with torch.no_grad():
        model.model.layers[0].self_attn.q_proj.bias.fill_(0.5)
    assert [ids for ids, _ in drawn(model, None)] == [ids for ids, _ in drawn(model, "float32")]


def test_other_weights_are_left_alone() -> None:
    model = tiny_model(dtype=torch.float64)
    assert not packing.can_pack(model)
    with packing.lighter(model, "bfloat16"):
        assert model.dtype == torch.float64
        assert not any("forward" in module.__dict__ for module in model.modules())


def test_halved_weights_come_back_to_the_bit() -> None:
    model = tiny_model()
    parameters = list(model.parameters())
    before = [parameter.clone() for parameter in parameters]
    with packing._halved(model):
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
        with torch.no_grad():
            assert model(input_ids=torch.tensor([[5, 6]])).logits.dtype == torch.bfloat16
    assert [id(parameter) for parameter in model.parameters()] == [id(parameter) for parameter in parameters]
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))
