"""Rows of any length → micro-batches of about one length, within a token budget.

A row is a prompt with one completion. Rows are padded on the right: a causal model's valid positions only look to the
left, so no attention mask is needed, which leaves the fastest attention kernels open, and padding can have no
influence. Padding is never recognised by its token id: the pad token is often the end-of-sequence token, which is
part of a completion. Lengths say what is valid.

Which rows share a micro-batch does not change the gradient (see `losses`): only the cost.

Shapes: B rows, S padded length of prompt + completion, T padded length of completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_BUCKET = 0.7
"""A row shorter than this share of its micro-batch's longest starts the next one: at most 30 % of the arithmetic goes
to padding, and lengths from 16 to 4,096 make at most 16 buckets."""


@dataclass(kw_only=True, slots=True)
class Row:
    """One completion to learn from."""

    prompt_ids: Sequence[int]
    completion_ids: Sequence[int]
    """At least one token; ends with the end-of-sequence token where the model stopped."""
    advantage: float = 0.0
    sampling: Sequence[float] | None = None
    """The sampler's log-prob of each completion token."""
    old: Tensor | None = None  # (len(completion_ids),)
    """The trainer's log-probs under the policy that sampled; None: the policy has not changed since."""
    ref: Tensor | None = None  # (len(completion_ids),)

    @property
    def length(self) -> int:
        """Tokens of prompt and completion."""
        return len(self.prompt_ids) + len(self.completion_ids)


@dataclass(frozen=True, kw_only=True, slots=True)
class MicroBatch:
    """Rows as tensors."""

    rows: Sequence[Row]
    input_ids: Tensor  # (B, S), right-padded with zeros
    targets: Tensor  # (B, T), completion tokens, right-padded with zeros
    positions: Tensor  # (B, T), where in S the hidden state stands that predicts each target
    mask: Tensor  # (B, T), True on completion tokens
    advantages: Tensor  # (B,)


def gathered(rows: Sequence[Row], mask: Tensor, name: str, dtype: torch.dtype = torch.float32) -> Tensor | None:
    """The per-token field `old`, `ref` or `sampling` of rows as (B, T), zero-padded; None where rows lack it."""
    values = [getattr(row, name) for row in rows]
    if any(value is None for value in values):
        return None
    out = torch.zeros(mask.shape, dtype=dtype)
    for place, value in enumerate(values):
        out[place, : len(value)] = torch.as_tensor(value, dtype=dtype)
    return out.to(mask.device)


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Split rows into micro-batches: rows × longest length stays within `budget` tokens (one row always fits).

    Longest first, so that what needs the most memory comes first and a run that is too large fails at once.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    batches: list[list[int]] = []
    for place in order:
        longest = lengths[batches[-1][0]] if batches else 0
        fits = batches and (len(batches[-1]) + 1) * longest <= budget and lengths[place] >= _BUCKET * longest
        if fits:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def collate(
    rows: Sequence[Row], *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> MicroBatch:
    """Rows as tensors; `dtype` is that of advantages and gathered log-probs."""
    width = max(row.length for row in rows)
    longest = max(len(row.completion_ids) for row in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.zeros(len(rows), longest, dtype=torch.long)
    lengths = torch.tensor([len(row.completion_ids) for row in rows])
    for place, row in enumerate(rows):
        input_ids[place, : row.length] = torch.tensor([*row.prompt_ids, *row.completion_ids])
        targets[place, : len(row.completion_ids)] = torch.tensor(list(row.completion_ids))
    steps = torch.arange(longest)[None]
    first = torch.tensor([len(row.prompt_ids) - 1 for row in rows])[:, None]
    return MicroBatch(
        rows=rows,
        input_ids=input_ids.to(device),
        targets=targets.to(device),
        positions=(first + steps).clamp(max=width - 1).to(device),
        mask=(steps < lengths[:, None]).to(device),
        advantages=torch.tensor([row.advantage for row in rows], dtype=dtype, device=device),
    )
