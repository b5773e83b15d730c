"""What a process of a run needs in memory, estimated from its configuration alone.

    what stays      weights 4 P (2 P for a frozen base in bfloat16) · AdamW's moments 8 T · reference policy 4 P
    while drawing   copy of the weights laid out for decoding · keys and values 2 · 4 · L · k · rows · columns
    while learning  gradients 4 T · activations A · head: chunks of logits, and the gradient of its matrix 4 V · h

P parameters, T trained ones, L layers, h hidden size, a width of the queries, k width of keys (and of values), i inner
size of the feed-forward part, V vocabulary. The most that is needed is what stays and the larger of the other two.

A counts, for a token and a layer, the tensors that autograd keeps of a block of the Llama family: of each norm its
input, the normalised input and the output (3 h, twice); queries, keys and values as attention takes them, its output
and the copy of it that the next product reads (3 a + 2 k); of the feed-forward part the two products, the activation
and what goes into the last product (4 i). In a backward pass the gradients of one layer's are there as well. In
bfloat16 all but the norms' inputs are half as large, and autocast keeps a copy of the weights. With recomputation
(`gradient_checkpointing`) the input of each layer is kept, h, and one layer's tensors at a time.

Sharding divides: FSDP2 and ZeRO 3 weights, gradients and moments; ZeRO 2 gradients and moments; ZeRO 1 moments. ZeRO
adds a second copy of the trained weights, divided. Not counted: the interpreter and its libraries (about 0.6 GiB on a
CPU, a CUDA context on a GPU), what the allocator leaves unused, and what one layer of a sharded model gathers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from assay_trainers.common.configs import OptimizerConfig
from assay_trainers.common.models import Shape

When = Literal["always", "drawing", "learning"]

PASS_BYTES = 2**30
"""Of activations, in one forward and backward pass on a CPU."""


class Learns(Protocol):
    """What both trainers' configurations say of a forward and backward pass."""

    @property
    def optimizer(self) -> OptimizerConfig:
        """With `micro_batch_tokens`."""

    @property
    def dtype(self) -> str:
        """Of the arithmetic."""

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether activations are computed twice instead of kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A line of the estimate."""

    name: str
    size: float
    """Bytes in one process."""
    when: When = "always"
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Over how many processes what is divided."""

    processes: int = 1
    weights: int = 1
    gradients: int = 1
    moments: int = 1
    second_weights: bool = False
    """ZeRO's own copy of the trained weights, divided as the moments are."""


