"""Does this sandbox hold, here and now? A check of about two seconds, remembered where it was passed.

The check (`probing`) tries to get out and to take too much. A pass is remembered in the cache by everything that it
depends on: kernel and its settings, user, the sandbox with its image and features, our own code. Failures are not
remembered. This finds a sandbox that is broken or misconfigured, not every hole there is: `tests/attacks` tries harder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assay.errors import AssayError, SandboxError
from assay.sandbox.contract import Sandbox
from assay.sandbox.probing import Probe, try_everything


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfCheck:
    """Whether a sandbox held."""

    sandbox: str
    description: Mapping[str, Any]
    probes: tuple[Probe, ...]
    seconds: float
    """How long the check took, when it was made."""
    remembered: bool = False
    """Whether it was made earlier, and nothing that it depends on has changed."""

    @property
    def passed(self) -> bool:
        """Whether every probe was tried and held."""
        return all(probe.ok for probe in self.probes)

    @property
    def verdict(self) -> str:
        """One sentence; of a failure with the names of the probes and what they found."""
        failed = [f"{probe.name} ({probe.found})" for probe in self.probes if not probe.ok]
        if not failed:
            return f"all {len(self.probes)} probes held"
        return f"the self-check failed: {'; '.join(failed)}"


def check_sandbox(sandbox: Sandbox) -> SelfCheck:
    """Try every probe on a sandbox, now.

    The sandbox should have one worker, so that a program can meet what the one before it left.

    Raises:
        SandboxError: A worker cannot be had at all, or the host cannot make what the probes look for (a full disk).
    """
    started = time.monotonic()
    try:
        probes = tuple(try_everything(sandbox))
    except OSError as error:
        raise SandboxError(f"the self-check of the {sandbox.name} sandbox could not be made: {error}") from error
    return SelfCheck(
        sandbox=sandbox.name,
        description=sandbox.description,
        probes=probes,
        seconds=round(time.monotonic() - started, 3),
    )


def require_safe(sandbox: Sandbox, probe_on: Callable[[], contextlib.AbstractContextManager[Sandbox]]) -> SelfCheck:
    """The remembered check of such a sandbox, or a new one.

    Args:
        sandbox: The one that will be used; it is asked for its name and description only.
        probe_on: Opens one of the same kind with one worker, for the probes.

    Raises:
        SandboxError: A probe failed: this sandbox must not be used. Names the probe and what it found.
    """
    remembered = recall(sandbox)
    if remembered is not None:
        return remembered
    with probe_on() as trial:
        check = check_sandbox(trial)
    if not check.passed:
        raise SandboxError(f"the {sandbox.name} sandbox is refused: {check.verdict}")
    remember(sandbox, check)
    return check


def recall(sandbox: Sandbox) -> SelfCheck | None:
    """The check that such a sandbox passed earlier, or None. Whatever is not exactly one is taken as none."""
    try:
        stored = json.loads(_file_of(sandbox).read_bytes())
        probes = tuple(Probe(name=probe["name"], ok=probe["ok"], found=probe["found"]) for probe in stored["probes"])
        check = SelfCheck(
            sandbox=stored["sandbox"], description=stored["description"], probes=probes,
            seconds=float(stored["seconds"]), remembered=True,
        )  # fmt: skip
    except (AssayError, OSError, ValueError, TypeError, KeyError):
        return None
    return check if check.passed and check.probes and check.sandbox == sandbox.name else None


def remember(sandbox: Sandbox, check: SelfCheck) -> None:
    """Keep a passed check. A cache that cannot be written only means that the next start checks again."""
    with contextlib.suppress(AssayError, OSError):
        file = _file_of(sandbox)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", delete=False, encoding="utf-8") as new:
            json.dump(asdict(replace(check, remembered=False)), new, default=str)
        Path(new.name).replace(file)


def identity(sandbox: Sandbox) -> str:
    """A hash of all that a check's outcome depends on, as far as it can be asked."""
    system = [platform.uname().release, platform.uname().version, platform.machine(), os.geteuid(), _kernel_settings()]
    told = json.dumps([sandbox.name, sandbox.description, system, _code_hash()], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _file_of(sandbox: Sandbox) -> Path:
    from assay.data.cache import root

    return root() / "sandbox" / "checks" / f"{identity(sandbox)}.json"


@functools.cache
def _code_hash() -> str:
    """SHA-256 over every file of this package: new code is checked anew."""
    digest = hashlib.sha256(sys.version.encode())
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _kernel_settings() -> dict[str, str]:
    """Settings by which a distribution or an administrator allows or forbids what sandboxes are made of."""
    names = (
        "kernel/unprivileged_userns_clone", "kernel/apparmor_restrict_unprivileged_userns", "kernel/yama/ptrace_scope",
        "user/max_user_namespaces", "kernel/io_uring_disabled",
    )  # fmt: skip
    found = {}
    for name in names:
        with contextlib.suppress(OSError):
            found[name] = Path("/proc/sys", name).read_text(encoding="ascii").strip()
    return found
