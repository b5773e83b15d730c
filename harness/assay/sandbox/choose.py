"""`open_sandbox`: the best sandbox that passes its self-check here, or a refusal that says why and what to do.

`auto` tries `docker`, then `native`. A sandbox whose self-check fails is never handed out. The one without isolation
has a name that nobody types by accident, is never chosen by `auto`, and warns each time it is opened.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from assay.errors import SandboxError, UsageError, did_you_mean
from assay.sandbox.contract import Sandbox
from assay.sandbox.selfcheck import SelfCheck, require_safe

UNSAFE = "none-i-accept-the-risk"
AUTO = ("docker", "native")
"""What `auto` tries, best first: Docker's limits hold for a worker as a whole, and need no rights of ours."""
KINDS = (*AUTO, UNSAFE)

RECYCLE_AFTER = 200
"""Programs that one worker takes by default before it is replaced, though nothing was wrong with it."""


class UnsafeSandboxWarning(UserWarning):
    """Programs that a model wrote run with all the rights of this process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """What is possible on this machine."""

    kind: str
    ok: bool
    check: SelfCheck | None = None
    """Its self-check, where one was made or remembered."""
    reason: str = ""
    """Why it cannot be used, and the remedy."""


def open_sandbox(
    kind: str = "auto",
    *,
    workers: int = 1,
    recycle_after: int = RECYCLE_AFTER,
    image: str | None = None,
    runtime: str | None = None,
    root: str | os.PathLike[str] | None = None,
    docker_host: str | None = None,
) -> Sandbox:
    """Open a sandbox that has passed its self-check.

    Args:
        kind: "auto", "docker", "native", or "none-i-accept-the-risk".
        workers: How many programs can be held at a time; one a core is most useful.
        recycle_after: Programs after which a worker is replaced.
        image: docker: the image; default `assay.sandbox.image.IMAGE`.
        runtime: docker: an OCI runtime that the daemon knows, for example "runsc".
        root: native: a folder with a root file system to use in place of the host's /usr.
        docker_host: docker: where the daemon listens; default DOCKER_HOST, or the usual socket.

    Raises:
        UsageError: No such kind.
        SandboxError: It cannot be used here, or its self-check failed; with "auto" nothing can, and the message has
            the reason and the remedy of each.
    """
    if workers < 1 or recycle_after < 1:
        raise UsageError(f"workers and recycle_after must be at least 1, got {workers} and {recycle_after}")
    makers: dict[str, Callable[[int], Sandbox]] = {
        "docker": partial(_docker, recycle_after, image, runtime, docker_host),
        "native": partial(_native, recycle_after, root),
        UNSAFE: partial(_unsafe, recycle_after),
    }
    if kind == UNSAFE:
        warnings.warn(
            f"--sandbox {UNSAFE}: programs run with all the rights of this process, on your files and network",
            UnsafeSandboxWarning,
            stacklevel=2,
        )
        return makers[UNSAFE](workers)
    if kind == "auto":
        return _first_safe({name: makers[name] for name in AUTO}, workers)
    if kind not in makers:
        raise UsageError(f"no sandbox {kind!r}. {did_you_mean(kind, ['auto', *KINDS])}")
    return _safe(makers[kind], workers)[0]


def list_options(
    *, image: str | None = None, runtime: str | None = None, docker_host: str | None = None
) -> list[Option]:
    """Each kind that isolates, with whether it can be used here; makes the self-checks that are not remembered."""
    options = []
    for kind in AUTO:

        def make(_workers: int, kind: str = kind) -> Sandbox:
            return make_unchecked(kind, image=image, runtime=runtime, docker_host=docker_host)

        try:
            sandbox, check = _safe(make, 1)
            sandbox.close()
            options.append(Option(kind=kind, ok=True, check=check))
        except SandboxError as error:
            options.append(Option(kind=kind, ok=False, reason=str(error)))
    return options


def make_unchecked(
    kind: str, *, image: str | None = None, runtime: str | None = None, docker_host: str | None = None
) -> Sandbox:
    """A sandbox with one worker to be checked: nothing of what a model wrote may run in it.

    Raises:
        SandboxError: It cannot be had here.
    """
    if kind == "docker":
        return _docker(RECYCLE_AFTER, image, runtime, docker_host, 1)
    return _native(RECYCLE_AFTER, None, 1)


def _first_safe(makers: dict[str, Callable[[int], Sandbox]], workers: int) -> Sandbox:
    reasons = []
    for name, make in makers.items():
        try:
            return _safe(make, workers)[0]
        except SandboxError as error:
            reasons.append(f"{name}: {error}")
    raise SandboxError(
        "programs cannot be run safely here, so they are not run. "
        + " — ".join(reasons)
        + f" — `assay sandbox check` shows more. Only on a machine that has nothing to lose: {UNSAFE}"
    )


def _safe(make: Callable[[int], Sandbox], workers: int) -> tuple[Sandbox, SelfCheck]:
    sandbox = make(workers)
    try:
        return sandbox, require_safe(sandbox, lambda: contextlib.closing(make(1)))
    except BaseException:
        sandbox.close()
        raise


def _docker(recycle_after: int, image: str | None, runtime: str | None, host: str | None, workers: int) -> Sandbox:
    from assay.sandbox.docker import DockerSandbox

    return DockerSandbox(workers=workers, recycle_after=recycle_after, image=image, runtime=runtime, host=host)


def _native(recycle_after: int, root: str | os.PathLike[str] | None, workers: int) -> Sandbox:
    from assay.sandbox.native import NativeSandbox

    return NativeSandbox(workers=workers, recycle_after=recycle_after, root=None if root is None else os.fspath(root))


def _unsafe(recycle_after: int, workers: int) -> Sandbox:
    from assay.sandbox.unsafe import UnsafeSandbox

    return UnsafeSandbox(workers=workers, recycle_after=recycle_after)
