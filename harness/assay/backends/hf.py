"""The `hf` backend: a model of transformers in this process, on a CPU or one GPU.

    hf:./checkpoint-500    hf:Qwen/Qwen2.5-Math-1.5B    hf:./SmolLM2-135M-Instruct.Q4_1.gguf

Opening finds the files and checks the options; the tokenizer is loaded when a prompt is first rendered and
the weights when something is first generated, so that a run with nothing left to do loads neither. Decoding
itself is `assay.backends.torch_decode`. For models that need several GPUs, use the `vllm` backend.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from assay.backends import options as opt
from assay.backends.checkpoint import Checkpoint, find_checkpoint, model_url
from assay.backends.fingerprint import fingerprint_files
from assay.backends.prompting import Prompter, check_sampling, encode_requests, preflight_warnings
from assay.backends.swapping import safetensors_files, swap_target
from assay.errors import AssayError, BackendError, UsageError
from assay.types import Completion, Continuation, Generated, LogLikelihood, Request, Sampling

if TYPE_CHECKING:
    from assay.backends.torch_decode.loop import DecodeLoop, Finished

_log = logging.getLogger("assay.backends.hf")
_PARSERS: dict[str, opt.Parser] = {
    "dtype": opt.one_of("auto", "float32", "bfloat16", "float16"),
    "device": opt.text,
    "batch_size": opt.int_or_auto,
    "max_batch_tokens": opt.int_or_auto,
    "revision": opt.text,
    "gguf_file": opt.text,
    "chat_template": opt.boolean,
    "trust_remote_code": opt.boolean,
    "threads": opt.positive_int,
}
_AUTO_BATCH = {"cpu": 32, "gpu": 256}
"""Beyond it a step takes longer in proportion: the hardware's arithmetic is busy."""
_PREFILL_TOKENS = {"cpu": 4096, "gpu": 16384}
"""Large enough to keep the hardware busy, small enough that activations stay a fraction of the cache."""

_MOST_LOGITS = 2**28
"""Numbers in the logits of one forward pass that scores texts: a gigabyte in float32."""


def open_hf(source: str, options: Mapping[str, Any]) -> HfBackend:
    """Open a folder, a GGUF file or a hub id.

    Raises:
        UsageError: No such path, an unknown option, or a value out of range.
        BackendError: transformers is not installed, or the model cannot be had.
    """
    parsed = opt.read_options("hf", options, _PARSERS)
    _require_transformers()
    checkpoint = find_checkpoint(source, revision=parsed.get("revision"), gguf_file=parsed.get("gguf_file"))
    return HfBackend(model_url("hf", source, parsed.get("revision")), checkpoint, parsed)


