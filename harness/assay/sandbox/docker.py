"""`docker`: each worker is a container with every door shut; see `containers` for what that means.

The portable one: whatever runs Docker runs this, on any Linux distribution, from any user that may use the daemon.
Limits hold for a worker as a whole (memory, processes, temporary files), besides those of each run, and the programs'
compilers and interpreters are those of an image, not of the machine. Against a hole in the kernel, which containers
share, `runtime="runsc"` puts gVisor in between.

A container takes programs one after another, each under a user of its own; it is replaced after `recycle_after` of
them and after anything odd. Whatever happens to it or to the daemon is a `SandboxError` of the run that was going on,
and the next lease starts a new container; a daemon that is being restarted is waited for.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from assay.errors import SandboxError
from assay.sandbox.agent import BOOT
from assay.sandbox.client import AgentSettings, Worker
from assay.sandbox.containers import Container, ContainerPlan, Daemon
from assay.sandbox.image import IMAGE
from assay.sandbox.leases import WorkerSandbox
from assay.sandbox.seccomp_profile import docker_profile

_CLOSE_SECONDS = 10.0
"""How long `close` waits for Docker to have removed what was killed."""
_TMPFS = {  # none of these paths is on the host
    # Compiled programs are executed from here; only the agent may write to it.
    "/assay": "rw,exec,nosuid,nodev,size=256m,nr_inodes=8k,mode=755",
    "/tmp": "rw,exec,nosuid,nodev,size=256m,nr_inodes=8k,mode=1777",  # noqa: S108
    "/dev/shm": "rw,noexec,nosuid,nodev,size=64m,nr_inodes=1k,mode=1777",  # noqa: S108
    # Docker mounts message queues there, in which programs could leave each other names; this hides them.
    "/dev/mqueue": "ro,noexec,nosuid,nodev,size=4k,nr_inodes=1,mode=555",
}


class DockerSandbox(WorkerSandbox):
    """Containers of one image, by one daemon."""

    name = "docker"

    def __init__(
        self,
        *,
        workers: int = 1,
        recycle_after: int = 200,
        image: str | None = None,
        runtime: str | None = None,
        host: str | None = None,
        memory_bytes: int = 3 * 2**30,
    ) -> None:
        """Find the daemon and the image, and sweep what killed processes left; starts no container yet.

        Args:
            workers: Containers at a time.
            recycle_after: Programs after which a container is replaced.
            image: Default `assay.sandbox.image.IMAGE`.
            runtime: An OCI runtime that the daemon knows.
            host: Where the daemon listens; default DOCKER_HOST, or the usual socket.
            memory_bytes: Memory of a container in all, temporary files included: a run that is
                allowed more by its own limit is ended there.

        Raises:
            SandboxError: No SDK, no daemon, no such image or runtime: with the remedy.
        """
        super().__init__(workers=workers, recycle_after=recycle_after)
        self.daemon = Daemon(host)
        """Where its containers are."""
        runtimes = self.daemon.runtimes()
        if runtime is not None and runtime not in runtimes:
            raise SandboxError(
                f"Docker at {self.daemon.host} knows no runtime {runtime!r}, but {', '.join(runtimes)}. Remedy: "
                "declare it in the daemon's daemon.json under 'runtimes'"
            )
        self._image = image or IMAGE
        self._plan = ContainerPlan(
            image=self.daemon.image_id(self._image),
            command=("python3", "-I", "-B", "-c", BOOT),
            tmpfs=_TMPFS,
            seccomp=docker_profile(),
            runtime=runtime,
            memory_bytes=memory_bytes,
        )
        self._removals = Removals(self.daemon)
        self.daemon.sweep()

    @property
    def description(self) -> Mapping[str, Any]:
        """Nothing of it changes while the sandbox is open."""
        info = self.daemon.info
        return {
            "name": self.name,
            "isolation": "container",
            "image": self._image,
            "image_id": self._plan.image,
            "runtime": self._plan.runtime or info.get("DefaultRuntime"),
            "docker": info.get("ServerVersion"),
            "kernel": info.get("KernelVersion"),
            "security": sorted(info.get("SecurityOptions") or ()),
            "cgroups": info.get("CgroupVersion"),
            "memory_bytes": self._plan.memory_bytes,
            "lacks": self.daemon.lacks(),
        }

    def close(self) -> None:
        """End all workers and wait until their containers are removed, `_CLOSE_SECONDS` at most."""
        super().close()
        self._removals.wait(_CLOSE_SECONDS)

    @contextlib.contextmanager
    def _lease(self) -> Iterator[Worker]:
        """A daemon that was restarted took all idle containers with it: none of those is handed out."""
        with self._lock:
            lost = [worker for worker in self._idle if _is_lost(worker)]
            self._idle = [worker for worker in self._idle if worker not in lost]
        for worker in lost:
            self._discard(worker)
        with super()._lease() as worker:
            yield worker

    def _launch(self) -> ContainerConnection:
        return ContainerConnection(self.daemon.start(self._plan), self._removals)

    def _settings(self) -> AgentSettings:
        return AgentSettings(strategy="uid", writable=("/tmp", "/dev/shm"))  # noqa: S108  in the container


def _is_lost(worker: Worker) -> bool:
    connection = worker._connection
    return isinstance(connection, ContainerConnection) and connection.lost()


class Removals:
    """Removes containers in the background: it takes Docker 50 ms, and minutes when it hangs."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def add(self, container: str) -> None:
        """Begin to remove a container."""
        thread = threading.Thread(target=self._remove, args=(container,), name="assay-remove", daemon=True)
        with self._lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, and the container with the connection
            self._threads.discard(thread)

    def wait(self, seconds: float) -> None:
        """Until all are removed, or the time is over."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(seconds / len(threads))

    def _remove(self, container: str) -> None:
        try:
            self._daemon.remove(container)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())


class ContainerConnection:
    """The connection to the agent of one container; see `assay.sandbox.protocol.Connection`."""

    def __init__(self, container: Container, removals: Removals) -> None:
        self._container, self._removals = container, removals
        self._open = True
        self.read = container.stream.read
        self.write = container.stream.write
        self.lost = container.stream.lost

    def kill(self) -> None:
        """Cut the connection, on which the agent ends, and have the container removed for certain."""
        if self._open:
            self._open = False
            self._container.stream.close()
            self._removals.add(self._container.id)

    def diagnosis(self) -> str:
        """What the container's first process said on standard error."""
        return self._container.stream.errors[-2000:]
