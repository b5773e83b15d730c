"""A prompt that several rows begin with goes through the model once.

The completions of a group follow the same prompt. Padded into plain rows, it is computed once a completion; here its
keys and values are computed once and each completion attends to them. Nothing is cut off: gradients flow back through
the keys and values into the prompt, where those of all completions add up, so the result is that of plain rows up to
the order of sums. A completion's last token predicts nothing that is learned and does not go through the model either.

    prompts (U, P)      →  keys and values of each layer, hidden states; the last one predicts the first token
    completions (B, T)  →  attend to their prompt's keys and values and to themselves, at positions behind the prompt

Not covered: models whose cache is more than keys and values of every position (sliding windows, linear attention),
attention other than SDPA; `can_share_prompts` says no to them, and to any model on which the two ways do not give the
same on a small example. Gradient checkpointing has no cache either: the caller must not ask for both.

Shapes: B rows, U prompts, P padded prompt, T padded completion, H hidden size.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from assay_trainers.common.batching import Row

_log = logging.getLogger("assay.trainers")


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedBatch:
    """Rows as tensors, each prompt once."""

    rows: Sequence[Row]
    prompts: Tensor  # (U, P), right-padded with zeros
    prompt_lengths: Tensor  # (U,)
    prompt_of: Tensor  # (B,)
    targets: Tensor  # (B, T), completion tokens, right-padded with zeros
    mask: Tensor  # (B, T), True on completion tokens
    advantages: Tensor  # (B,)


def collate_shared(
    rows: Sequence[Row], *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> SharedBatch:
    """Rows as tensors; `dtype` is that of advantages and gathered log-probs."""
    places: dict[tuple[int, ...], int] = {}
    of = [places.setdefault(tuple(row.prompt_ids), len(places)) for row in rows]
    lengths = torch.tensor([len(row.completion_ids) for row in rows])
    return SharedBatch(
        rows=rows,
        prompts=_padded(list(places)).to(device),
        prompt_lengths=torch.tensor([len(prompt) for prompt in places], device=device),
        prompt_of=torch.tensor(of, device=device),
        targets=_padded([row.completion_ids for row in rows]).to(device),
        mask=(torch.arange(int(lengths.max()))[None] < lengths[:, None]).to(device),
        advantages=torch.tensor([row.advantage for row in rows], dtype=dtype, device=device),
    )


def shared_states(body: Any, batch: SharedBatch) -> Tensor:
    """The hidden state that predicts each completion token: (B, T, H), anything where the mask is False.

    Args:
        body: The model without its head.
        batch: From `collate_shared`.
    """
    from transformers.cache_utils import DynamicCache

    name = cache_argument(body)
    prompt = body(input_ids=batch.prompts, use_cache=True, **{name: DynamicCache(config=body.config)})
    lengths, of = batch.prompt_lengths, batch.prompt_of
    first: Tensor = prompt.last_hidden_state[of, lengths[of] - 1][:, None]  # (B, 1, H)
    steps = batch.targets.shape[1] - 1
    if not steps:
        return first
    width = batch.prompts.shape[1]
    index = torch.arange(steps, device=of.device)
    seen = torch.arange(width, device=of.device)[None] < lengths[of][:, None]  # (B, P)
    causal = index[:, None] >= index[None]
    mask = torch.cat([seen[:, None].expand(-1, steps, -1), causal[None].expand(len(of), -1, -1)], dim=-1)
    rows = body(
        input_ids=batch.targets[:, :-1],
        attention_mask=mask[:, None],  # (B, 1, T - 1, P + T - 1), True: attend
        position_ids=lengths[of][:, None] + index[None],
        use_cache=True,
        **{name: _selected(getattr(prompt, name), of)},
    )
    return torch.cat([first, rows.last_hidden_state], dim=1)


def plan_shared(rows: Sequence[Row], budget: int, overhead: int) -> tuple[list[list[int]], int]:
    """Split rows into micro-batches at least cost, and that cost in token positions.

    Rows are sorted by the length of their completions, and cut where Σ (padded completions + prompts, each once +
    `overhead`) is least: a prompt is computed once in every micro-batch that has a row of it, so fine cuts by length
    are not always worth it. Rows × (longest prompt + longest completion) stays within `budget` (one row always fits).
    """
    order = sorted(range(len(rows)), key=lambda place: (-len(rows[place].completion_ids), place))
    prompts = [tuple(rows[place].prompt_ids) for place in order]
    best: list[tuple[int, int]] = [(0, len(order))] * (len(order) + 1)
    for start in reversed(range(len(order))):
        longest = len(rows[order[start]].completion_ids)
        seen: set[tuple[int, ...]] = set()
        width = 0
        choices = []
        for end in range(start + 1, min(len(order), start + _MOST_ROWS) + 1):
            seen.add(prompts[end - 1])
            width = max(width, len(prompts[end - 1]))
            if end > start + 1 and (end - start) * (width + longest) > budget:
                break
            cost = (end - start) * (longest - 1) + len(seen) * width + overhead
            choices.append((cost + best[end][0], end))
        best[start] = min(choices)
    batches, start = [], 0
    while start < len(order):
        end = best[start][1]
        batches.append(order[start:end])
        start = end
    return batches, best[0][0]


_MOST_ROWS = 256
"""Rows of a micro-batch: the search for the best cuts takes rows times this many steps."""


def cache_argument(body: Any) -> str:
    """What the model calls its cache, as argument and in its output: renamed in transformers 5.24."""
    return "cache" if "cache" in inspect.signature(body.forward).parameters else "past_key_values"


@torch.no_grad()
def can_share_prompts(body: Any) -> bool:
    """Whether shared prompts give the hidden states that plain rows give, on a small example."""
    from transformers.cache_utils import DynamicLayer

    config = getattr(body, "config", None)
    if getattr(config, "_attn_implementation", None) != "sdpa":
        return False
    vocabulary = body.get_input_embeddings().weight.shape[0]
    device = body.get_input_embeddings().weight.device
    ids = [(7 * place + 3) % vocabulary for place in range(12)]
    rows = [Row(prompt_ids=ids[:a], completion_ids=ids[a:b]) for a, b in ((3, 9), (3, 6), (5, 12), (5, 6))]
    try:
        output = body(input_ids=torch.tensor([ids[:3]], device=device), use_cache=True)
        layers = getattr(output, cache_argument(body)).layers
        if not layers or any(type(layer) is not DynamicLayer for layer in layers):
            return False
        shared = shared_states(body, collate_shared(rows, device=device))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        # A model may refuse a cache or a mask in any way: plain rows always work.
        _log.info("prompts are not shared: %s: %s", type(error).__name__, error)
        return False
    for row, states in zip(rows, shared, strict=True):
        whole = torch.tensor([[*row.prompt_ids, *row.completion_ids]], device=device)
        plain = body(input_ids=whole, use_cache=False).last_hidden_state[0, len(row.prompt_ids) - 1 : -1]
        difference = (plain - states[: len(row.completion_ids)]).abs().max()
        if not difference <= 2e-2 * max(1.0, float(plain.abs().max())):
            _log.info("prompts are not shared: the hidden states of %s differ by %g", type(body).__name__, difference)
            return False
    return True


def _selected(cache: Any, rows: Tensor) -> Any:
    """A cache whose rows are copies of another's, with gradient."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    chosen = DynamicCache()
    for layer in cache.layers:
        copy = DynamicLayer()
        if layer.is_initialized:  # layers that use another one's keys are never written to
            copy.update(layer.keys.index_select(0, rows), layer.values.index_select(0, rows))
        chosen.layers.append(copy)
    return chosen


def _padded(ids: Sequence[Sequence[int]]) -> Tensor:
    out = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
    for place, row in enumerate(ids):
        out[place, : len(row)] = torch.tensor(list(row))
    return out
