"""`AssayLM`: any backend of ours as a model of lm-eval.

    lm_eval.simple_evaluate(model=AssayLM(backend="hf:./checkpoint"), tasks=["gsm8k"], apply_chat_template=True)

The n repeats of a row reach a model as n equal requests in one call. Each gets a seed of its own here, derived from the
task, the row and its number among the equal ones, so that they are n different samples and the same ones next time.
With `--apply_chat_template` the conversation comes through as messages, and the backend applies its own template and
its `<think>` prefill; without it, the text is sent raw. lm-eval must not be given `--use_cache`: its key has no repeat
index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.model import LM
from lm_eval.api.registry import model_registry, register_model

from assay.contracts import Backend, ScoringBackend
from assay.errors import BackendError, UsageError
from assay.plugins import open_backend
from assay.reasoning import split_completion
from assay.types import Completion, Continuation, FinishReason, Message, Request, Sampling

NAME = "assay"


def register() -> None:
    """Make `--model assay` known to lm-eval in this process. Safe to call twice."""
    if NAME not in model_registry:
        register_model(NAME)(AssayLM)


class Conversation(str):
    """A conversation on its way through lm-eval, which takes it for a rendered prompt."""

    __slots__ = ("messages",)
    messages: tuple[Message, ...]

    @classmethod
    def of(cls, history: Sequence[Mapping[str, Any]]) -> Conversation:
        """Keep a chat history; as a text it reads as JSON."""
        kept = cls(json.dumps(list(history), ensure_ascii=False))
        kept.messages = tuple(Message(role=turn["role"], content=turn["content"]) for turn in history)
        return kept


class AssayLM(LM):  # type: ignore[misc]  # lm-eval ships no types
    """A backend as a model of lm-eval.

    Args:
        backend: A URL such as "hf:./checkpoint" or "openai:http://HOST/v1#MODEL", or an open backend.
        think: "strip" hands on what follows the reasoning (nothing where it was never closed); "keep" the whole turn.
        max_gen_toks: Tokens to generate where a task does not say.
        seed: Base of all seeds.
        batch_size: lm-eval's, ignored, as are `max_batch_size` and `device`, which it always gives: backends find
            theirs out, and `backend_batch_size` and `backend_device` set them.
        options: Options of the backend.

    Raises `UsageError` for an option that nobody knows.
    """

    def __init__(
        self,
        backend: str | Backend,
        think: str = "strip",
        max_gen_toks: int = Sampling().max_tokens,
        seed: int = 0,
        batch_size: Any = None,  # noqa: ARG002
        max_batch_size: Any = None,  # noqa: ARG002
        device: Any = None,  # noqa: ARG002
        **options: Any,
    ) -> None:
        super().__init__()
        if think not in ("strip", "keep"):
            raise UsageError(f"the model assay: think is strip or keep, got {think!r}")
        given = {name.removeprefix("backend_"): value for name, value in options.items()}
        if not isinstance(backend, str) and given:
            raise UsageError(f"the model assay: {', '.join(given)} cannot be set on a backend that is already open")
        self.backend = open_backend(backend, **given) if isinstance(backend, str) else backend
        self._think = think
        self._max_tokens = max_gen_toks
        self._seed = seed

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:  # noqa: ARG002
        """The answers, in order. Raises `BackendError` where one cannot be had: lm-eval would take it for an answer."""
        seen: dict[tuple[Any, ...], int] = {}
        groups: dict[str, tuple[Sampling, list[int], list[Request]]] = {}
        for number, request in enumerate(requests):
            context, settings = request.args[:2]
            row = (request.task_name, request.doc_id, request.idx)
            seen[row] = repeat = seen.get(row, -1) + 1
            sampling = self._sampling(settings)
            group = groups.setdefault(repr(sampling), (sampling, [], []))
            group[1].append(number)
            group[2].append(self._request(context, row, repeat))
        texts: dict[str, str] = {}
        for sampling, _, asked in groups.values():
            for generated in self.backend.generate(asked, sampling):
                texts[generated.request.key] = self._text(generated.completion)
        answers = [""] * len(requests)
        for _, numbers, asked in groups.values():
            for number, one in zip(numbers, asked, strict=True):
                answers[number] = texts[one.key]
        return answers

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:  # noqa: ARG002
        """Log-likelihoods, in order. Raises `UsageError` where the backend cannot score."""
        if not isinstance(self.backend, ScoringBackend):
            raise UsageError(f"the backend {self.backend.url} cannot say how probable a text is: use hf:MODEL")
        pairs = [Continuation(context=self._rendered(request.args[0]), text=request.args[1]) for request in requests]
        return [(answer.logprob, answer.greedy) for answer in self.backend.loglikelihood(pairs)]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:  # noqa: ARG002
        """Not offered: raises `UsageError`."""
        raise UsageError("the model assay measures no rolling perplexity: use lm-eval's own model hf")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:  # noqa: ARG002
        """The conversation, to be rendered by the backend."""
        return Conversation.of(chat_history)

    def chat_template(self, chat_template: bool | str = False) -> str:  # noqa: ARG002
        """For lm-eval's records: the backend has its own."""
        return ""

    @property
    def tokenizer_name(self) -> str:
        """For lm-eval's keys: what decides the completions."""
        return self.backend.fingerprint

    def get_model_info(self) -> dict[str, str]:
        """For lm-eval's results."""
        return {"assay_backend": self.backend.url, "assay_fingerprint": self.backend.fingerprint}

    def _sampling(self, settings: Mapping[str, Any]) -> Sampling:
        until = settings.get("until") or []
        greedy = not settings.get("do_sample", float(settings.get("temperature", 0) or 0) > 0)
        return Sampling(
            temperature=0.0 if greedy else float(settings.get("temperature", 1.0)),
            top_p=1.0 if greedy else float(settings.get("top_p", 1.0)),
            max_tokens=int(settings.get("max_gen_toks", self._max_tokens)),
            stop=tuple(text for text in ([until] if isinstance(until, str) else until) if text),
        )

    def _request(self, context: str, row: tuple[Any, ...], repeat: int) -> Request:
        task, doc, part = row
        key = hashlib.sha256(json.dumps([self._seed, task, doc, part, repeat]).encode()).hexdigest()[:32]
        prompt: tuple[Message, ...] | str = str(context)
        prefill = ""
        if isinstance(context, Conversation):
            prompt, prefill = context.messages, self.backend.resolve_prefill("auto")
            if prompt[-1].role == "assistant":  # the task begins the answer
                prompt, prefill = prompt[:-1], prompt[-1].content
        return Request(
            key=key,
            prompt=prompt,
            seed=int(key[:8], 16) >> 1,
            prefill=prefill,
            problem_id=f"{task}/{doc}",
            sample_index=repeat,
        )

    def _rendered(self, context: str) -> str:
        if not isinstance(context, Conversation):
            return context
        rendered = self.backend.render(Request(key="", prompt=context.messages, seed=0))
        if rendered is None:
            raise UsageError(f"only the server behind {self.backend.url} knows its chat template: leave it out")
        return rendered

    def _text(self, completion: Completion) -> str:
        if completion.finish_reason is FinishReason.ERROR:
            raise BackendError(f"the backend {self.backend.url} failed: {completion.error}")
        if self._think == "keep":
            return completion.prefill + completion.text
        return split_completion(completion).answer or ""
