"""A prompt that several rows begin with goes through the model once.

The completions of a group follow the same prompt. Padded into plain rows, it is computed once a completion, and short
completions are padded to the longest. Here they stand behind one another in one sequence,

    prompt  completion 1  completion 2  …  completion n

where each attends to the prompt and to itself, at the positions that it would have alone. Nothing is cut off:
gradients of all completions flow back into the one prompt, where they add up, so the result is that of plain rows up
to the order of sums. A completion's last token predicts nothing that is learned and does not go through the model.

Attention looks at the whole square of a sequence, so its length has a bound: a group of long completions becomes
several sequences, or plain rows, whichever `plan_shared` finds cheapest.

Not covered: models with sliding windows or anything but attention, and attention other than SDPA, which may not take a
mask of this kind; `can_share_prompts` says no to them, and to any model on which the two ways do not give the same on
a small example.

Shapes: B rows, T padded completion, U sequences, S padded sequence, H hidden size.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from assay_trainers.common.batching import Row, plan

_log = logging.getLogger("assay.trainers")

_SPANS = (128, 256, 512, 1024)
"""Lengths of sequences that are tried; one completion may be longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What a forward and backward pass costs, in the matrix products of one token."""

    micro_batch: float
    """Whatever its size: the gradient of the embeddings, launches, Python."""
    attention: float
    """One token's attention to one other, the masked ones included."""


def costs_on(hidden_size: int, *, cpu: bool) -> Costs:
    """Of a model on a CPU or a GPU.

    A token's matrix products grow with the square of the hidden size, its attention to another token with the size
    itself. Measured on two cores with hidden sizes of 576 and 128; the GPU's are an estimate that only has to get the
    order right.
    """
    if cpu:
        return Costs(micro_batch=64, attention=1.44 / hidden_size)
    return Costs(micro_batch=2048, attention=0.5 / hidden_size)


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedBatch:
    """Rows as tensors, in sequences."""

    rows: Sequence[Row]
    """Of all sequences, in order."""
    input_ids: Tensor  # (U, S), right-padded with zeros
    position_ids: Tensor  # (U, S)
    attend: Tensor  # (U, 1, S, S), True: attend
    sequence: Tensor  # (B,), which sequence a row stands in
    positions: Tensor  # (B, T), where in S the hidden state stands that predicts each target
    targets: Tensor  # (B, T), completion tokens, right-padded with zeros
    mask: Tensor  # (B, T), True on completion tokens
    advantages: Tensor  # (B,)