class HfBackend:
    """A model of transformers as a backend; build it with `open_hf`."""

    def __init__(self, url: str, checkpoint: Checkpoint, options: Mapping[str, Any]) -> None:
        self.url = url
        self._checkpoint = checkpoint
        self._options = options
        self._loop: DecodeLoop | None = None
        self._loaded: Checkpoint | None = None
        """Whose weights the loop's model holds; after `swap`, not those of `_checkpoint` until it is next used."""
        self.swaps = 0
        """Times that weights were read into a model that was there."""

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, tokenizer, dtype and chat template; the hardware and batch size are left out."""
        settings = {"backend": "hf", "dtype": self._dtype_name, "chat_template": self._prompter.template}
        return fingerprint_files(self._checkpoint.files, settings)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generated]:
        """Complete every request once, each as soon as it is done. See `Backend.generate`."""
        from assay.backends.torch_decode.loop import Job

        check_sampling(sampling)
        loop = self._load()
        encoded = encode_requests(self._prompter, requests, context=loop.context)
        jobs = []
        for number, (request, prompt) in enumerate(zip(requests, encoded, strict=True)):
            if prompt.failed is None:
                jobs.append(Job(number=number, ids=prompt.ids, seed=request.seed))
            else:
                yield Generated(request=request, completion=prompt.failed)
        for finished in loop.run(jobs, sampling):
            number = finished.job.number
            yield Generated(request=requests[number], completion=_completion(finished, encoded[number].prefill))

    def loglikelihood(self, pairs: Sequence[Continuation]) -> list[LogLikelihood]:
        """The log-likelihood of each continuation after its context; see `ScoringBackend`."""
        from assay.backends.torch_decode.likelihood import loglikelihoods

        loop = self._load()
        return loglikelihoods(
            loop.model,
            self._tokenizer,
            pairs,
            context=loop.context,
            batch_size=loop.batch_size,
            # Unlike reading a prompt, this needs the logits of every token: a float for each word of the vocabulary.
            max_tokens=max(1, min(loop.prefill_tokens, _MOST_LOGITS // len(self._tokenizer))),
        )

    def render(self, request: Request) -> str:
        """The exact text that the model continues, prefill included."""
        return self._prompter.render(request).text

    def preflight(self, requests: Sequence[Request], sampling: Sampling) -> Iterable[str]:
        """Warnings about requests like these. Raises `UsageError` for sampling that cannot work."""
        check_sampling(sampling)
        return list(preflight_warnings(self._prompter, requests, sampling, context=self._context))

    def resolve_prefill(self, prefill: str) -> str:
        """The text for "auto", "none" or a text; see `Prompter.resolve_prefill`."""
        return self._prompter.resolve_prefill(prefill)

    def swap(self, url: str) -> bool:
        """Become another checkpoint of the same model; see `assay.backends.swapping`."""
        target = swap_target(self._checkpoint, "hf", url, self._options)
        if target is None:
            return False
        self._checkpoint, self.url = target, url
        self.__dict__.pop("fingerprint", None)
        return True

    def close(self) -> None:
        """Free the model. Safe to call twice; a later `generate` loads it again."""
        self._loop = self._loaded = None
        gc.collect()
        if "_device" in self.__dict__ and self._device.type == "cuda":
            import torch

            torch.cuda.empty_cache()

    @cached_property
    def _device(self) -> Any:
        import torch

        name = self._options.get("device", "auto")
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        try:
            device = torch.device(name)
        except RuntimeError as error:
            raise UsageError(
                f"option device of the hf backend: {name!r} is no device; try cpu, cuda or cuda:1"
            ) from error
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise UsageError(
                f"device={name}: this machine has {torch.cuda.device_count()} CUDA devices that torch sees"
            )
        if device.type == "mps" and not torch.backends.mps.is_available():
            raise UsageError("device=mps: torch sees no Apple GPU here")
        return device

    @cached_property
    def _dtype_name(self) -> str:
        asked = self._options.get("dtype", "auto")
        if asked != "auto":
            return str(asked)
        if self._device.type == "cpu":
            return "float32"  # bfloat16 is several times slower on CPUs without AVX-512
        config = self._checkpoint.config()
        name = config.get("dtype") or config.get("torch_dtype") or (config.get("text_config") or {}).get("dtype")
        return name if name in ("float32", "bfloat16", "float16") else "bfloat16"

    @cached_property
    def _context(self) -> int | None:
        if self._loop is not None:
            return self._loop.context
        config = self._checkpoint.config()
        return _context_of(config.get("text_config") or config)

    @cached_property
    def _prompter(self) -> Prompter:
        return Prompter(self._tokenizer, use_template=self._options.get("chat_template"))

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        with _loading(self._checkpoint, "tokenizer"):
            return AutoTokenizer.from_pretrained(self._checkpoint.folder, **self._load_arguments())

    def _load_arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"trust_remote_code": self._options.get("trust_remote_code", False)}
        # Everything is in the folder by now: nothing may ask the hub again.
        arguments["local_files_only"] = True
        if self._checkpoint.gguf_file:
            arguments["gguf_file"] = self._checkpoint.gguf_file
        return arguments

    def _load(self) -> DecodeLoop:
        if self._loop is not None and (self._loaded == self._checkpoint or self._take_weights(self._loop)):
            return self._loop
        import torch
        from transformers import AutoModelForCausalLM

        from assay.backends.torch_decode.loop import DecodeLoop
        from assay.backends.torch_decode.stops import eos_ids

        if threads := self._options.get("threads"):
            torch.set_num_threads(threads)
        dtype = getattr(torch, self._dtype_name)
        with _loading(self._checkpoint, "weights"):
            model = AutoModelForCausalLM.from_pretrained(self._checkpoint.folder, dtype=dtype, **self._load_arguments())
            model = model.to(self._device).eval()
        kind = "cpu" if self._device.type == "cpu" else "gpu"
        config = model.config.get_text_config(decoder=True)
        self._loop = DecodeLoop(
            model,
            self._tokenizer,
            eos_ids=eos_ids(model, self._tokenizer),
            context=_context_of(config.to_dict()),
            batch_size=self._options.get("batch_size") or _AUTO_BATCH[kind],
            max_batch_tokens=self._options.get("max_batch_tokens") or _affordable_tokens(config, dtype, self._device),
            prefill_tokens=_PREFILL_TOKENS[kind],
        )
        self._loaded = self._checkpoint
        return self._loop

    def _take_weights(self, loop: DecodeLoop) -> bool:
        """Read the weights of the checkpoint swapped to into the model that is there; False where it must go."""
        from assay.backends.torch_decode.weights import load_into

        taken = False
        try:
            taken = load_into(loop.model, safetensors_files(self._checkpoint.folder))
        finally:
            if not taken:
                self.close()  # before another is loaded, or because it holds weights of two checkpoints
        if taken:
            self._loaded = self._checkpoint
            self.swaps += 1
        return taken


def _require_transformers() -> None:
    import importlib.util

    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise BackendError(f"the hf backend needs {package}, which is not installed: pip install 'assay[hf]'")


@contextlib.contextmanager
def _loading(checkpoint: Checkpoint, what: str) -> Iterator[None]:
    """Load quietly, and say what failed in one sentence."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        # The bar over GGUF tensors has no switch of its own.
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except AssayError:
        raise
    except Exception as error:  # broken files make transformers raise nearly anything
        line = " ".join(str(error).split())[:400]
        raise BackendError(f"cannot load the {what} of {checkpoint.source}: {type(error).__name__}: {line}") from error
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _context_of(config: Mapping[str, Any]) -> int | None:
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _affordable_tokens(config: Any, dtype: Any, device: Any) -> int:
    """How many tokens of cache fit into the memory that is free now."""
    heads = getattr(config, "num_key_value_heads", None) or getattr(config, "num_attention_heads", 1)
    size = getattr(config, "head_dim", None) or config.hidden_size // max(1, getattr(config, "num_attention_heads", 1))
    per_token = 2 * config.num_hidden_layers * heads * size * dtype.itemsize
    if device.type == "cuda":
        import torch

        free = int(torch.cuda.mem_get_info(device)[0] * 0.8)
    else:
        # Half: other programs live here too, and a CPU process that takes too much is killed, not told.
        free = _free_memory() // 2
    return max(1024, int(free // per_token))


def _free_memory() -> int:
    """Bytes that this process may still take; 8 GiB where the system does not say."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    free = int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 8 * 2**30
    try:
        with (
            open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit,
            open("/sys/fs/cgroup/memory.current", encoding="ascii") as used,
        ):
            left = int(limit.read()) - int(used.read())
            return min(free, left)
    except (OSError, ValueError):  # no cgroup, or no limit ("max")
        return free


def _completion(finished: Finished, prefill: str) -> Completion:
    return Completion(
        text=finished.text,
        finish_reason=finished.finish_reason,
        num_tokens=len(finished.token_ids),
        token_ids=finished.token_ids,
        logprobs=finished.logprobs,
        prefill=prefill,
        error=finished.error,
    )
