"""How much a judge may cost: calls, and generated tokens, of one verifier in one process."""

from __future__ import annotations

import threading


class Budget:
    """Counts what is asked. Safe for threads; a limit is never passed, however many ask at once.

    Args:
        max_calls: Questions to judges at most; None: no limit.
        max_tokens: Tokens that judges may generate in all; None: no limit. What is being generated counts with its
            cap until its true number is known.
    """

    def __init__(self, max_calls: int | None, max_tokens: int | None) -> None:
        self._max_calls = max_calls
        self._max_tokens = max_tokens
        self._lock = threading.Lock()
        self.calls = 0
        """Questions asked so far."""
        self.tokens = 0
        """Tokens generated so far, or reserved."""

    def reserve(self, tokens: int) -> str | None:
        """Take what a question may cost; where it is not there, why not, as a sentence."""
        with self._lock:
            if self._max_calls is not None and self.calls >= self._max_calls:
                return f"the budget of {self._max_calls} calls of the judge (max_calls) is spent"
            if self._max_tokens is not None and self.tokens + tokens > self._max_tokens:
                return (
                    f"the budget of {self._max_tokens} tokens of the judge (max_tokens_total) is spent: {self.tokens} "
                    f"are used or under way, and an answer may take {tokens}"
                )
            self.calls += 1
            self.tokens += tokens
        return None

    def settle(self, reserved: int, used: int | None) -> None:
        """Give back what an answer did not need. None: not known, so all of it counts."""
        if used is not None:
            with self._lock:
                self.tokens += min(max(used, 0), reserved) - reserved
