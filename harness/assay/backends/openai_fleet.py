"""Which server of several is asked: the healthy one with the least in flight.

A server that cannot be reached, breaks off, or answers 429 or 5xx rests for a while (1 second, doubled with each
failure in a row up to 60, or what Retry-After asks for), and what it failed is asked of another one at once. One
request that it answers makes it healthy again. Only when no server is healthy does a request wait.

With a single server nothing is ever skipped: the client's own backoff decides.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

_FIRST, _LONGEST = 1.0, 60.0


@dataclass(kw_only=True, slots=True)
class Server:
    """One server and how it does."""

    base_url: str
    in_flight: int = 0
    failures: int = 0
    """In a row."""
    unreachable: bool = False
    """Whether the last failure was that nothing answers there."""
    rests_until: float = 0.0
    """On the monotonic clock."""


class Fleet:
    """The servers of one backend. Belongs to one event loop: nothing here waits."""

    def __init__(self, base_urls: Sequence[str]) -> None:
        self.servers = [Server(base_url=url) for url in base_urls]

    @property
    def name(self) -> str:
        """For messages."""
        return ", ".join(server.base_url for server in self.servers)

    def choose(self, avoid: Server | None = None) -> Server:
        """The server to ask: a healthy one with the least in flight, else the one that rests the shortest.

        Args:
            avoid: The one that has just failed this request: taken only where no other is healthy.
        """
        now = time.monotonic()
        healthy = [server for server in self.servers if server.rests_until <= now]
        others = [server for server in healthy if server is not avoid]
        if others or healthy:
            return min(others or healthy, key=lambda server: server.in_flight)
        return min(self.servers, key=lambda server: server.rests_until)

    def succeeded(self, server: Server) -> None:
        """It answered."""
        server.failures, server.rests_until, server.unreachable = 0, 0.0, False

    def failed(self, server: Server, *, unreachable: bool, retry_after: float | None) -> None:
        """It did not: it rests, where there are others."""
        server.failures += 1
        server.unreachable = unreachable
        rest = min(_LONGEST, _FIRST * 2 ** min(server.failures - 1, 10)) if retry_after is None else retry_after
        if len(self.servers) > 1:
            server.rests_until = time.monotonic() + rest

    def has_another(self, server: Server | None) -> bool:
        """Whether a healthy server other than this one could be asked now."""
        now = time.monotonic()
        return any(other is not server and other.rests_until <= now for other in self.servers)

    @property
    def is_gone(self) -> bool:
        """Whether nothing answers at any of them."""
        return all(server.unreachable for server in self.servers)
