"""Cross-entropy of the learned tokens of a micro-batch, without ever holding its logits.

    loss = − Σ log π(y_t | y_<t) / N        N: learned tokens of the whole step, over all micro-batches and processes

So every token weighs the same, wherever it stands, and the gradient depends neither on how rows are split into
micro-batches nor on the number of processes. The head is applied to the hidden states that predict a learned token
alone, a chunk at a time (see `assay_trainers.common.logprobs`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from assay import UsageError
from assay_trainers.common.logprobs import body_and_head, head_logprobs
from assay_trainers.sft.batching import SftBatch


def token_logprobs(model: Any, batch: SftBatch) -> Tensor:
    """Log-probs of the learned tokens, (N,), with gradient. Raises `UsageError` for a head that is no plain matrix."""
    body, head = body_and_head(model)
    positions = {} if batch.position_ids is None else {"position_ids": batch.position_ids}
    states = body(input_ids=batch.input_ids, use_cache=False, **positions).last_hidden_state  # (B, S, H)
    hidden = states.flatten(0, 1)[batch.places]  # (N, H)
    logps, _ = head_logprobs(hidden, head.weight, head.bias, batch.targets)
    return logps


@torch.no_grad()
def check_packing(model: Any) -> None:
    """Refuse to pack for a model in which rows of one line see each other (recurrent ones, unknown attention)."""
    body, _ = body_and_head(model)
    device = next(model.parameters()).device
    first, second = torch.arange(1, 6, device=device), torch.arange(6, 10, device=device)
    line = torch.cat([first, second])[None]
    positions = torch.cat([torch.arange(5), torch.arange(4)])[None].to(device)
    packed = body(input_ids=line, position_ids=positions, use_cache=False).last_hidden_state[0, 5:].float()
    alone = body(input_ids=second[None], use_cache=False).last_hidden_state[0].float()
    difference = (packed - alone).abs().max().item()
    if not difference <= 0.02 * max(1.0, alone.abs().max().item()):
        raise UsageError(
            f"layout=packed does not work with {type(model).__name__} and this attention: rows of one line see each "
            f"other (hidden states differ by {difference:.3g}). Use layout=buckets"
        )
