"""The HTTP reward server, `assay serve`, and its client: verdicts and rewards for trainers on other machines.

| file        | holds                                                                     |
|-------------|---------------------------------------------------------------------------|
| `settings`  | limits, address and token of a server                                     |
| `bodies`    | request bodies become problems and completions, with every limit checked  |
| `admission` | how much work is let in at a time; the rest is refused with a time to wait |
| `app`       | the routes                                                                |
| `protocol`  | uvicorn's HTTP, without patience for slow headers                         |
| `metrics`   | Prometheus counters                                                       |
| `client`    | `Client`: the Python side                                                 |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from assay.serving.client import Client
    from assay.serving.settings import ServerSettings

__all__ = ["Client", "ServerSettings"]

_HOME = {"Client": "client", "ServerSettings": "settings"}

__getattr__ = _lazy_names(__name__, _HOME)
