"""Sandboxes for tests, each skipped with its reason where this machine cannot run it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import Sandbox, SandboxError


def open_docker(**options: object) -> Sandbox:
    """A docker sandbox on the daemon that DOCKER_HOST names; skips with the reason where there is none."""
    reason = os.environ.get("ASSAY_NO_DOCKER")
    if reason:
        pytest.skip(f"docker: {reason}")
    from assay.sandbox.docker import DockerSandbox

    try:
        return DockerSandbox(**options)  # type: ignore[arg-type]
    except SandboxError as error:
        pytest.skip(f"docker: {error}")


def open_native(**options: object) -> Sandbox:
    """A native sandbox; skips with the reason where this kernel or user cannot have one."""
    from assay.sandbox.native import NativeSandbox

    try:
        return NativeSandbox(**options)  # type: ignore[arg-type]
    except SandboxError as error:
        pytest.skip(f"native: {error}")


@pytest.fixture(scope="session")
def docker_sandbox() -> Iterator[Sandbox]:
    """One docker sandbox with two workers, for all tests that only run programs."""
    with open_docker(workers=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def native_sandbox() -> Iterator[Sandbox]:
    """One native sandbox with two workers, for all tests that only run programs."""
    with open_native(workers=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="session", params=["docker", "native"])
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each sandbox that isolates, in turn."""
    sandbox: Sandbox = request.getfixturevalue(f"{request.param}_sandbox")
    return sandbox


class OwnDaemon:
    """A Docker daemon of a test's own, which it may kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        # Left by one that was killed. Its containerd is killed with it, but is taken for a running one until somebody
        # has waited for it.
        for left in ("pid", "exec/containerd/containerd.pid"):
            (self.folder / left).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile",
                 self.folder / "pid", "--host", self.host, "--bridge", "none", "--iptables=false", "--ip6tables=false",
                 "--storage-driver", "overlay2"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = (self.folder / "log").read_text(errors="replace").splitlines()[-1:]
                raise SandboxError(f"dockerd does not start: {last}")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it can be talked to."""
        from assay.sandbox.containers import Daemon

        try:
            Daemon(self.host)
        except SandboxError:
            return False
        return True

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Signal it and wait for its end."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def remove(self) -> None:
        """End it for good, with all that it started, and take its folder away.

        A daemon that was killed leaves the processes beside its containers, and its mounts.
        """
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)
        for pid in _processes_of(str(self.folder)):
            os.kill(pid, signal.SIGKILL)
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        shutil.rmtree(self.folder)


def _processes_of(folder: str) -> list[int]:
    """Processes that were told of this folder by their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                arguments = (entry / "cmdline").read_text(errors="replace")
            except OSError:
                continue
            if folder in arguments:
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def own_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnDaemon]:
    """A daemon with the sandbox's image; it needs root, dockerd, and the image's tarball in the cache."""
    from assay.sandbox import image
    from assay.sandbox.containers import Daemon

    reason = os.environ.get("ASSAY_NO_DOCKER")
    if reason:
        pytest.skip(f"docker: {reason}")
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("docker: a daemon of one's own needs root and dockerd")
    tarball = image.cached_tarball()
    if not tarball.exists():
        pytest.skip(f"docker: no {tarball}; `assay sandbox build --from-debootstrap` makes it")
    # A socket's path holds 107 bytes, and overlay2 needs a plain file system: not pytest's folder.
    folder = Path(
        subprocess.run(
            ["mktemp", "-d", "/var/tmp/assay-dockerd.XXXXXX"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    daemon = OwnDaemon(folder)
    try:
        daemon.start()
        with Daemon(daemon.host).client("importing the image", 300) as api:
            image.import_tarball(api, tarball)
        yield daemon
    except SandboxError as error:
        pytest.skip(f"docker: {error}")
    finally:
        daemon.remove()
