"""What a server is told: where it listens, who may ask, and how much it takes in."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """Settings of a server; JSON values only, as they travel to its worker processes."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    """What clients must send as `Authorization: Bearer TOKEN`. Needed for every address but loopback."""
    reward: str | Mapping[str, Any] | None = None
    """The reward of `/v1/reward` and `/openrlhf`: a preset, a verifier's name, or a configuration."""
    verifiers: tuple[str, ...] = ()
    """Verifiers that `/v1/verify` offers; none named: all registered ones."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of those verifiers. Requests cannot set any: an option may say how untrusted code is run."""
    workers: int | None = None
    """Verification processes of each server process; None: one for each CPU."""
    timeout: float = 60.0
    """Seconds that a request may take, unless it asks for less."""
    max_body_bytes: int = 16 * 2**20
    max_items: int = 1024
    """Responses in one request."""
    max_text_chars: int = 1_000_000
    """Characters of one response."""
    max_pending: int = 8192
    """Responses that are being checked or wait for it; a request over this is refused with 429."""

    def __post_init__(self) -> None:
        for name in ("timeout", "max_body_bytes", "max_items", "max_text_chars", "max_pending"):
            if not getattr(self, name) > 0:
                raise UsageError(f"a server's {name} must be more than 0, got {getattr(self, name)!r}")
        if self.token is not None and (
            len(self.token) < 16 or not self.token.isascii() or not self.token.isprintable()
        ):
            raise UsageError("a server's token must have at least 16 printable ASCII characters")
        if self.token is None and not is_loopback(self.host):
            raise UsageError(
                f"the address {self.host} can be reached from other machines, so a token is needed: set the "
                "environment variable ASSAY_SERVE_TOKEN (for example to the output of `openssl rand -hex 24`)"
            )

    def to_json(self) -> str:
        """All settings as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServerSettings:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        return cls(**{**fields, "verifiers": tuple(fields["verifiers"])})


def is_loopback(host: str) -> bool:
    """Whether an address is only reachable from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
