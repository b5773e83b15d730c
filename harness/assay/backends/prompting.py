r"""Turning a request into the exact text that a model continues, and judging that text before it costs anything.

Used by every backend that applies the chat template itself (hf, vllm). Three things go wrong in practice:

*The prefill.* The R1 protocol starts the assistant's turn with "<think>\n". Older chat templates leave that
to the caller, later ones add it themselves, and a doubled tag changes the scores. So a prefill is only added
where the rendered prompt does not already end with it, and `Rendered.prefill` says what really stands there.

*The template.* Messages need one; a base model has none, and then gets the bare text, with a warning.

*The special tokens.* A rendered template holds its own begin-of-sequence token; a raw text does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.errors import BackendError, UsageError
from assay.types import Completion, FinishReason, Message, Request, Sampling

THINK = "<think>"
THINK_PREFILL = "<think>\n"
_STANDING = re.compile(r"<think>\s*(?:</think>\s*)?\Z")
"""A thought opened at the end of a prompt, or opened and closed at once (templates that switch thinking off)."""
_DOUBLED = re.compile(r"<think>\s*<think>")
_SHORT_CAP = 1024
"""Tokens below which a reasoning model is nearly always cut off before its answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A prompt as the model sees it."""

    text: str
    """The whole text, prefill included."""
    prefill: str
    """What of it stands in the assistant's turn: for `Completion.prefill`."""
    from_template: bool
    """The chat template wrote it, with its own special tokens: the tokenizer must add none."""


