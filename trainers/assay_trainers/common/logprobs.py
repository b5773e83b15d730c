"""Log-probs and entropies of completions, without ever holding the logits of a batch.

The logits of 16 completions of 4,096 tokens over a vocabulary of 150,000 are 39 GB in float32. Here the model's body
runs on whole sequences, the hidden states of completion positions alone are gathered (no prompt, no padding), and the
head turns them into log-probs a chunk at a time. The backward pass computes a chunk's logits again, except for the
first chunks, whose probabilities are kept as far as `KEEP_BYTES` goes: small batches then pay for no second product.

    log p(y) = z_y/τ − logsumexp(z/τ)          ∂ log p(y)/∂z = (1_y − softmax(z/τ)) / τ
    entropy  = logsumexp(z/τ) − Σ softmax(z/τ) · z/τ                 from the same logits, a metric without gradient

τ is the sampler's temperature: the ratio of policies is one of the distributions that were sampled from
(huggingface/trl#4159 is what happens otherwise).

Not covered: heads that are more than a matrix (soft-capped or scaled logits); `check_head` finds and refuses them.

Shapes: B rows, S sequence, T completion, N valid tokens, H hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from assay import UsageError
from assay_trainers.common.batching import MicroBatch, Row, collate
from assay_trainers.common.shared_prompts import SharedBatch, shared_states

CHUNK_BYTES = 2**26
"""Logits held at a time: large enough that matrix products run at full speed."""
KEEP_BYTES = 2**28
"""Probabilities that may be kept for the backward pass."""


class _HeadLogProbs(torch.autograd.Function):
    """(hidden, weight, bias) → log-prob of each target, and entropy."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,  # (N, H)
        weight: Tensor,  # (V, H)
        bias: Tensor | None,  # (V,)
        targets: Tensor,  # (N,)
        temperature: float,
        chunk: int,
        keep: int,
    ) -> tuple[Tensor, Tensor]:
        precise = torch.promote_types(hidden.dtype, torch.float32)
        logps = hidden.new_empty(len(hidden), dtype=precise)
        entropies = torch.empty_like(logps)
        totals = torch.empty_like(logps)
        kept: list[Tensor] = []
        wants = any(ctx.needs_input_grad[:3])
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            scaled = _scaled_logits(hidden[part], weight, bias, temperature)
            totals[part] = total = scaled.logsumexp(-1)
            table = scaled.sub_(total[:, None])  # every token's log-prob, in place: a chunk is all that is held
            logps[part] = table.gather(-1, targets[part, None]).squeeze(-1)
            probabilities = torch.exp(table)
            entropies[part] = -torch.linalg.vecdot(probabilities, table)
            if wants and start + chunk <= keep:
                kept.append(probabilities)
        ctx.save_for_backward(hidden, weight, bias, targets, totals, *kept)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.mark_non_differentiable(entropies)
        return logps, entropies

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, targets, totals, *kept = ctx.saved_tensors
        needs_hidden, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_weight = torch.zeros(weight.shape, dtype=totals.dtype, device=weight.device) if needs_weight else None
        grad_bias = totals.new_zeros(bias.shape) if needs_bias else None
        for number, start in enumerate(range(0, len(hidden), ctx.chunk)):
            part = slice(start, start + ctx.chunk)
            if number < len(kept):
                probabilities = kept[number]
            else:
                scaled = _scaled_logits(hidden[part], weight, bias, ctx.temperature)
                probabilities = scaled.sub_(totals[part, None]).exp_()
            share = grads[0][part, None] / ctx.temperature
            # Kept ones may be wanted by a second backward pass through the same graph.
            grad_logits = probabilities * -share if number < len(kept) else probabilities.mul_(-share)
            grad_logits.scatter_add_(-1, targets[part, None], share)
            if grad_hidden is not None:
                grad_hidden[part] = grad_logits.to(weight.dtype) @ weight
            if grad_weight is not None:
                grad_weight.addmm_(grad_logits.T, hidden[part].to(grad_logits.dtype))
            if grad_bias is not None:
                grad_bias += grad_logits.sum(0)
        return (
            grad_hidden,
            None if grad_weight is None else grad_weight.to(weight.dtype),
            None if grad_bias is None else grad_bias.to(bias.dtype),
            None, None, None, None,
        )  # fmt: skip


