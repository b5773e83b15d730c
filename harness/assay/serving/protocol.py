"""uvicorn's HTTP protocol with a limit on the time before a request.

uvicorn waits for ever for the end of a request's headers: clients that never send it ("slow loris") would hold all the
connections that the process may have. The body's time is limited by the application.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 30.0
_Protocol: Any = AutoHTTPProtocol  # one of two classes, by what is installed


class TimelyProtocol(_Protocol):  # type: ignore[misc]  # uvicorn's choice at run time
    """Closes a connection that begins no request within `header_seconds` to twice that, its first or its next."""

    header_seconds = HEADER_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to watch."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        self._watcher.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._last_request = self.cycle
        self._watcher = self.loop.call_later(self.header_seconds, self._close_if_nothing_came)

    def _close_if_nothing_came(self) -> None:
        # Each request has a cycle of its own, from the end of its headers on.
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self.cycle is self._last_request:
            self.transport.close()
        else:
            self._watch()
