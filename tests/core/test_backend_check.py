"""The conformance kit for backends: a sound one passes, and every way to break the contract is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assay import Completion, FinishReason, Generated, check_backend


class Sound:
    """A backend that keeps the contract."""

    url = "sound:words"
    fingerprint = "f1"

    def generate(self, requests, sampling):
        for request in requests:
            chance = random.Random(request.seed)
            length = chance.randint(3, 20)
            text = "".join(chance.choice("abcdef") for _ in range(min(length, sampling.max_tokens)))
            tokens = len(text)
            for stop in sampling.stop:
                text = text.partition(stop)[0]
            reason = FinishReason.LENGTH if length > sampling.max_tokens else FinishReason.STOP
            yield Generated(request=request, completion=Completion(text=text, finish_reason=reason, num_tokens=tokens))

    def render(self, request):
        return request.prompt[0].content

    def preflight(self, requests, sampling):
        return []

    def resolve_prefill(self, prefill):
        return ""

    def close(self):
        pass


def changed(change: Callable[[int, Generated], Any]) -> type[Sound]:
    """A backend whose completions go through `change`, which may return none or several."""

    class Changed(Sound):
        def generate(self, requests, sampling):
            for number, generated in enumerate(super().generate(requests, sampling)):
                result = change(number, generated)
                yield from result if isinstance(result, list) else [result]

    return Changed


def with_completion(generated: Generated, **fields: Any) -> Generated:
    return replace(generated, completion=replace(generated.completion, **fields))


class NoSeed(Sound):
    def generate(self, requests, sampling):
        for number, request in enumerate(requests):
            yield Generated(request=request, completion=Completion(text=f"answer {number % 3}", num_tokens=3))


class KeepsStops(Sound):
    def generate(self, requests, sampling):
        return super().generate(requests, replace(sampling, stop=()))


class HidesTheQuestion(Sound):
    def render(self, request):
        return "a prompt"


class Unstable(Sound):
    count = 0

    @property
    def fingerprint(self):
        self.count += 1
        return str(self.count)


class Bare(Sound):
    url = "words"


class Forces(Sound):
    def resolve_prefill(self, prefill):
        return "<think>\n"


class ClosesOnce(Sound):
    closed = False

    def close(self):
        assert not self.closed
        self.closed = True


def test_a_sound_backend_passes() -> None:
    assert check_backend(Sound()) == []


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        (changed(lambda number, g: [] if number == 1 else g), "answered 0 times"),
        (changed(lambda number, g: [g, g] if number == 1 else g), "answered 2 times"),
        (changed(lambda number, g: replace(g, request=replace(g.request, key="x"))), "nobody asked"),
        (changed(lambda number, g: with_completion(g, num_tokens=99)), "99 tokens, the cap is 12"),
        (
            changed(lambda number, g: with_completion(g, finish_reason=FinishReason.LENGTH, num_tokens=5)),
            "cut off at 5",
        ),
        (changed(lambda number, g: with_completion(g, finish_reason=FinishReason.ERROR)), "without saying why"),
        (changed(lambda number, g: with_completion(g, error="no")), "has an error and the finish reason"),
        (changed(lambda number, g: with_completion(g, token_ids=(1,))), "token ids"),
        (changed(lambda number, g: with_completion(g, logprobs=(0.5,))), "above 0"),
        (
            changed(lambda number, g: with_completion(g, text=f"{g.completion.text}{number}")),
            "draws another completion",
        ),
        (changed(lambda number, g: with_completion(g, text=g.completion.text + str(random.random()))), "asked again"),
        (NoSeed, "seed is not used"),
        (KeepsStops, "holds the stop string"),
        (HidesTheQuestion, "does not hold the question"),
        (Unstable, "fingerprint"),
        (Bare, "url is 'words'"),
        (Forces, "resolve_prefill('none')"),
    ],
)
def test_what_is_broken_is_found(backend: type[Sound], found: str) -> None:
    findings = check_backend(backend())
    assert any(found in finding for finding in findings), findings


def test_a_server_need_not_repeat_itself() -> None:
    class Server(Sound):
        def generate(self, requests, sampling):
            luck = random.Random()
            return super().generate([replace(request, seed=luck.randrange(2**31)) for request in requests], sampling)

    assert check_backend(Server(), deterministic=False) == []


def test_closing_twice_must_work() -> None:
    with pytest.raises(AssertionError):
        check_backend(ClosesOnce())
