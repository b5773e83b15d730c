"""An engine of one's own: it finds a date in the prompt, computes its day, and slips with a chance.

What must stay true of any backend is what `assay.check_backend` asks for: every request is answered exactly once, its
seed decides its completion, caps and stop strings hold, and a request that fails becomes a completion with
`FinishReason.ERROR`. A failure is ours, never the model's: it stays out of the scores.
"""

import hashlib
import random
import re

import assay
from assay_weekdays.verifier import DAYS, day_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Almanac:
    """Completions of an almanac.

    Args:
        slips: The chance that an answer is a day off, as text: from 0 to 1.
        options: What the user set with `-o name=value`.

    Raises:
        assay.UsageError: `slips` is no chance, or an option is unknown.
    """

    def __init__(self, slips, options):
        try:
            self._slips = float(slips or 0)
        except ValueError:
            self._slips = -1.0
        if not 0 <= self._slips <= 1:
            raise assay.UsageError(f"almanac:{slips}: the chance of a slip must be a number from 0 to 1")
        if options:
            raise assay.UsageError(f"almanac has no option {sorted(options)[0]!r}")
        self.url = f"almanac:{self._slips:g}"
        self.fingerprint = hashlib.sha256(f"{self.url} v1".encode()).hexdigest()

    def generate(self, requests, sampling):
        """Complete each request once; yield each the moment it is done."""
        for request in requests:
            yield assay.Generated(request=request, completion=self._complete(request, sampling))

    def render(self, request):
        """The exact text that the model continues."""
        if isinstance(request.prompt, str):
            return request.prompt + request.prefill
        return "\n".join(message.content for message in request.prompt) + "\n" + request.prefill

    def preflight(self, requests, sampling):
        """Warnings before anything is spent, one sentence each."""
        return [] if sampling.max_tokens > 1 else ["an answer takes two tokens: raise max_tokens"]

    def resolve_prefill(self, prefill):
        """ "auto" is what the model needs: here nothing."""
        return "" if prefill in ("auto", "none") else prefill

    def close(self):
        """Free what is held. Safe to call twice."""

    def _complete(self, request, sampling):
        words = self._words(request)
        kept = words[: sampling.max_tokens]
        text = " ".join(kept)
        for stop in sampling.stop:
            text = text.partition(stop)[0]
        cut = len(kept) < len(words)
        return assay.Completion(
            text=text,
            finish_reason=assay.FinishReason.LENGTH if cut else assay.FinishReason.STOP,
            num_tokens=len(kept),
            prefill=request.prefill,
        )

    def _words(self, request):
        chance = random.Random(request.seed)
        found = _DATE.search(self.render(request))
        try:
            day = DAYS.index(day_of(found[0])) if found else None
        except ValueError:
            day = None
        if day is None:
            return ["There", "is", "no", "date", "in", "this", "question", "."]
        return ["Answer:", DAYS[(day + (chance.random() < self._slips)) % 7]]