def head_logprobs(
    hidden: Tensor,  # (N, H)
    weight: Tensor,  # (V, H)
    bias: Tensor | None,  # (V,)
    targets: Tensor,  # (N,)
    *,
    temperature: float = 1.0,
    chunk_bytes: int = CHUNK_BYTES,
    keep_bytes: int = KEEP_BYTES,
) -> tuple[Tensor, Tensor]:
    """Natural log-prob of each target and entropy in nats, both (N,), in float32 or wider.

    The log-probs carry gradient to hidden states, weight and bias; the entropies carry none.
    """
    row_bytes = len(weight) * torch.promote_types(hidden.dtype, torch.float32).itemsize
    chunk, keep = max(1, chunk_bytes // row_bytes), keep_bytes // row_bytes
    arguments = (hidden, weight, bias, targets, temperature, chunk, keep)
    logps, entropies = _HeadLogProbs.apply(*arguments)  # type: ignore[no-untyped-call]
    return logps, entropies


def completion_logprobs(model: Any, batch: MicroBatch | SharedBatch, *, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probs and entropies of the completion tokens of a micro-batch, (B, T) each, 0 where the mask is False.

    Args:
        model: A causal language model of transformers, bare or under a PEFT adapter.
        batch: From `collate` or `collate_shared`.
        temperature: Of the sampler, above 0.

    Raises:
        UsageError: The model's head is not a plain matrix.
    """
    body, head = body_and_head(model)
    if isinstance(batch, SharedBatch):
        hidden = shared_states(body, batch)  # (N, H)
    else:
        states = body(input_ids=batch.input_ids, use_cache=False).last_hidden_state  # (B, S, H)
        rows = torch.arange(len(batch.rows), device=states.device)[:, None].expand_as(batch.positions)
        hidden = states[rows[batch.mask], batch.positions[batch.mask]]  # (N, H)
    flat = head_logprobs(hidden, head.weight, head.bias, batch.targets[batch.mask], temperature=temperature)
    logps, entropies = (values.new_zeros(batch.mask.shape).masked_scatter(batch.mask, values) for values in flat)
    return logps, entropies


@torch.no_grad()
def batch_logprobs(model: Any, batch: MicroBatch | SharedBatch, *, temperature: float) -> list[Tensor]:
    """Log-probs of each row's completion tokens, on the CPU and without gradient."""
    logps, _ = completion_logprobs(model, batch, temperature=temperature)
    return [logps[place, : len(row.completion_ids)].cpu() for place, row in enumerate(batch.rows)]


def row_logprobs(model: Any, rows: list[Row], *, temperature: float) -> list[Tensor]:
    """Log-probs of each row's completion tokens, on the CPU and without gradient, in one forward pass."""
    device = next(model.parameters()).device
    return batch_logprobs(model, collate(rows, device=device), temperature=temperature)


@torch.no_grad()
def check_head(model: Any) -> None:
    """Refuse a model whose logits are not its head's product with the last hidden states.

    Soft-capped (Gemma 2) and scaled (Cohere, Granite) logits would give silently wrong log-probs.
    """
    body, head = body_and_head(model)
    ids = torch.arange(1, 9, device=head.weight.device)[None] % len(head.weight)
    whole = model(input_ids=ids, use_cache=False).logits.float()
    states = body(input_ids=ids, use_cache=False).last_hidden_state
    plain = torch.nn.functional.linear(states, head.weight, head.bias).float()
    difference = (whole - plain).abs().max().item()
    # Half precision rounds logits of some tens to a quarter at worst; a soft cap or a scale changes them by more.
    if not difference <= 0.02 * max(1.0, plain.abs().max().item()):
        raise UsageError(
            f"the logits of {type(model).__name__} are not its head times its hidden states (they differ by "
            f"{difference:.3g}): soft-capped or scaled logits are not supported by this trainer"
        )


def body_and_head(model: Any) -> tuple[Any, torch.nn.Linear]:
    """The model without its head, and the head."""
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = core.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear):
        raise UsageError(
            f"the head of {type(core).__name__} is a {type(head).__name__}: this trainer needs a plain linear one "
            "(leave it out of the adapter)"
        )
    return core.base_model, head


def _scaled_logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, temperature: float) -> Tensor:
    """A tensor of its own, which the caller may overwrite."""
    logits = torch.nn.functional.linear(hidden, weight, bias)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits if temperature == 1 else logits.div_(temperature)
