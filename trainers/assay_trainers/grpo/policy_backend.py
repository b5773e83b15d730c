"""The policy that is being trained, as a backend: `assay.evaluate` then measures it like any other model.

Completions come from the run's own rollout engine, so no second copy of the weights is needed and what is measured is
what is trained. Seeds depend on the problem and the sample's index, not on the weights: two evaluations of one run
throw the same dice, and the same weights always give the same completions.

With several processes the main one evaluates and the others help to generate (`serve`): requests are dealt out in
chunks, so that all of them generate at the same time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from assay import Completion, FinishReason, Generated, Message, Problem, Prompter, Request, Sampling
from assay_trainers.common.sharding import gather
from assay_trainers.common.stopping import StopRequestedError
from assay_trainers.common.world import World
from assay_trainers.grpo.rollouts import Prompt, RolloutEngine

_CHUNK = 64
"""Requests a process, with several processes: a chunk lasts as long as its slowest completion."""
_VALUES = 1024
"""Values of each parameter that enter the fingerprint: any optimizer step moves practically all of them."""


class PolicyBackend:
    """A backend over a rollout engine.

    Args:
        engine: Draws completions with the weights of now.
        tokenizer: Of the policy.
        world: The processes.
        url: What results call this model, such as "policy:runs/math/step-000050".
        fingerprint: Of its weights.
        context: Context window in tokens; None where there is no fixed one.
        should_stop: Asked after every completion.
    """

    def __init__(
        self,
        engine: RolloutEngine,
        tokenizer: Any,
        world: World,
        *,
        url: str,
        fingerprint: str,
        context: int | None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.url, self.fingerprint = url, fingerprint
        self._engine, self._world, self._context, self._should_stop = engine, world, context, should_stop
        self._prompter = Prompter(tokenizer)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generated]:
        """See `assay.Backend.generate`. Raises `StopRequestedError` where the run was asked to stop."""
        if self._world.size == 1:
            for done in self._draw(requests, sampling):
                if self._should_stop():
                    raise StopRequestedError
                yield done
            return
        size = _CHUNK * self._world.size
        for start in range(0, len(requests), size):
            chunk = list(requests[start : start + size])
            self._world.broadcast((chunk, sampling))
            yield from self._world.gather(list(self._draw(chunk[self._world.rank :: self._world.size], sampling)))

    def serve(self) -> None:
        """Generate for the main process until it calls `dismiss`: what all other processes do meanwhile."""
        while (work := self._world.broadcast(None)) is not None:
            chunk, sampling = work
            self._world.gather(list(self._draw(chunk[self._world.rank :: self._world.size], sampling)))

    def dismiss(self) -> None:
        """End `serve` on the other processes."""
        if self._world.size > 1:
            self._world.broadcast(None)

    def render(self, request: Request) -> str:
        """The exact text that the policy continues."""
        return self._prompter.render(request).text

    def preflight(self, requests: Sequence[Request], sampling: Sampling) -> Iterable[str]:  # noqa: ARG002
        """No warnings: nobody watches a training run's evaluations begin."""
        return ()

    def resolve_prefill(self, prefill: str) -> str:
        """The text for "auto", "none" or a text."""
        return self._prompter.resolve_prefill(prefill)

    def close(self) -> None:
        """Nothing to free: the engine is the run's."""

    def _draw(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generated]:
        encoded: dict[tuple[tuple[Message, ...] | str, str], tuple[tuple[int, ...], str]] = {}
        asked: dict[str, Request] = {}
        prompts = []
        for request in requests:
            shape = (request.prompt, request.prefill)
            if shape not in encoded:
                rendered = self._prompter.render(request)
                encoded[shape] = tuple(self._prompter.encode(rendered)), rendered.prefill
            ids, prefill = encoded[shape]
            if refusal := self._refusal(len(ids)):
                completion = Completion(text="", finish_reason=FinishReason.ERROR, error=refusal, prefill=prefill)
                yield Generated(request=request, completion=completion)
                continue
            key = f"evaluation/{request.sample_index}"
            problem = Problem(id=request.problem_id, prompt=())
            prompts.append(Prompt(problem=problem, token_ids=ids, prefill=prefill, key=key))
            asked[f"{key}/{request.problem_id}"] = request
        with self._world.autocast():
            for rollout in self._engine.generate(prompts, samples=1, sampling=sampling):
                name = f"{rollout.prompt.key}/{rollout.prompt.problem.id}"
                yield Generated(request=asked[name], completion=rollout.completion)

    def _refusal(self, length: int) -> str:
        if not length:
            return "the prompt is empty: it has no tokens"
        if self._context is not None and length >= self._context:
            return f"the prompt has {length} tokens and does not fit the model's context window of {self._context}"
        return ""


def weights_fingerprint(model: Any, *settings: str) -> str:
    """SHA-256 over evenly spread values of every parameter, and whatever else decides the completions.

    The same weights have the same fingerprint wherever they lie, so that a run that resumes finds its evaluations.
    All processes call it together, where parameters are sharded.
    """
    digest = hashlib.sha256("\x1f".join(settings).encode())
    for name, tensor in sorted(model.state_dict(keep_vars=True).items()):
        flat = gather(tensor).reshape(-1)
        places = spread(len(flat)).to(flat.device)
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(flat[places].to("cpu", torch.float64).numpy().tobytes())
    return digest.hexdigest()


def spread(length: int) -> torch.Tensor:
    """Evenly spread places of a tensor of that many values, `_VALUES` at most.

    In whole numbers: tens of millions are beyond float32, where a place rounded up lies outside the tensor.
    """
    count = min(length, _VALUES)
    return torch.arange(count) * length // max(1, count)
