"""A backend without a model: it writes words by chance, which is enough to keep the contract.

Replace `_write` by a call of your engine or server. What must stay true is what `assay.check_backend` asks for:
every request is answered exactly once, its seed decides its completion, caps and stop strings hold, and a request
that fails for good becomes a completion with `FinishReason.ERROR` instead of an exception.
"""

import hashlib
import random

import assay

_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "and", "so", "it", "is"]


class MyPlugin:
    """Completions of chance.

    Args:
        model: What stands behind the scheme.
        options: What the user set with `-o name=value`.

    Raises:
        assay.UsageError: An option is unknown.
    """

    def __init__(self, model, options):
        self.url = f"my-plugin:{model}"
        self._words = int(options.pop("words", 8))
        if options:
            raise assay.UsageError(f"my-plugin has no option {sorted(options)[0]!r}; it has: words")

    @property
    def fingerprint(self):
        """Hash of all that decides the completions: with another one, a run is another run."""
        return hashlib.sha256(f"{self.url} {self._words} v1".encode()).hexdigest()

    def generate(self, requests, sampling):
        """Complete each request once; yield each the moment it is done."""
        for request in requests:
            try:
                completion = self._write(request, sampling)
            except ConnectionError as error:  # what your engine raises for one request
                completion = assay.Completion(text="", finish_reason=assay.FinishReason.ERROR, error=str(error))
            yield assay.Generated(request=request, completion=completion)

    def render(self, request):
        """The exact text that the model continues; None where only a server knows it."""
        if isinstance(request.prompt, str):
            return request.prompt + request.prefill
        return "\n".join(message.content for message in request.prompt) + "\n" + request.prefill

    def preflight(self, requests, sampling):
        """Warnings before anything is spent, one sentence each."""
        return []

    def resolve_prefill(self, prefill):
        """ "auto" is what your model needs; here nothing."""
        return "" if prefill in ("auto", "none") else prefill

    def close(self):
        """Free what is held. Safe to call twice."""

    def _write(self, request, sampling):
        chance = random.Random(request.seed)
        wanted = chance.randint(1, 2 * self._words)
        words = [chance.choice(_WORDS) for _ in range(min(wanted, sampling.max_tokens))]
        text = " ".join(words)
        for stop in sampling.stop:
            text = text.partition(stop)[0]
        cut = wanted > sampling.max_tokens
        return assay.Completion(
            text=text,
            finish_reason=assay.FinishReason.LENGTH if cut else assay.FinishReason.STOP,
            num_tokens=len(words),
            prefill=request.prefill,
        )
