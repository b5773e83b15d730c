"""A vLLM server: rollouts over HTTP, new weights through a folder that trainer and server both see.

    VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --logprobs-mode processed_logprobs \
        --worker-extension-cls assay_trainers.grpo.engines.vllm_worker.WeightReload

    rollout: {engine: vllm_server, engine_options: {url: "http://127.0.0.1:8000", folder: /dev/shm/weights}}

Requests carry token ids and get token ids with their log-probs back (`/v1/completions`). After an optimizer step the
main process writes the weights into `folder` and asks the server's workers to load them (`/collective_rpc`, a route
that vLLM serves in development mode only: keep that server inside a trusted network). Any number of trainer processes
and of server GPUs works, because nothing but a folder is shared.

A server that does not answer is asked again for about half a minute. After that the run ends with a `BackendError`
and a checkpoint: start the server and run the same command again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from pathlib import Path
from typing import Any

import httpx
import torch

from assay import BackendError, Completion, FinishReason, Sampling, TextDecoder, UsageError, did_you_mean
from assay import finish_reason_of as reason_of
from assay_trainers.grpo.engines.vllm_worker import WeightReload
from assay_trainers.grpo.engines.weights import WeightSource, write_weights
from assay_trainers.grpo.rollouts import Prompt, Rollout, sample_seed

_OPTIONS: dict[str, Any] = {"url": "", "folder": "", "concurrency": 256, "timeout": 1800.0, "api_key_env": ""}
_HOW = f"""start it with VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --logprobs-mode processed_logprobs \
--worker-extension-cls {WeightReload.__module__}.{WeightReload.__name__}"""
_TRIES = 6
_GRACE_SECONDS = 5.0
_BUSY = frozenset({429, 502, 503, 504})


class VllmServerEngine:
    """Samples from a vLLM server.

    Args:
        tokenizer: The policy's.
        weights: The policy's weights.
        end_tokens: Tokens that end a completion.
        options: `url` of the server; `folder` for the weights; `concurrency`, requests at a time; `timeout` of one
            request, in seconds; `api_key_env`, the environment variable with the server's key.
        dtype: In which the weights are written.
        folder: Where they are written if `options` has none.
        is_main: Whether this process writes them.
        agree: What went wrong here → what went wrong anywhere.

    Raises:
        UsageError: An unknown option, or no url.
        BackendError: The server does not answer.
    """

    holds_weights = True

    def __init__(
        self,
        tokenizer: Any,
        weights: WeightSource,
        *,
        end_tokens: frozenset[int],
        options: Mapping[str, Any],
        dtype: torch.dtype,
        folder: Path,
        is_main: bool = True,
        agree: Callable[[str], str] = lambda problem: problem,
    ) -> None:
        for name in options:
            if name not in _OPTIONS:
                raise UsageError(
                    f"rollout.engine_options has no field {name!r} for vllm_server. "
                    + did_you_mean(name, list(_OPTIONS))
                )
        chosen = {**_OPTIONS, **options}
        if not str(chosen["url"]).startswith(("http://", "https://")):
            raise UsageError(
                "rollout.engine is vllm_server: give rollout.engine_options.url, such as http://127.0.0.1:8000"
            )
        self.url = str(chosen["url"]).rstrip("/").removesuffix("/v1")
        self._folder = Path(str(chosen["folder"]) or folder).expanduser().resolve() / "weights"
        self._tokenizer, self._weights, self._end, self._dtype = tokenizer, weights, sorted(end_tokens), dtype
        self._is_main, self._agree = is_main, agree
        self._workers = int(chosen["concurrency"])
        headers = {}
        if chosen["api_key_env"]:
            headers["Authorization"] = f"Bearer {os.environ.get(str(chosen['api_key_env']), '')}"
        self._client = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx.Timeout(float(chosen["timeout"]), connect=10.0),
            limits=httpx.Limits(max_connections=self._workers),
            trust_env=False,  # a proxy for the internet is not for a server of ours
        )
        self._closed = False
        self._threads: ThreadPoolExecutor | None = None
        self._asked: list[Future[Completion]] = []
        try:
            self._model = str(self._ask("GET", "/v1/models")["data"][0]["id"])
        except BaseException:
            self.close()
            raise

    def generate(self, prompts: Sequence[Prompt], *, samples: int, sampling: Sampling) -> Iterator[Rollout]:
        """See `RolloutEngine.generate`."""
        decoder = TextDecoder(self._tokenizer, sampling.stop)
        threads = self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="assay-vllm")
        try:
            waiting: dict[Future[Completion], tuple[Prompt, int]] = {
                threads.submit(self._complete, prompt, index, sampling, decoder): (prompt, index)
                for prompt in prompts
                for index in range(samples)
            }
            self._asked = list(waiting)
            for future in as_completed(waiting):
                prompt, index = waiting[future]
                yield Rollout(prompt=prompt, sample_index=index, completion=future.result())
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def sync(self) -> None:
        """Write the policy's weights, and have the server's workers load them."""
        problem = ""
        if self._is_main:
            try:
                self._hand_over()
            except BackendError as error:
                problem = str(error)
        else:
            for _ in self._weights():
                pass
        if problem := self._agree(problem):
            raise BackendError(problem)

    def _hand_over(self) -> None:
        try:
            count = write_weights(self._folder, self._weights(), dtype=self._dtype)
        except OSError as error:
            raise BackendError(
                f"cannot write the weights for the vLLM server into {self._folder}: {error}. "
                "rollout.engine_options.folder names another place"
            ) from error
        asked = {"method": "assay_load_folder", "args": [str(self._folder)]}
        answer = self._ask("POST", "/collective_rpc", json=asked).get("results", [])
        if {str(loaded) for loaded in answer} != {str(count)}:
            raise BackendError(f"the vLLM server at {self.url} loaded {answer} tensors of {count}: {_HOW}")
        self._ask("POST", "/reset_prefix_cache")

    def close(self) -> None:
        """Close the connections, and wait for the requests that still use them to notice."""
        self._closed = True
        wait(self._asked, timeout=_GRACE_SECONDS)  # a connection that is closed while it opens would be lost
        self._client.close()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _complete(self, prompt: Prompt, index: int, sampling: Sampling, decoder: TextDecoder) -> Completion:
        asked = {
            "model": self._model,
            "prompt": list(prompt.token_ids),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            # A server fills what is missing from the model's generation_config.json.
            "top_p": sampling.top_p,
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "seed": sample_seed(sampling.seed, prompt, index),
            "stop": list(sampling.stop) or None,
            "stop_token_ids": self._end,
            "logprobs": 0,
            "return_token_ids": True,
        }
        choice = self._ask("POST", "/v1/completions", json=asked)["choices"][0]
        if choice.get("token_ids") is None or not choice.get("logprobs"):
            raise BackendError(
                f"the server at {self.url} sends no token ids or no log-probs: rollouts need vLLM 0.10.2 or newer"
            )
        ids = tuple(int(token) for token in choice["token_ids"])
        text, _ = decoder.finish(ids)
        reason = reason_of(choice["finish_reason"])
        return Completion(
            text=text,
            finish_reason=reason,
            num_tokens=len(ids),
            token_ids=ids,
            logprobs=tuple(float(value) for value in choice["logprobs"]["token_logprobs"]),
            prefill=prompt.prefill,
            error=f"vLLM ended it with {choice['finish_reason']!r}" if reason is FinishReason.ERROR else None,
        )

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The JSON of an answer; {} where it has no body."""
        from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        tries = Retrying(
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(max=16),
            retry=retry_if_exception_type((httpx.TransportError, _BusyError)),
        )
        try:
            return tries(self._ask_once, method, path, **options)
        except RetryError as error:
            reason = error.last_attempt.exception()
            raise BackendError(
                f"the vLLM server at {self.url} does not answer ({type(reason).__name__}: {reason}). Start it again "
                f"and run the same command: the run goes on from its last checkpoint. If it never ran, {_HOW}"
            ) from error

    def _ask_once(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if self._closed:
            raise BackendError("the run has ended")
        answer = self._client.request(method, path, **options)
        if answer.status_code in _BUSY:
            raise _BusyError(f"status {answer.status_code}")
        if answer.is_error:
            said = " ".join(answer.text.split())[:300]
            remedy = f": {_HOW}" if path not in ("/v1/completions", "/v1/models") else ""
            raise BackendError(f"the vLLM server at {self.url} refuses {path} ({answer.status_code} {said}){remedy}")
        return dict(answer.json()) if answer.content else {}


class _BusyError(Exception):
    """The server, or a proxy before it, says to come again."""