def collate_shared(
    sequences: Sequence[Sequence[Row]], *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> SharedBatch:
    """Sequences as tensors; the rows of one must have the same prompt. `dtype` is that of the advantages."""
    rows = [row for sequence in sequences for row in sequence]
    lengths = torch.tensor([len(row.completion_ids) for row in rows])
    ids: list[list[int]] = []
    places: list[list[int]] = []
    owners: list[list[int]] = []  # 0: the prompt, n: the n-th completion
    starts: list[tuple[int, int, int]] = []  # of each row: its sequence, the prompt's end, its own beginning
    for number, sequence in enumerate(sequences):
        prompt = list(sequence[0].prompt_ids)
        ids.append(prompt)
        places.append(list(range(len(prompt))))
        owners.append([0] * len(prompt))
        width = len(prompt)
        for owner, row in enumerate(sequence, start=1):
            starts.append((number, width - 1, len(ids[-1])))
            ids[-1] = ids[-1] + list(row.completion_ids[:-1])
            places[-1] += range(width, width + len(row.completion_ids) - 1)
            owners[-1] += [owner] * (len(row.completion_ids) - 1)
    owner_of = _padded(owners, fill=-1)
    size = owner_of.shape[1]
    same = owner_of[:, :, None] == owner_of[:, None, :]
    seen = (same | (owner_of == 0)[:, None, :]) & torch.ones(size, size, dtype=torch.bool).tril()
    steps = torch.arange(int(lengths.max()))[None]
    where = torch.tensor(starts)
    positions = torch.where(steps == 0, where[:, 1:2], where[:, 2:3] + steps - 1).clamp(max=size - 1)
    return SharedBatch(
        rows=rows,
        input_ids=_padded(ids).to(device),
        position_ids=_padded(places).to(device),
        attend=seen[:, None].to(device),  # padding sees padding: a row of nothing would be NaN
        sequence=where[:, 0].to(device),
        positions=positions.to(device),
        targets=_padded([row.completion_ids for row in rows]).to(device),
        mask=(steps < lengths[:, None]).to(device),
        advantages=torch.tensor([row.advantage for row in rows], dtype=dtype, device=device),
    )


def shared_states(body: Any, batch: SharedBatch) -> Tensor:
    """The hidden state that predicts each completion token, row by row: (N, H).

    Args:
        body: The model without its head.
        batch: From `collate_shared`.
    """
    states: Tensor = body(
        input_ids=batch.input_ids, attention_mask=batch.attend, position_ids=batch.position_ids, use_cache=False
    ).last_hidden_state  # (U, S, H)
    return states[batch.sequence[:, None].expand_as(batch.positions)[batch.mask], batch.positions[batch.mask]]


def plan_shared(rows: Sequence[Row], budget: int, costs: Costs) -> list[list[list[Row]]] | None:
    """Rows in micro-batches of sequences; None where plain rows cost less.

    Args:
        rows: In any order.
        budget: Sequences times the longest of a micro-batch at most (one sequence always fits).
        costs: Of the device.
    """
    if not rows:
        return None
    lengths = [row.length for row in rows]
    plain = sum(
        costs.micro_batch + len(batch) * lengths[batch[0]] * (1 + costs.attention * lengths[batch[0]] / 2)
        for batch in plan(lengths, budget)
    )  # causal attention looks at half of the square
    best: list[list[list[Row]]] | None = None
    for span in _SPANS:
        sequences = fill(rows, min(span, budget))
        sizes = [_size(sequence) for sequence in sequences]
        batches = plan(sizes, budget)
        cost = sum(
            costs.micro_batch + len(batch) * sizes[batch[0]] * (1 + costs.attention * sizes[batch[0]])
            for batch in batches
        )
        if cost < plain:
            plain, best = cost, [[sequences[place] for place in batch] for batch in batches]
    return best


def fill(rows: Sequence[Row], span: int) -> list[list[Row]]:
    """Rows of one prompt in sequences of at most `span` tokens each, longest rows first (one row always fits)."""
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.prompt_ids), []).append(row)
    sequences: list[list[Row]] = []
    for group in groups.values():
        open_ones: list[list[Row]] = []
        for row in sorted(group, key=lambda row: -len(row.completion_ids)):
            room = (s for s in open_ones if _size(s) + len(row.completion_ids) - 1 <= span)
            sequence = next(room, None)
            if sequence is None:
                open_ones.append([row])
            else:
                sequence.append(row)
        sequences += open_ones
    return sequences


@torch.no_grad()
def can_share_prompts(body: Any) -> bool:
    """Whether shared prompts give the hidden states that plain rows give, on a small example."""
    from transformers.cache_utils import DynamicLayer

    config = getattr(body, "config", None)
    if getattr(config, "_attn_implementation", None) != "sdpa":
        return False
    embeddings = body.get_input_embeddings().weight
    ids = [(7 * place + 3) % len(embeddings) for place in range(12)]
    rows = [Row(prompt_ids=ids[:a], completion_ids=ids[a:b]) for a, b in ((3, 9), (3, 6), (5, 12), (5, 6))]
    try:
        output = body(input_ids=torch.tensor([ids[:3]], device=embeddings.device), use_cache=True)
        name = "cache" if "cache" in inspect.signature(body.forward).parameters else "past_key_values"
        layers = getattr(output, name).layers
        # The cache tells what else than attention to every position there is.
        if not layers or any(type(layer) is not DynamicLayer for layer in layers):
            return False
        batch = collate_shared(fill(rows, 20), device=embeddings.device)
        shared = shared_states(body, batch)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        # A model may refuse a mask in any way: plain rows always work.
        _log.info("prompts are not shared: %s: %s", type(error).__name__, error)
        return False
    place = 0
    for row in batch.rows:
        whole = torch.tensor([[*row.prompt_ids, *row.completion_ids]], device=embeddings.device)
        plain = body(input_ids=whole, use_cache=False).last_hidden_state[0, len(row.prompt_ids) - 1 : -1]
        difference = (plain - shared[place : place + len(plain)]).abs().max()
        place += len(plain)
        if not difference <= 2e-2 * max(1.0, float(plain.abs().max())):
            _log.info("prompts are not shared: the hidden states of %s differ by %g", type(body).__name__, difference)
            return False
    return True


def _size(sequence: Sequence[Row]) -> int:
    return len(sequence[0].prompt_ids) + sum(len(row.completion_ids) - 1 for row in sequence)


def _padded(ids: Sequence[Sequence[int]], fill: int = 0) -> Tensor:
    out = torch.full((len(ids), max(map(len, ids))), fill, dtype=torch.long)
    for place, row in enumerate(ids):
        out[place, : len(row)] = torch.tensor(list(row), dtype=torch.long)
    return out
