"""The questions of one check: looked up, asked, asked again where the answer has no verdict, all before a deadline.

Equal questions that are asked at the same time (the group of completions of a trainer often holds equal answers) are
asked once: the first asks, the others wait for its answer.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Container, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import NamedTuple

from assay import AssayError, Completion, FinishReason, Sampling
from assay_plugins.llm_judge.budget import Budget
from assay_plugins.llm_judge.cache import Cache, Entry
from assay_plugins.llm_judge.models import JudgeModel, judge_model
from assay_plugins.llm_judge.parsing import read_verdict
from assay_plugins.llm_judge.settings import Settings

RETRY_TEMPERATURE = 0.5
"""Further attempts are sampled at least this freely: at temperature 0 another seed would change nothing."""


class Reply(NamedTuple):
    """What came of one question."""

    word: str | None
    """The verdict; None where there is none."""
    text: str = ""
    """The judge's explanation; without a verdict, what went wrong."""
    tokens: int = 0
    """Generated for the answer that was read, now or when it was first asked for: the same whenever it is asked."""
    failed: bool = False
    """Whether the judge failed, rather than its answer being unreadable: it is not asked again."""
    late: bool = False
    """Whether the deadline came first."""


class _Want(NamedTuple):
    key: str
    prompt: str
    model: JudgeModel


class Asker:
    """Asks the judges of one verifier, in one process. Safe for threads."""

    def __init__(self, settings: Settings, known: Container[str], prompt_version: str) -> None:
        self._settings = settings
        self._known = known
        self._version = prompt_version
        self._cache = Cache(settings.cache)
        self.budget = Budget(settings.max_calls, settings.max_tokens_total)
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Reply]] = {}
        self.known = 0
        """Replies that cost nothing: from the cache, or from an equal question under way."""

    def ask(self, prompts: Sequence[str]) -> list[list[Reply]]:
        """Ask every judge for every vote; each vote holds one reply per prompt. Judges come in their order.

        Raises `UsageError` or `BackendError` where a judge cannot be opened, `VerifierError` for a damaged cache.
        """
        deadline = time.monotonic() + self._settings.timeout
        votes = [
            [self._want(prompt, judge_model(url, options), vote) for prompt in prompts]
            for url, options in self._settings.judges
            for vote in range(self._settings.votes)
        ]
        replies = self._replies({want.key: want for vote in votes for want in vote}, deadline)
        return [[replies[want.key] for want in vote] for vote in votes]

    def _want(self, prompt: str, model: JudgeModel, vote: int) -> _Want:
        settings = self._settings
        sampling = [settings.temperature, settings.top_p, settings.max_tokens]
        parts = [prompt, model.fingerprint, self._version, sampling, vote]
        return _Want(hashlib.sha256(json.dumps(parts).encode()).hexdigest(), prompt, model)

    def _replies(self, wants: dict[str, _Want], deadline: float) -> dict[str, Reply]:
        replies: dict[str, Reply] = {}
        others: dict[str, Future[Reply]] = {}
        mine: dict[str, Future[Reply]] = {}
        try:
            for key in wants:
                with self._lock:
                    if key in self._under_way:
                        others[key] = self._under_way[key]
                        continue
                    mine[key] = self._under_way[key] = Future()
                # Looked up after that: whoever was asking until now has left its verdict there first.
                entry = self._cache.get(key)
                if entry is not None and entry.word in self._known:
                    self._count_known()
                    self._finish(mine, replies, key, Reply(entry.word, entry.explanation, entry.tokens or 0))
            self._ask_all({key: wants[key] for key in mine if key not in replies}, mine, replies, deadline)
        finally:
            for key in [key for key in mine if key not in replies]:
                self._finish(mine, replies, key, Reply(None, "an equal question, asked at the same time, failed"))
        for key, future in others.items():
            try:
                replies[key] = future.result(max(0.0, deadline - time.monotonic()))
                self._count_known()
            except FutureTimeoutError:
                replies[key] = self._late()
        return replies

    def _ask_all(
        self, wants: dict[str, _Want], mine: dict[str, Future[Reply]], replies: dict[str, Reply], deadline: float
    ) -> None:
        """Ask in rounds: all that is open at once, then again what had no readable verdict."""
        unreadable = {key: Reply(None) for key in wants}
        for attempt in range(self._settings.attempts):
            asked: dict[str, Future[Completion]] = {}
            for key in [key for key in wants if key not in replies]:
                refusal = self.budget.reserve(self._settings.max_tokens)
                if refusal is not None:
                    self._finish(mine, replies, key, Reply(None, refusal))
                else:
                    asked[key] = wants[key].model.ask(wants[key].prompt, self._sampling(attempt), _seed(key, attempt))
            for key, future in asked.items():
                reply = self._read(key, future, deadline)
                if reply.word is not None or reply.late or reply.failed:
                    self._finish(mine, replies, key, reply)
                unreadable[key] = reply
        for key in [key for key in wants if key not in replies]:
            text = f"no readable verdict in {self._settings.attempts} attempts; the last: {unreadable[key].text}"
            self._finish(mine, replies, key, unreadable[key]._replace(text=text))

    def _read(self, key: str, future: Future[Completion], deadline: float) -> Reply:
        reserved = self._settings.max_tokens
        try:
            completion = future.result(max(0.0, deadline - time.monotonic()))
        except Exception as error:  # noqa: BLE001  # a backend of a plugin may raise anything
            if isinstance(error, FutureTimeoutError) and not future.done():
                future.cancel()
                return self._late()  # what it has cost is not known: all that was reserved
            self.budget.settle(reserved, 0)
            said = str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
            return Reply(None, f"the judge failed: {said}"[:1000], failed=True)
        if completion.finish_reason is FinishReason.ERROR:
            self.budget.settle(reserved, 0)
            return Reply(None, f"the judge failed: {completion.error}", failed=True)
        self.budget.settle(reserved, completion.num_tokens)
        word, text = read_verdict(completion, self._known)
        if word is not None:
            self._cache.put(key, Entry(word, text, completion.num_tokens))
        return Reply(word, text, completion.num_tokens or 0)

    def _finish(self, mine: dict[str, Future[Reply]], replies: dict[str, Reply], key: str, reply: Reply) -> None:
        replies[key] = reply
        with self._lock:
            del self._under_way[key]
        mine[key].set_result(reply)

    def _count_known(self) -> None:
        with self._lock:
            self.known += 1

    def _late(self) -> Reply:
        return Reply(None, f"no answer of the judge within {self._settings.timeout:g} seconds", late=True)

    def _sampling(self, attempt: int) -> Sampling:
        settings = self._settings
        temperature = settings.temperature if not attempt else max(settings.temperature, RETRY_TEMPERATURE)
        return Sampling(temperature=temperature, top_p=settings.top_p, max_tokens=settings.max_tokens)


def _seed(key: str, attempt: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{key}/{attempt}".encode()).digest()[:4], "big") % 2**31