class Prompter:
    """Renders requests with a tokenizer of transformers (or one with its interface).

    Args:
        tokenizer: Anything with `chat_template`, `apply_chat_template`, `bos_token` and `__call__`.
        use_template: True, False, or None: wherever the tokenizer has one.

    Raises:
        UsageError: A template is asked for and the tokenizer has none.
    """

    def __init__(self, tokenizer: Any, *, use_template: bool | None = None) -> None:
        self.tokenizer = tokenizer
        template = getattr(tokenizer, "chat_template", None)
        # A tokenizer may carry several named templates; transformers then uses "default".
        template = template.get("default") if isinstance(template, dict) else template
        if use_template and not template:
            raise UsageError("chat_template=true, but the model's tokenizer has no chat template: leave the option out")
        self.template: str | None = None if use_template is False else (template or None)

    @property
    def knows_think(self) -> bool:
        """Whether the chat template mentions the think tags: a sign of a reasoning model."""
        return self.template is not None and "think>" in self.template

    def render(self, request: Request) -> Rendered:
        """The text that the model continues. Raises `BackendError` where the template refuses the messages."""
        if isinstance(request.prompt, str):
            return _with_prefill(request.prompt, request.prefill, from_template=False)
        if self.template is None:
            bare = "\n\n".join(message.content for message in request.prompt)
            return _with_prefill(bare, request.prefill, from_template=False)
        return _with_prefill(self._apply(request.prompt), request.prefill, from_template=True)

    def encode(self, rendered: Rendered) -> list[int]:
        """Token ids of a rendered prompt, with exactly one begin-of-sequence token where the model wants one."""
        bos = getattr(self.tokenizer, "bos_token", None)
        complete = rendered.from_template or bool(bos and rendered.text.startswith(bos))
        return list(self.tokenizer(rendered.text, add_special_tokens=not complete)["input_ids"])

    def resolve_prefill(self, prefill: str) -> str:
        r"""The text for "auto", "none" or a text.

        "auto" is "<think>\n" where the chat template knows the tag and does not write it itself.
        """
        if prefill == "none":
            return ""
        if prefill != "auto":
            return prefill
        if not self.knows_think:
            return ""
        return "" if _STANDING.search(self._apply((Message(role="user", content="Hello"),))) else THINK_PREFILL

    def _apply(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # the template is code of the model's author and may raise anything
            roles = ", ".join(message.role for message in messages)
            raise BackendError(
                f"the model's chat template refuses messages with the roles {roles}: {error}. "
                "Set chat_template=false to send the bare text, or change the prompt."
            ) from error
        return str(text)


def _with_prefill(base: str, wanted: str, *, from_template: bool) -> Rendered:
    match = _STANDING.search(base)
    standing = match.group() if match else ""
    added = wanted
    if standing and wanted.lstrip().startswith(THINK):
        # The thought is already open: add only what the prefill says beyond the tag.
        added = wanted.lstrip()[len(THINK) :].lstrip()
    elif not standing and wanted.strip() and base.endswith(wanted):
        standing, added = wanted, ""
    return Rendered(text=base + added, prefill=standing + added, from_template=from_template)


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A request as token ids."""

    ids: list[int]
    """Shared between requests with equal prompts: not to be changed."""
    prefill: str
    """What stands in the assistant's turn: for `Completion.prefill`."""
    failed: Completion | None
    """The completion of a prompt that cannot be completed, which says why; else None."""


def encode_requests(prompter: Prompter, requests: Sequence[Request], *, context: int | None) -> list[Encoded]:
    """The prompts of all requests, in order; the many samples of one problem are rendered and encoded once.

    Args:
        prompter: Renders and encodes.
        requests: What is asked.
        context: The model's context window in tokens, where known.

    Raises:
        BackendError: The chat template refuses the messages.
    """
    seen: dict[tuple[tuple[Message, ...] | str, str], Encoded] = {}
    for request in requests:
        shape = (request.prompt, request.prefill)
        if shape in seen:
            continue
        rendered = prompter.render(request)
        ids = prompter.encode(rendered)
        refusal = _refusal(ids, context)
        failed = None if refusal is None else failed_completion(refusal, rendered.prefill)
        seen[shape] = Encoded(ids=ids, prefill=rendered.prefill, failed=failed)
    return [seen[request.prompt, request.prefill] for request in requests]


def failed_completion(error: str, prefill: str) -> Completion:
    """The completion of a request that the backend could not complete."""
    return Completion(text="", finish_reason=FinishReason.ERROR, error=error, prefill=prefill)


def _refusal(ids: Sequence[int], context: int | None) -> str | None:
    """Why a prompt cannot be completed at all; None where it can."""
    if not ids:
        return "the prompt is empty: it has no tokens"
    if context is not None and len(ids) >= context:
        return f"the prompt has {len(ids)} tokens and does not fit the model's context window of {context}"
    return None


def check_sampling(sampling: Sampling) -> None:
    """Raise `UsageError` for parameters that no model can be sampled with."""
    if not 0.0 <= sampling.temperature <= 100.0:
        raise UsageError(f"the temperature must lie in [0, 100], got {sampling.temperature}")
    if not 0.0 < sampling.top_p <= 1.0:
        raise UsageError(f"top_p must lie in (0, 1], got {sampling.top_p}")
    if sampling.max_tokens < 1:
        raise UsageError(f"max_tokens must be at least 1, got {sampling.max_tokens}")
    if "" in sampling.stop:
        raise UsageError("a stop string is empty: it would end every completion at once")


def preflight_warnings(
    prompter: Prompter, requests: Sequence[Request], sampling: Sampling, *, context: int | None
) -> Iterator[str]:
    """Warnings about requests like these, each one sentence, judged by the first of them.

    Args:
        prompter: Renders and encodes the prompts.
        requests: What will be asked; may be empty.
        sampling: How it will be drawn.
        context: The model's context window in tokens, where known.

    Raises:
        UsageError: A stop string would end every completion before its answer.
    """
    if not requests:
        return
    rendered = prompter.render(requests[0])
    thinking = prompter.knows_think or THINK in rendered.prefill
    if _DOUBLED.search(rendered.text):
        yield (
            "the rendered prompt holds <think> twice in a row: the prompt or the prefill repeats what the chat "
            "template already writes; set the prefill to none."
        )
    if prompter.template is None and not isinstance(requests[0].prompt, str):
        yield (
            "no chat template is applied, so the model gets the bare text of the messages: right for a base model, "
            "wrong for one that was tuned to chat."
        )
    if thinking and sampling.max_tokens < _SHORT_CAP:
        yield (
            f"a cap of {sampling.max_tokens} tokens is small for a reasoning model: most completions will be cut off "
            "before their answer (the R1 reports use 32,768)."
        )
    length = len(prompter.encode(rendered))
    if context is not None and length + sampling.max_tokens > context:
        yield (
            f"the first prompt's {length} tokens and the cap of {sampling.max_tokens} exceed the model's context "
            f"window of {context}: completions will be cut off after {max(0, context - length)} tokens."
        )
    if thinking and sampling.temperature == 0:
        yield (
            "greedy decoding (temperature 0) of a reasoning model repeats itself and varies between checkpoints; the "
            "R1 reports use temperature 0.6 and top-p 0.95."
        )
    yield from stop_warnings(sampling.stop, thinking=thinking)


def stop_warnings(stop: Sequence[str], *, thinking: bool) -> Iterator[str]:
    """Warnings about stop strings that can occur inside the reasoning.

    Raises:
        UsageError: "</think>" as a stop string for a reasoning model: no completion would hold an answer.
    """
    for string in stop:
        if thinking and "</think>" in string:
            raise UsageError(
                f"the stop string {string!r} ends every completion when the reasoning ends, before the answer: "
                "remove it"
            )
        # End-of-turn markers such as "</s>" or "<|im_end|>" do not occur in reasoning.
        marker = string.startswith("<") and string.endswith(">") and not any(part.isspace() for part in string)
        if thinking and not marker:
            yield (
                f"the stop string {string!r} can occur in the reasoning and would cut it short there; reasoning models "
                "end their turn themselves, so leave it out."
            )
        elif not string.strip():
            yield f"the stop string {string!r} is white space, which occurs in nearly every completion."
