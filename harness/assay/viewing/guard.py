"""Loopback only: which requests are answered, and what every answer forbids the browser.

Results are private and a model's text is hostile, so three doors are shut. A page of the web cannot read us through a
name that it lets point to 127.0.0.1 (DNS rebinding): the Host header must be a loopback name and our port. It cannot
embed or frame us: every answer says so, and requests from other sites are refused. And should any text of a model ever
become markup, the content security policy lets it run nothing, style nothing and ask nobody: scripts, styles, fonts and
requests are our own files only.

What it does not do: other users of the same machine can reach a loopback port; on a shared machine, they are kept out
by the machine (a container, a network namespace), not by us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """ASGI middleware. `port` None takes any port: behind a test client."""

    def __init__(self, app: ASGIApp, port: int | None) -> None:
        self._app = app
        self._hosts = None if port is None else {f"{host}:{port}" for host in LOOPBACK}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or answer with the headers that every answer has."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        sent = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope["method"], sent)
        if refusal is None:
            await self._app(scope, receive, send_guarded)
        else:
            await refusal(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: dict[str, str]) -> PlainTextResponse | None:
        host = headers.get("host", "").lower()
        known = host in self._hosts if self._hosts else host.rpartition(":")[0] in LOOPBACK or host in LOOPBACK
        if not known:
            return PlainTextResponse("This server answers under its loopback address only.", 421)
        site = headers.get("sec-fetch-site", "none")
        # A link on another site may lead here; a script, an image or a frame of it may not.
        if site not in ("none", "same-origin") and headers.get("sec-fetch-mode") != "navigate":
            return PlainTextResponse("This server answers its own pages only.", 403)
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("Nothing here can be changed.", 405)
        return None
