"""Sandboxes: where programs that a model wrote are run; docs/threat-model.md says what they keep out.

| file        | holds                                                                             |
|-------------|-----------------------------------------------------------------------------------|
| `types`     | `SourceCode`, `RunLimits`, `ProgramRun`, `RunStatus`                              |
| `contract`  | `Sandbox`, `Program`, `LiveRun`: what an implementation must be                   |
| `choose`    | `open_sandbox`: picks the best one that passes its self-check                     |
| `selfcheck` | whether a sandbox holds here and now; `probing` and `probes/` try to break it     |
| `docker`    | workers in containers; `containers`, `attach`, `image`, `seccomp_profile` for it  |
| `native`    | workers in Linux namespaces; `native_launcher`, `cgroups` for it                  |
| `unsafe`    | no isolation, only by its long name                                               |
| `leases`    | the pool of workers behind each, and the programs on them                         |
| `client`    | the host's end of one worker; `protocol` its frames; `agent/` what runs inside    |
| `languages` | how each language is compiled and run                                             |
| `syscalls`  | what programs may not ask of the kernel                                           |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from assay.sandbox.choose import open_sandbox
    from assay.sandbox.contract import LiveRun, Program, Sandbox
    from assay.sandbox.types import ProgramRun, RunLimits, RunMode, RunStatus, SourceCode

__all__ = [
    "LiveRun",
    "Program",
    "ProgramRun",
    "RunLimits",
    "RunMode",
    "RunStatus",
    "Sandbox",
    "SourceCode",
    "open_sandbox",
]

_HOME = {
    "LiveRun": "contract",
    "Program": "contract",
    "ProgramRun": "types",
    "RunLimits": "types",
    "RunMode": "types",
    "RunStatus": "types",
    "Sandbox": "contract",
    "SourceCode": "types",
    "open_sandbox": "choose",
}

__getattr__ = _lazy_names(__name__, _HOME)
