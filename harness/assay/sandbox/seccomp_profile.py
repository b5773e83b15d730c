"""The table of denied system calls as a profile for Docker, around the whole container.

Programs get the agent's own filter (`syscalls.deny_filter`), which goes by numbers; this one goes by names, of which
the daemon's library may not know the newest, and also holds for the agent. Together they are two locks on one door.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from typing import Any

from assay.sandbox.syscalls import AF_UNIX, CLONE_NEW_NAMESPACES, DENIED

_ERRNO = "SCMP_ACT_ERRNO"


def docker_profile() -> str:
    """The profile as JSON, for `--security-opt seccomp=`. Calls of other architectures end the process."""
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            # The native one alone: without sub-architectures, what comes by i386 or x32 is killed.
            "archMap": [
                {"architecture": architecture, "subArchitectures": []}
                for architecture in ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")
            ],
            "syscalls": list(_rules()),
        },
        sort_keys=True,
    )


def _rules() -> Iterator[dict[str, Any]]:
    for error in sorted({call.error for call in DENIED}):
        names = sorted(call.name for call in DENIED if call.error == error and not call.agent_needs)
        yield {"names": names, "action": _ERRNO, "errnoRet": error}
    # One rule for each flag: a rule compares masked bits with one value, and any of them is too much.
    for bit in range(32):
        flag = 1 << bit
        if CLONE_NEW_NAMESPACES & flag:
            arguments = [{"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}]
            yield {"names": ["clone"], "action": _ERRNO, "errnoRet": errno.EPERM, "args": arguments}
    local = [{"index": 0, "value": AF_UNIX, "op": "SCMP_CMP_NE"}]
    yield {"names": ["socketpair"], "action": _ERRNO, "errnoRet": errno.EPERM, "args": local}