def split_of_launch() -> Split:
    """What `accelerate launch` said to this process. Raises what `zero_settings` raises."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Split()
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        return Split(processes=count, weights=count, gradients=count, moments=count)
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "").lower() == "true":
        from assay_trainers.common.zero import zero_settings

        stage = zero_settings()["stage"]
        return Split(
            processes=count,
            weights=count if stage == 3 else 1,
            gradients=count if stage >= 2 else 1,
            moments=count,
            second_weights=True,
        )
    return Split(processes=count)


def trained_parameters(shape: Shape, rank: int) -> int:
    """Parameters that are trained: all, or those of adapters of a rank on every linear layer."""
    if not rank:
        return shape.parameters
    h, a, k, i = shape.hidden, shape.queries, shape.keys, shape.inner
    ends = (h + a) + 2 * (h + k) + (a + h) + 2 * (h + i) + (i + h)
    return shape.layers * rank * ends


def fixed_parts(shape: Shape, split: Split, *, rank: int, dtype: str, reference: bool) -> list[Part]:
    """Weights, gradients, AdamW's moments, reference policy.

    Args:
        shape: Of the model.
        split: Over processes.
        rank: Of adapters; 0: every weight is trained.
        dtype: Of the arithmetic.
        reference: Whether there is a frozen copy of the policy.
    """
    trained = trained_parameters(shape, rank)
    base = shape.parameters * (2 if rank and dtype == "bfloat16" else 4) + (4 * trained if rank else 0)
    parts = [
        Part(name="weights", size=base / split.weights, note=f"{shape.parameters:,} parameters"),
        Part(name="AdamW's moments", size=8 * trained / split.moments, note=f"of {trained:,} trained parameters"),
        Part(name="gradients", size=4 * trained / split.gradients, when="learning"),
    ]
    if split.second_weights:
        parts.append(Part(name="weights, ZeRO's copy", size=4 * trained / split.moments))
    if reference:
        parts.append(Part(name="reference policy", size=4 * shape.parameters / split.weights))
    return parts


def learning_parts(
    shape: Shape, *, tokens: int, learned: int, dtype: str, recomputed: bool, sharded: bool
) -> list[Part]:
    """Activations and head of one micro-batch.

    Args:
        shape: Of the model.
        tokens: Of the micro-batch, padding included.
        learned: Of them, those that go through the head.
        dtype: Of the arithmetic.
        recomputed: Whether activations are computed twice instead of kept.
        sharded: Whether weights are; their gathered copies are in the arithmetic's precision then.
    """
    from assay_trainers.common.logprobs import CHUNK_BYTES, KEEP_BYTES

    h = shape.hidden
    layer, kept = _activations(shape, dtype=dtype, recomputed=recomputed)
    backward = layer * (2 if recomputed else 1)
    logits = 4.0 * learned * shape.vocabulary
    # Kept probabilities, and of a chunk: logits, their exponentials, their gradient.
    chunks = min(logits, KEEP_BYTES) + 3 * min(logits, CHUNK_BYTES)
    head = chunks + 4.0 * shape.vocabulary * h + 3 * 4.0 * learned * h
    parts = [
        Part(name="activations", size=float(tokens * (kept + backward)), when="learning", note=f"{tokens:,} tokens"),
        Part(name="head", size=head, when="learning", note="chunks of logits, gradient of its matrix"),
    ]
    if dtype == "bfloat16" and not sharded:
        parts.append(Part(name="weights, autocast's copy", size=2.0 * shape.parameters, when="learning"))
    return parts


def pass_tokens(config: Learns, shape: Shape, *, cpu: bool) -> int:
    """Padded tokens that go through the model at a time, at most; a single longer row does too.

    `optimizer.micro_batch_tokens`, and on a CPU what `PASS_BYTES` hold of activations: a longer one is no faster there.
    """
    limit = config.optimizer.micro_batch_tokens
    _, kept = _activations(shape, dtype=config.dtype, recomputed=config.gradient_checkpointing)
    return max(1, min(limit, PASS_BYTES // kept)) if cpu else limit


def _activations(shape: Shape, *, dtype: str, recomputed: bool) -> tuple[int, int]:
    """Bytes a token: of one layer's tensors, and of all that is kept for the backward pass."""
    h, a, k, i = shape.hidden, shape.queries, shape.keys, shape.inner
    norms, others = 4 * h, 2 * h + 3 * a + 2 * k + 4 * i
    layer = 4 * (norms + others) if dtype == "float32" else 4 * norms + 2 * others
    return layer, (4 * h if recomputed else layer) * shape.layers


def drawing_parts(shape: Shape, *, rows: int, columns: int, copy_bytes: int, cache_bytes: int) -> list[Part]:
    """What completions are drawn with, in this process.

    Args:
        shape: Of the model.
        rows: Decoded at a time.
        columns: Of prompt and completion at most.
        copy_bytes: Of a parameter in the copy of the weights that is laid out for decoding; 0: there is none.
        cache_bytes: Of one key or value.
    """
    cache = 2.0 * cache_bytes * shape.layers * shape.keys * rows * columns
    parts = [Part(name="keys and values", size=cache, when="drawing", note=f"{rows} rows × {columns:,} tokens")]
    if copy_bytes:
        parts.append(Part(name="weights laid out", size=float(copy_bytes * shape.parameters), when="drawing"))
    return parts


def most(parts: Sequence[Part]) -> float:
    """Bytes that are needed at most."""
    sums = {when: sum(part.size for part in parts if part.when == when) for when in ("always", "drawing", "learning")}
    return sums["always"] + max(sums["drawing"], sums["learning"])


def describe(parts: Sequence[Part], split: Split) -> list[str]:
    """The estimate as lines of a plan, one table."""
    each = f" in each of {split.processes} processes" if split.processes > 1 else ""
    lines = [f"memory              about {_size(most(parts))} at most{each}, beside Python and its libraries:"]
    for part in parts:
        when = "" if part.when == "always" else f"while {part.when}"
        lines.append(f"  {part.name:<25} {_size(part.size):>10}  {when:<15} {part.note}".rstrip())
    return lines


def _size(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.1f} MiB"
