"""Does a backend keep its contract? `check_backend` asks it a few short questions and returns what is wrong.

It is meant for the tests of a plugin, with a small model or a server of one's own, and costs some dozens of short
completions:

    def test_the_backend_keeps_its_contract():
        assert assay.check_backend(assay.open_backend("mine:tiny")) == []

What is looked at is what a run relies on: every request is answered exactly once and by its own completion, the same
seeds draw the same whatever stands beside them, caps and stop strings hold, and failures are data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from assay.contracts import Backend
from assay.types import Completion, FinishReason, Generated, Message, Request, Sampling

_TOKENS = 12
_QUESTIONS = (
    "What is 2 + 2?",
    "Name a colour.",
    "Say nothing but yes.",
    "Schreibe ein Wort. Écris un mot. 写一个词。",
    "a" * 400,
)


def check_backend(backend: Backend, *, deterministic: bool = True) -> list[str]:
    """Everything that is wrong with a backend, one sentence each; an empty list means that it keeps its contract.

    Args:
        backend: An open one; it is closed at the end.
        deterministic: Whether the same seed must draw the same completion. False for servers that cannot promise it.
    """
    return list(_findings(backend, deterministic))


def _findings(backend: Backend, deterministic: bool) -> Iterator[str]:
    sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=_TOKENS)
    requests = [_request(number, text) for number, text in enumerate(_QUESTIONS * 2)]
    yield from _names(backend)
    yield from _prompts(backend, requests, sampling)
    if list(backend.generate([], sampling)):
        yield "generate([]) yields something: nothing was asked for"
    first = list(backend.generate(requests, sampling))
    yield from _answered_once(requests, first)
    for generated in first:
        yield from _completion(generated, sampling)
    if deterministic:
        yield from _repeats(backend, requests, first, sampling)
    yield from _stops(backend, requests, first, sampling)
    backend.close()
    backend.close()


def _request(number: int, text: str) -> Request:
    prompt = (Message(role="user", content=text),)
    return Request(key=f"check-{number}", prompt=prompt, seed=1000 + number, problem_id=f"q{number}")


def _names(backend: Backend) -> Iterator[str]:
    scheme, colon, _ = backend.url.partition(":")
    if not colon or not scheme:
        yield f"url is {backend.url!r}: it must be what opens the backend, such as 'scheme:model'"
    first, second = backend.fingerprint, backend.fingerprint
    if not first or first != second:
        yield "fingerprint is empty, or another one each time it is asked for"


def _prompts(backend: Backend, requests: list[Request], sampling: Sampling) -> Iterator[str]:
    for request in requests[:2]:
        text = backend.render(request)
        question = request.prompt[0].content if isinstance(request.prompt, tuple) else request.prompt
        if text is not None and question not in text:
            yield f"render({request.key}) does not hold the question: what is shown is not what the model reads"
    if backend.resolve_prefill("none") != "":
        yield f"resolve_prefill('none') is {backend.resolve_prefill('none')!r}, must be the empty text"
    if not isinstance(backend.resolve_prefill("auto"), str):
        yield "resolve_prefill('auto') is no text"
    for warning in backend.preflight(requests, sampling):
        if not isinstance(warning, str) or not warning:
            yield f"preflight gives {warning!r}: a warning is a sentence"


def _answered_once(requests: list[Request], answers: list[Generated]) -> Iterator[str]:
    asked = [request.key for request in requests]
    got = [generated.request.key for generated in answers]
    for key in asked:
        if got.count(key) != 1:
            yield f"the request {key} is answered {got.count(key)} times, must be once"
    for key in sorted(set(got) - set(asked)):
        yield f"a completion answers {key!r}, which nobody asked"


def _completion(generated: Generated, sampling: Sampling) -> Iterator[str]:
    key, completion = generated.request.key, generated.completion
    if not isinstance(completion, Completion):
        yield f"{key}: {type(completion).__name__} is no Completion"
        return
    if completion.finish_reason is FinishReason.ERROR and not completion.error:
        yield f"{key}: it failed without saying why: set Completion.error"
    if completion.finish_reason is not FinishReason.ERROR and completion.error:
        yield f"{key}: it has an error and the finish reason {completion.finish_reason}"
    tokens = completion.num_tokens
    if tokens is not None and tokens > sampling.max_tokens:
        yield f"{key}: {tokens} tokens, the cap is {sampling.max_tokens}"
    if tokens is not None and tokens < sampling.max_tokens and completion.finish_reason is FinishReason.LENGTH:
        yield f"{key}: cut off at {tokens} tokens, though the cap is {sampling.max_tokens}"
    if completion.token_ids is not None and tokens is not None and len(completion.token_ids) != tokens:
        yield f"{key}: num_tokens is {tokens}, but there are {len(completion.token_ids)} token ids"
    if completion.logprobs is not None:
        if completion.token_ids is None or len(completion.logprobs) != len(completion.token_ids):
            yield f"{key}: the number of log-probabilities is not that of the tokens"
        if any(not value <= 1e-6 for value in completion.logprobs):
            yield f"{key}: a log-probability is above 0"


def _repeats(backend: Backend, requests: list[Request], first: list[Generated], sampling: Sampling) -> Iterator[str]:
    texts = {generated.request.key: generated.completion.text for generated in first}
    for what, again in (
        ("asked again", requests),
        ("asked in another order", requests[::-1]),
        ("asked alone", requests[:1]),
    ):
        for generated in backend.generate(again, sampling):
            key = generated.request.key
            if generated.completion.text != texts.get(key):
                yield f"{key}: {what}, the same seed draws another completion"
                break
    other = [replace(request, seed=request.seed + 7777) for request in requests]
    if len(set(texts.values())) > 1:
        redrawn = {generated.request.key: generated.completion.text for generated in backend.generate(other, sampling)}
        if redrawn == texts:
            yield "other seeds draw the very same completions at temperature 1: the seed is not used"


def _stops(backend: Backend, requests: list[Request], first: list[Generated], sampling: Sampling) -> Iterator[str]:
    """Ask again with a stop string that is known to occur."""
    asked = {request.key: request for request in requests}
    candidates = [(asked.get(each.request.key), each.completion.text) for each in first]
    request, text = next(((r, text) for r, text in candidates if r is not None and len(text.strip()) >= 3), (None, ""))
    if request is None:
        return
    stop = text[len(text) // 2]
    for generated in backend.generate([request], replace(sampling, stop=(stop,))):
        if stop in generated.completion.text:
            yield f"{request.key}: the completion holds the stop string {stop!r}: it is cut off before it"
