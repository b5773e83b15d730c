"""How probable a model of transformers finds a text: one forward pass over context and continuation.

A pair is tokenized as lm-eval does it, so that both give the same numbers: white space at the end of the context goes
to the continuation, context and continuation are encoded together, and the continuation's tokens are what the context
alone does not account for. An empty context stands for one begin-of-sequence token (else the end-of-sequence token).
Where the whole is longer than the model's window, the beginning of the context is cut off.

Pairs are run longest first, padded on the right: a causal model does not see what stands behind a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from assay.errors import BackendError
from assay.types import Continuation, LogLikelihood


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    place: int
    ids: list[int]
    """Tokens of context and continuation, cut to the window plus the one token that is only predicted."""
    scored: int
    """How many of them, at the end, belong to the continuation."""


def loglikelihoods(
    model: Any, tokenizer: Any, pairs: Sequence[Continuation], *, context: int | None, batch_size: int, max_tokens: int
) -> list[LogLikelihood]:
    """The log-likelihood of each continuation after its context, in order.

    Args:
        model: A causal language model in evaluation mode.
        tokenizer: Its tokenizer.
        pairs: What is asked.
        context: Context window in tokens, where there is one.
        batch_size: Rows of a forward pass at most.
        max_tokens: Tokens of a forward pass at most, padding included; a single row is always run.

    Raises:
        BackendError: A continuation has no tokens, or does not fit the window.
    """
    encoded = [_encode(tokenizer, pair, place, context) for place, pair in enumerate(pairs)]
    encoded.sort(key=lambda pair: (-len(pair.ids), pair.ids))
    found: list[LogLikelihood | None] = [None] * len(pairs)
    for batch in _batches(encoded, batch_size, max_tokens):
        for pair, answer in zip(batch, _run(model, batch), strict=True):
            found[pair.place] = answer
    return [answer for answer in found if answer is not None]


def _encode(tokenizer: Any, pair: Continuation, place: int, context: int | None) -> _Pair:
    before = pair.context.rstrip()
    text = pair.context[len(before) :] + pair.text
    if before:
        whole = _ids(tokenizer, before + text)
        start = len(_ids(tokenizer, before))
    else:
        bos = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        bare = _ids(tokenizer, text, special=False)
        whole = bare if bare[:1] == [bos] else [bos, *bare]
        start = 1
    scored = len(whole) - start
    if scored < 1:
        raise BackendError(f"the continuation {pair.text!r:.60} has no tokens of its own after its context")
    if context is not None and scored > context:
        raise BackendError(f"a continuation of {scored} tokens does not fit the model's context window of {context}")
    return _Pair(place=place, ids=whole if context is None else whole[-(context + 1) :], scored=scored)


def _ids(tokenizer: Any, text: str, *, special: bool = True) -> list[int]:
    bos = getattr(tokenizer, "bos_token", None)
    add = special and not (bos and text.startswith(bos))  # a rendered chat template brings its own
    return list(tokenizer(text, add_special_tokens=add)["input_ids"])


def _batches(pairs: Sequence[_Pair], batch_size: int, max_tokens: int) -> Iterator[list[_Pair]]:
    start = 0
    while start < len(pairs):
        size = max(1, min(batch_size, max_tokens // len(pairs[start].ids)))
        yield list(pairs[start : start + size])
        start += size


def _run(model: Any, batch: Sequence[_Pair]) -> Iterator[LogLikelihood]:
    width = len(batch[0].ids) - 1  # the last token is predicted and not read
    rows = torch.zeros((len(batch), width), dtype=torch.long)
    mask = torch.zeros((len(batch), width), dtype=torch.long)
    for row, pair in enumerate(batch):
        rows[row, : len(pair.ids) - 1] = torch.tensor(pair.ids[:-1])
        mask[row, : len(pair.ids) - 1] = 1
    with torch.inference_mode():
        logits = model(input_ids=rows.to(model.device), attention_mask=mask.to(model.device)).logits  # (batch, time, V)
        for row, pair in enumerate(batch):
            end = len(pair.ids) - 1
            own = torch.log_softmax(logits[row, end - pair.scored : end].float(), dim=-1)  # (scored, V)
            wanted = torch.tensor(pair.ids[-pair.scored :], device=own.device)
            chosen = own.gather(1, wanted.unsqueeze(1)).squeeze(1)
            greedy = bool((own.argmax(dim=-1) == wanted).all())
            yield LogLikelihood(logprob=float(chosen.sum()), greedy=greedy)
