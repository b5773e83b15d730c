"""Log-probs and entropies in chunks against the naive computation over whole logits, gradients included."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from assay import UsageError
from assay_trainers.common import logprobs
from assay_trainers.common.batching import Row, collate, plan
from assay_trainers.common.logprobs import check_head, completion_logprobs, head_logprobs, row_logprobs
from tests.trainers.models import EOS, tiny_model

# The completions end with the token that is also the pad token; one of them holds nothing else.
ROWS = [
    Row(prompt_ids=[5, 6, 7], completion_ids=[8, 9, 10, 11, EOS]),
    Row(prompt_ids=[5, 6, 7, 12, 13, 14], completion_ids=[EOS]),
    Row(prompt_ids=[EOS], completion_ids=[20, EOS, 21]),
]


def naive(model: Any, row: Row, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-softmax over every position of one unpadded row."""
    ids = torch.tensor([[*row.prompt_ids, *row.completion_ids]])
    table = torch.log_softmax(model(input_ids=ids).logits[0] / temperature, dim=-1)[len(row.prompt_ids) - 1 : -1]
    entropy = -(table.exp() * table).sum(-1)
    return table.gather(-1, torch.tensor(list(row.completion_ids))[:, None]).squeeze(-1), entropy


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize(("chunk", "keep"), [(2**20, 2**20), (1, 0), (3 * 53 * 8, 4 * 53 * 8)])
def test_values_and_gradients_are_the_naive_ones(
    tied: bool, temperature: float, chunk: int, keep: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(head_logprobs.__kwdefaults__, "chunk_bytes", chunk)
    monkeypatch.setitem(head_logprobs.__kwdefaults__, "keep_bytes", keep)
    model = tiny_model(dtype=torch.float64, tied=tied)
    weights = [torch.randn(len(row.completion_ids), dtype=torch.float64) for row in ROWS]

    for row, weight in zip(ROWS, weights, strict=True):
        (naive(model, row, temperature)[0] * weight).sum().backward()
    wanted = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()

    batch = collate(ROWS, dtype=torch.float64)
    logps, entropies = completion_logprobs(model, batch, temperature=temperature)
    assert logps.shape == (3, 5)
    for place, (row, weight) in enumerate(zip(ROWS, weights, strict=True)):
        length = len(row.completion_ids)
        expected, entropy = naive(model, row, temperature)
        assert torch.allclose(logps[place, :length], expected, atol=1e-12)
        assert torch.allclose(entropies[place, :length], entropy, atol=1e-12)
        assert not logps[place, length:].any()
        (logps[place, :length] * weight).sum().backward(retain_graph=True)
    assert not entropies.requires_grad
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, wanted[name], atol=1e-11), name


def test_the_head_has_a_bias_too() -> None:
    make = torch.Generator().manual_seed(1)
    hidden, weight, bias = (
        torch.randn(shape, generator=make, dtype=torch.float64, requires_grad=True) for shape in ((7, 4), (9, 4), (9,))
    )
    targets = torch.arange(7)

    def chunked(*inputs: Tensor) -> Tensor:
        return head_logprobs(*inputs, targets, temperature=0.8, chunk_bytes=3 * 9 * 8, keep_bytes=3 * 9 * 8)[0]

    assert torch.autograd.gradcheck(chunked, (hidden, weight, bias))


def test_no_tensor_of_batch_by_time_by_vocabulary_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = logprobs._scaled_logits

    def spy(*arguments: Any) -> Tensor:
        logits = real(*arguments)
        seen.append(len(logits))
        return logits

    monkeypatch.setattr(logprobs, "_scaled_logits", spy)
    monkeypatch.setitem(head_logprobs.__kwdefaults__, "chunk_bytes", 2 * 53 * 4)
    monkeypatch.setitem(head_logprobs.__kwdefaults__, "keep_bytes", 0)
    logps, _ = completion_logprobs(tiny_model(), collate(ROWS), temperature=1.0)
    assert max(seen) == 2
    assert sum(seen) == 5 + 1 + 3  # valid completion tokens: no prompt, no padding
    seen.clear()
    logps.sum().backward()
    assert max(seen) == 2


def test_frozen_heads_and_no_grad_keep_nothing() -> None:
    model = tiny_model(tied=False)
    model.lm_head.weight.requires_grad_(False)
    completion_logprobs(model, collate(ROWS), temperature=1.0)[0].sum().backward()
    assert model.lm_head.weight.grad is None
    assert model.model.embed_tokens.weight.grad.abs().sum() > 0
    values = row_logprobs(model, ROWS, temperature=0.7)
    assert [len(value) for value in values] == [5, 1, 3]
    assert not any(value.requires_grad for value in values)
    assert torch.allclose(values[0], naive(model, ROWS[0], 0.7)[0], atol=1e-5)


def test_heads_that_are_more_than_a_matrix_are_refused() -> None:
    check_head(tiny_model())
    model = tiny_model()
    forward = model.forward

    def capped(**inputs: Any) -> Any:
        output = forward(**inputs)
        output.logits = 3.0 * torch.tanh(output.logits / 3.0)
        return output

    model.forward = capped
    with pytest.raises(UsageError, match="soft-capped or scaled"):
        check_head(model)


def test_micro_batches_stay_in_the_budget_and_lose_no_row() -> None:
    lengths = [100, 3, 99, 50, 51, 4, 3, 200]
    batches = plan(lengths, 210)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[place] for place in batch)
        assert len(batch) == 1 or len(batch) * longest <= 210
        assert min(lengths[place] for place in batch) >= 0.7 * longest
    assert batches[0] == [7]
    assert plan([500], 10) == [[0]]
    assert plan([], 10) == []
    assert [len(batch) for batch in plan([row.length for row in ROWS], 16)] == [2, 1]
