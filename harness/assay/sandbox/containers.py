"""Containers with every door shut, by the Docker SDK: what is asked of the daemon, and only that.

One container holds one worker. It has no network, no mount of the host, a read-only root, no capability but the three
by which the agent changes to a program's uid and kills what it left (SETUID, SETGID, KILL), no way to gain any
(no-new-privileges, no set-user-id bits in the image), our own seccomp profile, and limits on processes, memory and
temporary files. Its standard input closes when the connection does, the agent ends on that, and Docker then removes
the container: a host that is killed leaves nothing. Should that fail (daemon killed as well, container never
started), the next sandbox that is opened sweeps what carries the label of a process that is gone.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import SandboxError
from assay.sandbox.attach import AttachedStream

_LABEL = "assay.owner"
"""Label of each container: who may still need it."""
_CAPABILITIES = ("SETUID", "SETGID", "KILL")
_REQUEST_SECONDS = 20.0
"""Bound on one request to the daemon; creating and starting take 0.1 s on an idle machine."""
_REMOVE_SECONDS = 5.0
_RECONNECT_SECONDS = 30.0
"""How long a start waits for a daemon that answered before and is gone: a restart takes 2 to 15 s."""
_HIDDEN = (
    "/sys", "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
)  # fmt: skip
"""Docker's own list, which a given list replaces, and all of /sys: it describes the host and is of no use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerPlan:
    """What every container of one sandbox is like."""

    image: str
    command: Sequence[str]
    tmpfs: Mapping[str, str]
    """Mount point to mount options: the only places that can be written to."""
    seccomp: str
    """The profile, as Docker's JSON."""
    runtime: str | None = None
    """An OCI runtime known to the daemon, for example "runsc"; None: its default."""
    memory_bytes: int = 2 * 2**30
    """Memory of a container in all: its processes, temporary files, and inputs and outputs on their way. No swap."""
    processes: int = 256
    """Processes and threads of a container."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """A started container and its streams."""

    id: str
    stream: AttachedStream


class Daemon:
    """A Docker daemon, asked anew each time: it may be restarted at any moment. Safe to use from several threads."""

    def __init__(self, host: str | None = None) -> None:
        """Remember where the daemon is, and ask for its version and features.

        Args:
            host: `unix://…` or `tcp://…`; None: DOCKER_HOST, or the usual socket.

        Raises:
            SandboxError: The SDK is not installed, or nobody answers there: with the remedy.
        """
        try:
            import docker  # noqa: F401  whether it is there
        except ImportError as error:
            raise SandboxError("the docker package is not installed. Remedy: pip install 'assay[docker]'") from error
        self.host = host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        if not self.host.startswith(("unix://", "tcp://")) or os.environ.get("DOCKER_TLS_VERIFY"):
            raise SandboxError(
                f"DOCKER_HOST {self.host!r} cannot be used: attaching needs unix://PATH, or tcp://HOST:PORT without "
                "TLS. Remedy: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, then DOCKER_HOST=unix:///tmp/docker.sock"
            )
        self._version = "auto"
        with self.client("asking for its version") as api:
            self._version = api.api_version
            self.info: Mapping[str, Any] = api.info()

    def image_id(self, image: str) -> str:
        """The id of an image that is there.

        Raises:
            SandboxError: It is not; says how to build it.
        """
        from docker.errors import ImageNotFound

        with self.client(f"looking for the image {image}") as api:
            try:
                return str(api.inspect_image(image)["Id"])
            except ImageNotFound as error:
                raise SandboxError(
                    f"Docker at {self.host} has no image {image}. Remedy: `assay sandbox build`, or where no registry "
                    "can be reached `assay sandbox build --from-debootstrap`"
                ) from error

    def start(self, plan: ContainerPlan) -> Container:
        """Create, attach to and start a container.

        A daemon that is being restarted is waited for, `_RECONNECT_SECONDS` at most.

        Raises:
            SandboxError: The daemon is away or refuses.
        """
        deadline = time.monotonic() + _RECONNECT_SECONDS
        while True:
            try:
                return self._start(plan)
            except SandboxError as error:
                if not isinstance(error.__cause__, OSError) or time.monotonic() > deadline:
                    raise
                time.sleep(0.25)

    def remove(self, container: str) -> None:
        """Kill a container and wait until it is removed, a few seconds at most.

        One that is gone, or a daemon that is away, is no error: the sweep comes.
        """
        from docker.errors import APIError, NotFound

        with contextlib.suppress(SandboxError), self.client("removing a container") as api:
            deadline = time.monotonic() + _REMOVE_SECONDS
            while time.monotonic() < deadline:
                try:
                    api.remove_container(container, force=True, v=True)
                except NotFound:
                    return
                except APIError as error:
                    if error.status_code != 409:  # Docker is removing it already, since its process has ended
                        raise
                time.sleep(0.01)

    def sweep(self) -> int:
        """Remove the containers whose owners are gone; returns how many there were.

        Those of other machines, and of process namespaces that cannot be seen from here, are left alone.
        """
        with self.client("sweeping leftover containers") as api:
            found = api.containers(all=True, filters={"label": _LABEL})
        gone = [entry["Id"] for entry in found if _is_gone(entry["Labels"].get(_LABEL, ""))]
        for container in gone:
            self.remove(container)
        return len(gone)

    def containers(self) -> list[str]:
        """Ids of the containers that belong to this process, started or not."""
        with self.client("listing containers") as api:
            found = api.containers(all=True, filters={"label": f"{_LABEL}={_owner()}"})
        return [entry["Id"] for entry in found]

    @staticmethod
    def owner() -> str:
        """The label of this process's containers."""
        return _owner()

    def lacks(self) -> list[str]:
        """What this daemon's kernel cannot do for containers, in words; empty where all is well."""
        missing = {
            "MemoryLimit": "no memory limit of a container as a whole",
            "SwapLimit": "no limit on swap",
            "PidsLimit": "no limit on a container's processes",
        }
        lacks = [words for feature, words in missing.items() if self.info.get(feature) is False]
        if not any("name=seccomp" in option for option in self.info.get("SecurityOptions") or ()):
            lacks.append("no seccomp profile of a container")
        return lacks

    def runtimes(self) -> list[str]:
        """Names of the OCI runtimes that the daemon knows."""
        return sorted(self.info.get("Runtimes") or {})

    def maps_users(self) -> bool:
        """Whether root of a container is an ordinary user of the host: rootless Docker, or `userns-remap`."""
        options = self.info.get("SecurityOptions") or ()
        return any(option.startswith(("name=rootless", "name=userns")) for option in options)

    def _start(self, plan: ContainerPlan) -> Container:
        from docker.types import Ulimit

        with self.client("starting a container") as api:
            host_config = api.create_host_config(
                runtime=plan.runtime,
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                cap_add=list(_CAPABILITIES),
                security_opt=["no-new-privileges", f"seccomp={plan.seccomp}"],
                mem_limit=plan.memory_bytes,
                memswap_limit=plan.memory_bytes,
                pids_limit=plan.processes,
                # Programs may recurse as deep as their memory holds; how much room the kernel leaves below the stack
                # is decided when the first process begins.
                ulimits=[Ulimit(name="stack", soft=-1, hard=-1), Ulimit(name="core", soft=0, hard=0)],
                tmpfs=dict(plan.tmpfs),
                ipc_mode="private",
                init=False,
                auto_remove=True,
                # Output is for us alone; the default driver would write all of it to the disk of the host.
                log_config={"type": "none"},
            )
            host_config["MaskedPaths"] = list(_HIDDEN)
            created = api.create_container(
                plan.image,
                list(plan.command),
                host_config=host_config,
                entrypoint=[],
                user="0:0",
                working_dir="/",
                hostname="sandbox",
                environment={},
                stdin_open=True,  # together with attaching, the SDK asks for StdinOnce: closed when we are gone
                network_disabled=True,
                labels={_LABEL: _owner()},
                # A daemon that ends or starts stops containers by this; the agent heeds no other.
                stop_signal="SIGKILL",
            )["Id"]
            try:
                hijacked = api.attach_socket(created, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
                # Taken out of the SDK's objects, which belong to its pool of connections and end with `api`.
                stream = AttachedStream(socket.socket(fileno=getattr(hijacked, "_sock", hijacked).detach()))
                api.start(created)
            except BaseException:
                self.remove(created)
                raise
            return Container(id=created, stream=stream)

    @contextlib.contextmanager
    def client(self, doing: str, seconds: float = _REQUEST_SECONDS) -> Iterator[Any]:
        """A client for a few requests of at most `seconds` each; every failure becomes a `SandboxError`.

        Its cause is an `OSError` where nobody answers, or no longer.
        """
        import requests
        from docker import APIClient
        from docker.errors import DockerException

        try:
            self._knock()
        except OSError as error:
            raise SandboxError(
                f"Docker at {self.host} does not answer ({doing}): {error.strerror or error}. Remedy: start its "
                "daemon, or set DOCKER_HOST to where it listens, and see that this user may connect (group docker)"
            ) from error
        try:
            api = APIClient(base_url=self.host, version=self._version, timeout=seconds)
            try:
                yield api
            finally:
                api.close()
        except (requests.ConnectionError, ConnectionError) as error:
            raise SandboxError(f"Docker at {self.host} went away while {doing}: {error}") from ConnectionError()
        except (DockerException, requests.RequestException, OSError, KeyError) as error:
            raise SandboxError(f"Docker at {self.host} failed while {doing}: {error}") from error

    def _knock(self) -> None:
        """Connect once: the SDK leaves its socket open where nobody answers, and hides why in layers of errors."""
        scheme, _, place = self.host.partition("://")
        if scheme == "tcp":
            name, _, port = place.rstrip("/").rpartition(":")
            socket.create_connection((name, int(port)), timeout=_REQUEST_SECONDS).close()
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_REQUEST_SECONDS)
            probe.connect(place)


@functools.cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> str:
    return os.readlink("/proc/self/ns/pid")


def _start_time(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; None where there is no such process."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return line.rpartition(")")[2].split()[19]


def _owner() -> str:
    """This process, told from every other one: a pid alone comes round again."""
    return "/".join((_boot(), _namespace(), str(os.getpid()), _start_time(os.getpid()) or ""))


def _is_gone(owner: str) -> bool:
    boot, _, rest = owner.partition("/")
    namespace, _, process = rest.partition("/")
    pid, _, started = process.partition("/")
    if boot != _boot() or namespace != _namespace() or not pid.isdecimal():
        return False
    return _start_time(int(pid)) != started
