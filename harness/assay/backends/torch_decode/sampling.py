"""Drawing tokens: temperature, nucleus, and one uniform number per row and step.

Each row brings its own uniform number u in [0, 1), from a generator seeded by its request, and the token is
the one at which the cumulated probability, in order of token ids, passes u. So what a row draws depends on its
seed and its logits alone, not on the rows beside it, and costs one number instead of one per vocabulary entry.
Ordering by id rather than by probability keeps the draw stable: the float noise of a different batch shape can
swap two nearly equal probabilities, but not two ids.

Shapes: B rows, V vocabulary, K candidates.
"""

from __future__ import annotations

import torch

_CANDIDATES = 256
"""The nucleus is looked for among this many likeliest tokens, then, for the rows where it is larger, among 16 times
as many: sorting all 150,000 logits of every row would cost as much as a small model's forward pass."""

_BLOCK = 256
"""Ids of one block, when drawing from the whole vocabulary: about the root of a large one."""


def draw(
    logits: torch.Tensor,  # (B, V), any float dtype
    uniforms: torch.Tensor,  # (B,) in [0, 1), on the logits' device
    *,
    temperature: float,
    top_p: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one token a row.

    Args:
        logits: Raw logits.
        uniforms: One number a row; not used at temperature 0.
        temperature: 0 takes the likeliest token.
        top_p: In (0, 1]: the smallest set of likeliest tokens whose probability reaches it is drawn from.

    Returns:
        Token ids (B,) and the natural log of their probability under the distribution drawn from (B,). At
        temperature 0 that distribution is a single point, so the model's own probability (temperature 1) is
        given instead. NaN where a row's logits are not finite.
    """
    logits = logits.float()
    if temperature == 0:
        tokens = logits.argmax(dim=-1)
        return tokens, _log_probability(logits, tokens)
    scaled = logits / temperature
    if top_p >= 1:
        return _draw_from_all(scaled, uniforms)
    return _draw_nucleus(scaled, scaled.logsumexp(dim=-1, keepdim=True), uniforms, top_p, _CANDIDATES)


def _draw_from_all(scaled: torch.Tensor, uniforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw from the whole vocabulary, in one pass over it: first a block of ids, then one of the block.

    A block's sum is float32, as exact as its logits are; the sums of many blocks are float64.
    """
    rows, size = scaled.shape
    shifted = scaled - scaled.amax(dim=-1, keepdim=True)
    weights = shifted.exp()
    if size <= _BLOCK:
        weights = weights.to(_wide(scaled))
        tokens = _invert(weights, uniforms)
        logs = weights.sum(dim=-1).log().to(scaled.dtype)
        return tokens, shifted.gather(-1, tokens[:, None]).squeeze(-1) - logs
    if size % _BLOCK:
        weights = torch.nn.functional.pad(weights, (0, -size % _BLOCK))
    weights = weights.view(rows, -1, _BLOCK)
    sums = weights.sum(dim=-1).to(_wide(scaled))  # (B, blocks)
    block = _invert(sums, uniforms)[:, None]
    before = sums.cumsum(dim=-1).gather(-1, block) - sums.gather(-1, block)
    total = sums.sum(dim=-1, keepdim=True)
    inside = weights.gather(1, block[:, :, None].expand(-1, -1, _BLOCK)).squeeze(1).to(sums.dtype)
    rest = (uniforms.to(sums.dtype)[:, None] * total - before) / inside.sum(dim=-1, keepdim=True)
    tokens = block.squeeze(-1) * _BLOCK + _invert(inside, rest.squeeze(-1).clamp(0, 1))
    tokens = tokens.clamp(max=size - 1)  # logits that are not finite point nowhere
    logprobs = shifted.gather(-1, tokens[:, None]).squeeze(-1) - total.squeeze(-1).log().to(scaled.dtype)
    return tokens, logprobs


def _draw_nucleus(
    scaled: torch.Tensor,  # (B, V)
    total: torch.Tensor,  # (B, 1), logsumexp of `scaled`
    uniforms: torch.Tensor,  # (B,)
    top_p: float,
    candidates: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw from the nucleus; rows whose nucleus is not among the candidates are drawn again with more of them."""
    values, ids = scaled.topk(min(candidates, scaled.shape[-1]), dim=-1)  # (B, K), descending
    probabilities = (values - total).exp().to(_wide(scaled))
    before = probabilities.cumsum(dim=-1) - probabilities
    nucleus = probabilities.masked_fill(before >= top_p, 0.0)
    by_id, order = ids.sort(dim=-1)
    nucleus = nucleus.gather(-1, order)
    places = _invert(nucleus, uniforms)[:, None]
    tokens = by_id.gather(-1, places).squeeze(-1)
    logprobs = (nucleus.gather(-1, places) / nucleus.sum(dim=-1, keepdim=True)).log().squeeze(-1)
    if values.shape[-1] < scaled.shape[-1]:
        wide = (probabilities.sum(dim=-1) < top_p).nonzero().squeeze(-1)
        if wide.numel():
            again = _draw_nucleus(scaled[wide], total[wide], uniforms[wide], top_p, candidates * 16)
            tokens[wide], logprobs[wide] = again[0], again[1]
    return tokens, logprobs


def _invert(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The first index at which the cumulated weights (B, K) exceed u times their sum (B,)."""
    cumulated = weights.cumsum(dim=-1)
    targets = uniforms.to(weights.dtype)[:, None] * cumulated[:, -1:]
    places = torch.searchsorted(cumulated, targets, right=True).squeeze(-1)
    # u < 1, but u times the sum may round up to the sum: then the last index with any weight is meant.
    last = (weights > 0).to(torch.int32).flip(-1).argmax(dim=-1)
    return torch.minimum(places, weights.shape[-1] - 1 - last)


def _log_probability(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return logits.gather(-1, tokens[:, None]).squeeze(-1) - logits.logsumexp(dim=-1)


def _wide(logits: torch.Tensor) -> torch.dtype:
    """float64 for cumulated sums over the vocabulary; Apple's GPUs have none."""
    return torch.float32 if logits.device.type == "mps" else torch.float64
