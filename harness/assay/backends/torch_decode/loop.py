"""Continuous batching: rows enter when there is room, and leave the moment they finish.

Prompts are read longest first, so the first batch decides the memory and later rows fit. Samples of one prompt
share one reading of it. A row draws from a generator of its own, seeded by its job, so what it says does not
depend on its neighbours (up to float noise). When memory runs out, rows are put back with the tokens that they
have: reading prompt and tokens again continues them where they stopped.

Not covered: several GPUs (use vLLM), speculative decoding, beam search.
"""

from __future__ import annotations

import inspect
import logging
import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from assay.backends.text import TextDecoder
from assay.backends.torch_decode.cache import BatchCache, Prefill, room_for
from assay.backends.torch_decode.packing import Precision, lighter
from assay.backends.torch_decode.sampling import draw
from assay.errors import BackendError
from assay.types import FinishReason, Sampling

_log = logging.getLogger("assay.backends.hf")
_MIN_CROP = 64
"""Columns of padding shared by all rows that are worth a copy of the cache to get rid of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A prompt to complete. Jobs of one prompt should share one `ids` list: it is then read once."""

    number: int
    """The caller's name for it."""
    ids: list[int]
    """Token ids of the prompt, at least one and fewer than the context window."""
    seed: int


DecodeJob = Job
"""The name under which `assay` exports it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A completed job."""

    job: Job
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: FinishReason
    error: str | None = None


@dataclass(kw_only=True, slots=True, eq=False)
class _Row:
    job: Job
    random: random.Random
    limit: int
    """Tokens that it may generate: the cap, or what the context window leaves."""
    out: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    uniform: float | None = None
    """The number for the next token, kept until that token is there: a step that runs out of memory is repeated."""

    @property
    def length(self) -> int:
        return len(self.job.ids) + len(self.out)


@dataclass(kw_only=True, slots=True)
class _Kept:
    """The last prompt that was read, for further samples of it."""

    ids: list[int]
    prefill: Prefill
    logits: torch.Tensor  # (1, V)


