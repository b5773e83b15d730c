"""One backend that goes from checkpoint to checkpoint, with its weights exchanged where it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.contracts import Backend, SwappingBackend
from assay.plugins import open_backend


@dataclass(kw_only=True, slots=True)
class Engine:
    """The backend that is open, and how it came to hold the checkpoint that was last asked for."""

    options: dict[str, Any]
    backend: Backend | None = None
    _swaps: int = 0
    """Exchanges before the checkpoint that was last asked for."""

    def hold(self, url: str) -> Backend:
        """A backend for a checkpoint: the one that is open with its weights exchanged, or a new one."""
        if self.backend is not None and self.backend.url == url:
            return self.backend
        if isinstance(self.backend, SwappingBackend):
            self._swaps = self.backend.swaps
            if self.backend.swap(url):
                return self.backend
        self.close()
        self.backend = open_backend(url, **self.options)
        return self.backend

    def how(self) -> str:
        """How the weights came into the engine, once something was drawn: "swapped" or "started"."""
        swapped = isinstance(self.backend, SwappingBackend) and self.backend.swaps > self._swaps
        return "swapped" if swapped else "started"

    def close(self) -> None:
        """Let the engine go. Safe to call twice."""
        if self.backend is not None:
            self.backend.close()
        self.backend, self._swaps = None, 0