class DecodeLoop:
    """Runs jobs through a model.

    Args:
        model: A causal language model of transformers in evaluation mode.
        tokenizer: Its tokenizer.
        eos_ids: Tokens that end a completion.
        context: Context window in tokens; None where the model has no fixed one.
        batch_size: Rows at a time at most.
        max_batch_tokens: Rows times columns of the cache at most.
        prefill_tokens: Prompt tokens, padding included, read in one forward pass at most (one prompt always is).
        precision: Decode with copies of the weights, made anew by every `run`, that are faster to read: "float32" or
            "bfloat16"; see `packing`. None: with the weights as they lie.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        eos_ids: frozenset[int],
        context: int | None,
        batch_size: int,
        max_batch_tokens: int,
        prefill_tokens: int,
        precision: Precision | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.eos_ids = eos_ids
        self.context = context
        self.batch_size = batch_size
        self.max_batch_tokens = max_batch_tokens
        self.prefill_tokens = prefill_tokens
        self.device = model.device
        self.precision = precision
        accepted = inspect.signature(model.forward).parameters
        # Without it the logits of every prompt position are computed: gigabytes at a vocabulary of 150,000.
        self._last_logits = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self._cache_name = "cache" if "cache" in accepted else "past_key_values"  # renamed in transformers 5.24
        self.steps = 0
        """Decoding steps so far: forward passes with one new token a row."""
        self.prompts_read = 0
        self.put_back = 0
        """Times that a row was put back for want of memory."""

    def run(self, jobs: Sequence[Job], sampling: Sampling) -> Iterator[Finished]:
        """Complete the jobs, each as soon as it is done. Raises `BackendError` when one row is too many for memory."""
        first_seen: dict[int, int] = {}
        for place, job in enumerate(jobs):
            first_seen.setdefault(id(job.ids), place)
        ordered = sorted(jobs, key=lambda job: (-len(job.ids), first_seen[id(job.ids)]))
        run = _Run(self, sampling, deque(self._row(job, sampling) for job in ordered))
        with lighter(self.model, self.precision) if self.precision else nullcontext():
            while run.unfinished:
                yield from run.advance()

    def _row(self, job: Job, sampling: Sampling) -> _Row:
        room = math.inf if self.context is None else self.context - len(job.ids)
        return _Row(job=job, random=random.Random(job.seed), limit=int(min(sampling.max_tokens, room)))  # noqa: S311


class _Run:
    """The state of one call of `DecodeLoop.run`."""

    def __init__(self, loop: DecodeLoop, sampling: Sampling, queue: deque[_Row]) -> None:
        self.loop = loop
        self.sampling = sampling
        self.text = TextDecoder(loop.tokenizer, sampling.stop)
        self.queue = queue
        self.rows: list[_Row] = []
        self.cache: BatchCache | None = None
        self.kept: _Kept | None = None
        self.entering: list[_Row] = []
        """Rows that have left the queue and are not in the cache yet."""

    @property
    def unfinished(self) -> bool:
        return bool(self.queue or self.rows)

    def advance(self) -> list[Finished]:
        """Let rows in and generate one token for each; returns what finished."""
        finished: list[Finished] = []
        try:
            with torch.inference_mode():
                while self._may_admit():
                    self._admit(finished)
                if self.rows:
                    self._step(finished)
            return finished
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            message = " ".join(str(error).split())[:200]
        # Outside the handler: until it ends, the traceback keeps the failed step's tensors alive.
        self._recover(message)
        return finished

    def _may_admit(self) -> bool:
        if not self.queue:
            return False
        if not self.rows:
            return True
        if self.cache is None or not self.cache.growable:
            return False
        free = self.loop.batch_size - len(self.rows)
        # A few places at once: each entry costs a forward pass, whatever its size.
        if free < min(len(self.queue), max(1, self.loop.batch_size // 8)):
            return False
        columns = room_for(max(self.cache.length, self.queue[0].length))
        return (len(self.rows) + 1) * columns <= self.loop.max_batch_tokens

    def _next_group(self) -> list[_Row]:
        """Take rows off the queue that enter together: as many as batch, memory and one forward pass allow."""
        longest = max(self.queue[0].length, self.cache.length if self.cache else 0)
        fits = self.loop.max_batch_tokens // room_for(longest) - len(self.rows)
        most = max(1, min(self.loop.batch_size - len(self.rows), fits))
        group: list[_Row] = []
        prompts: set[int] = set()
        width = 0
        while self.queue and len(group) < most:
            row = self.queue[0]
            prompt = id(row) if row.out else id(row.job.ids)
            if group and self._reuses(group[0]) and not self._reuses(row):
                break
            width = max(width, row.length)
            if group and prompt not in prompts and (len(prompts) + 1) * width > self.loop.prefill_tokens:
                break
            prompts.add(prompt)
            group.append(self.queue.popleft())
        return group

    def _reuses(self, row: _Row) -> bool:
        return self.kept is not None and not row.out and row.job.ids is self.kept.ids

    def _admit(self, finished: list[Finished]) -> None:
        group = self.entering = self._next_group()
        prefill, logits, sources = self._read(group)
        self._extend(group, logits, finished)
        staying = [(row, source) for row, source in zip(group, sources, strict=True) if row in self.entering]
        if staying:
            places = [source for _, source in staying]
            need = len(self.rows) + len(staying)
            columns = room_for(max(prefill.length, self.cache.length if self.cache else 0))
            wanted = min(self.loop.batch_size, need + len(self.queue), self.loop.max_batch_tokens // columns)
            if self.cache is None:
                self.cache = BatchCache(prefill, places, row_room=max(need, wanted))
            else:
                self.cache.append(prefill, places, row_room=max(need, wanted))
            self.rows += [row for row, _ in staying]
        self.entering = []

    def _read(self, group: list[_Row]) -> tuple[Prefill, torch.Tensor, list[int]]:
        """Read the group's prompts: their cache, the next token's logits (rows, V), each row's place in the cache."""
        if self.kept is not None and self._reuses(group[0]):
            return self.kept.prefill, self.kept.logits.expand(len(group), -1), [0] * len(group)
        self.kept = None
        places: dict[int, int] = {}
        unique: list[list[int]] = []
        sources = []
        for row in group:
            prompt = id(row) if row.out else id(row.job.ids)
            if prompt not in places:
                places[prompt] = len(unique)
                unique.append(row.job.ids + row.out)
            sources.append(places[prompt])
        width = max(len(ids) for ids in unique)
        padded = torch.tensor([[0] * (width - len(ids)) + ids for ids in unique], device=self.loop.device)
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in unique], device=self.loop.device)
        output = self.loop.model(
            input_ids=padded,
            attention_mask=mask if len({len(ids) for ids in unique}) > 1 else None,
            position_ids=(mask.cumsum(dim=-1) - 1).clamp(min=0),
            use_cache=True,
            **{self.loop._cache_name: DynamicCache(config=self.loop.model.config)},
            **self.loop._last_logits,
        )
        self.loop.prompts_read += len(unique)
        prefill = Prefill(getattr(output, self.loop._cache_name))
        logits = output.logits[:, -1]
        if self.queue and prefill.growable and not group[-1].out and self.queue[0].job.ids is group[-1].job.ids:
            last = sources[-1]
            ids = group[-1].job.ids
            self.kept = _Kept(ids=ids, prefill=prefill.keep(last, len(ids)), logits=logits[last : last + 1].clone())
        return prefill, logits[torch.tensor(sources, device=logits.device)], sources

    def _step(self, finished: list[Finished]) -> None:
        cache = self._with_room()
        rows, device = self.rows, self.loop.device
        pads = [cache.length - (row.length - 1) for row in rows]  # the last token is not in the cache yet
        numbers = torch.tensor([[row.out[-1] for row in rows], [row.length - 1 for row in rows], pads], device=device)
        mask = None
        if any(pads):
            columns = torch.arange(cache.length + 1, device=device)
            mask = (columns[None, :] >= numbers[2][:, None]).long()
        output = self.loop.model(
            input_ids=numbers[0][:, None],
            attention_mask=mask,
            position_ids=numbers[1][:, None],
            use_cache=True,
            **{self.loop._cache_name: cache.cache},
        )
        cache.length += 1
        self.loop.steps += 1
        gone = self._extend(rows, output.logits[:, -1], finished)
        if gone:
            self._remove(gone)

    def _extend(self, rows: list[_Row], logits: torch.Tensor, finished: list[Finished]) -> list[int]:
        """Draw a token for each row; returns the places of rows that it ended, which are now in `finished`."""
        wide = torch.float32 if logits.device.type == "mps" else torch.float64
        for row in rows:
            row.uniform = row.random.random() if row.uniform is None else row.uniform
        uniforms = torch.tensor([row.uniform for row in rows], dtype=wide, device=logits.device)
        tokens, logprobs = draw(logits, uniforms, temperature=self.sampling.temperature, top_p=self.sampling.top_p)
        gone = []
        for place, (row, token, logprob) in enumerate(zip(rows, tokens.tolist(), logprobs.tolist(), strict=True)):
            result = self._append(row, token, logprob)
            if result is not None:
                finished.append(result)
                gone.append(place)
        if self.entering:
            ended = {id(rows[place]) for place in gone}
            self.entering = [row for row in rows if id(row) not in ended]
        return gone

    def _append(self, row: _Row, token: int, logprob: float) -> Finished | None:
        if math.isnan(logprob):
            error = f"the model's logits are not finite at generated token {len(row.out) + 1}: try dtype=float32"
            return self._finish(row, FinishReason.ERROR, error)
        row.out.append(token)
        row.logprobs.append(logprob)
        row.uniform = None
        if token in self.loop.eos_ids:
            return self._finish(row, FinishReason.STOP)
        if self.text.maybe_stopped(row.out) and self.text.finish(row.out)[1]:
            return self._finish(row, FinishReason.STOP)
        return self._finish(row, FinishReason.LENGTH) if len(row.out) >= row.limit else None

    def _finish(self, row: _Row, reason: FinishReason, error: str | None = None) -> Finished:
        text, stopped = self.text.finish(row.out)
        return Finished(
            job=row.job,
            text=text,
            token_ids=tuple(row.out),
            logprobs=tuple(row.logprobs),
            finish_reason=FinishReason.STOP if stopped and error is None else reason,
            error=error,
        )

    def _remove(self, places: list[int]) -> None:
        if len(places) == len(self.rows):
            self.rows, self.cache = [], None
            return
        assert self.cache is not None
        self.rows = [self.rows[old] for old in self.cache.remove(places)]
        shared = self._shared_padding()
        if self.cache.growable and shared > max(_MIN_CROP, self.cache.length // 8):
            self.cache.shift(-shared)

    def _shared_padding(self) -> int:
        assert self.cache is not None
        return self.cache.length - max(row.length - 1 for row in self.rows)

    def _with_room(self) -> BatchCache:
        """The cache with room for one more column, within the token budget; puts back rows where it must."""
        assert self.cache is not None
        cache = self.cache
        if not cache.growable or cache.length < cache.column_room:
            return cache
        if shared := self._shared_padding():
            cache.shift(-shared)
            return cache
        columns = room_for(cache.length + 1)
        allowed = max(1, self.loop.max_batch_tokens // columns)
        if len(self.rows) > allowed:
            # The shortest are the cheapest to read again.
            shortest = sorted(range(len(self.rows)), key=lambda place: self.rows[place].length)
            back = shortest[: len(self.rows) - allowed]
            self.loop.put_back += len(back)
            self.queue.extendleft(sorted((self.rows[place] for place in back), key=lambda row: row.length))
            self._remove(back)
            return self._with_room()
        cache.resize(rows=min(allowed, max(len(self.rows), cache.row_room)), columns=columns)
        return cache

    def _recover(self, message: str) -> None:
        """After running out of memory: put every row back and go on with half as many."""
        attempted = self.rows + self.entering
        if len(attempted) <= 1:
            raise BackendError(
                f"out of memory on {self.loop.device} with a single sample: {message}. Lower max_tokens, take a "
                "smaller dtype, or a machine with more memory."
            )
        self.loop.batch_size = len(attempted) // 2
        self.loop.put_back += len(attempted)
        _log.warning("out of memory with %d samples at a time; going on with %d", len(attempted), self.loop.batch_size)
        self.queue.extendleft(sorted(attempted, key=lambda row: row.length))
        self.rows, self.entering, self.cache, self.kept = [], [], None, None
        if self.loop.device.type == "cuda":
            torch.cuda.empty_cache()


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
