"""The self-check: sound sandboxes pass, and each way of being unsound is found by the probe that is for it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.conftest import open_docker, open_native

from assay import Sandbox, SandboxError
from assay.sandbox import probing, selfcheck
from assay.sandbox.agent import bundle
from assay.sandbox.client import AgentSettings
from assay.sandbox.docker import DockerSandbox
from assay.sandbox.selfcheck import SelfCheck, check_sandbox, recall, remember, require_safe
from assay.sandbox.syscalls import DENIED

ALLOW_EVERYTHING = struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF_0000)
"""A seccomp filter of one instruction: return ALLOW."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))


def failed(check: SelfCheck) -> set[str]:
    return {probe.name.partition(" (")[0] for probe in check.probes if not probe.ok}


def test_sound_sandboxes_pass(any_sandbox: Sandbox) -> None:
    check = check_sandbox(any_sandbox)
    assert check.passed, check.verdict
    assert len(check.probes) > 30
    names = [probe.name for probe in check.probes]
    assert len(names) == len(set(names))
    assert {f"sockets ({mode})" for mode in ("exec", "fork")} < set(names)


def test_an_ordinary_users_namespace_passes() -> None:
    """There "root" is that user, process numbers are not those of /proc, and process 1 is the run's own."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    with open_native(user=65_534) as sandbox:
        check = check_sandbox(sandbox)
    assert check.passed, check.verdict


def test_what_is_left_is_seen_where_nothing_is_wiped(tmp_path: Path) -> None:
    """The pair of probes, run bare on this machine: `look.py` finds every mark of `leave.py`, and the process."""
    folder = Path(selfcheck.__file__).with_name("probes")
    mark = f"mark-{secrets.token_hex(8)}"

    def run(name: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-I", str(folder / f"{name}.py")], input=mark, capture_output=True, text=True, cwd=tmp_path
        )
        return done.stdout.splitlines()

    try:
        assert run("leave") == ["left"]
        looked = run("look")
    finally:
        for place in ("/tmp", "/dev/shm", "/var/tmp", "/run/lock", "/dev/mqueue", Path.home()):
            for name in (mark, f".{mark}"):
                Path(place, name).unlink(missing_ok=True)
    left = [int(line.split()[1]) for line in looked if line.startswith("process ")]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == 1
    assert f"./{mark} is still there" in looked
    assert f"/tmp/.{mark} is still there" in looked
    assert looked[-1] == "looked"


class Weak(DockerSandbox):
    """A docker sandbox in which something is wrong."""

    def __init__(self, tmpfs: Mapping[str, str], settings: Mapping[str, Any], **plan: Any) -> None:
        super().__init__()
        self._plan = dataclasses.replace(self._plan, tmpfs={**self._plan.tmpfs, **tmpfs}, **plan)
        self._weak = settings

    def _settings(self) -> AgentSettings:
        return dataclasses.replace(super()._settings(), **self._weak)


@contextlib.contextmanager
def weak(
    tmpfs: Mapping[str, str] | None = None, settings: Mapping[str, Any] | None = None, **plan: Any
) -> Iterator[Sandbox]:
    open_docker().close()
    with Weak(tmpfs or {}, settings or {}, **plan) as sandbox:
        yield sandbox


def without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents of this test take no second lock on files, which would make a weak sandbox sound."""
    packed = bundle()[8:].decode()
    asked = "self.abi = max(0, self._call(_CREATE, 0, 0, _VERSION))"
    assert packed.count(asked) == 1
    compiled = f"MAGIC = {MAGIC_NUMBER!r}"
    assert packed.count(compiled) == 1
    text = packed.replace(asked, "self.abi = 0").replace(compiled, "MAGIC = b''").encode()
    monkeypatch.setattr("assay.sandbox.client.bundle", lambda: len(text).to_bytes(8, "little") + text)


def test_a_folder_that_is_not_wiped_is_found(docker_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    without_landlock(monkeypatch)
    with weak({"/var/tmp": "rw,mode=1777,size=1m"}) as sandbox:
        assert failed(check_sandbox(sandbox)) == {"nothing is left"}


def test_a_writable_folder_is_found(docker_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    without_landlock(monkeypatch)
    with weak({"/letters": "rw,mode=1777,size=1m"}) as sandbox:
        check = check_sandbox(sandbox)
    assert failed(check) == {"foreign writes"}
    assert "created a file in /letters" in check.verdict


def test_a_variable_of_the_host_is_found(docker_sandbox: Sandbox) -> None:
    with weak(settings={"environment": {"PATH": "/usr/bin:/bin", "API_TOKEN": "secret"}}) as sandbox:
        check = check_sandbox(sandbox)
    assert failed(check) == {"environment"}
    assert "API_TOKEN" in check.verdict
    assert "secret" not in check.verdict


def test_a_missing_system_call_filter_is_found(docker_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.sandbox.syscalls.deny_filter", lambda machine: ALLOW_EVERYTHING)
    with weak(seccomp='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}') as sandbox:
        check = check_sandbox(sandbox)
    assert {"system calls", "sockets"} <= failed(check)
    assert "AF_INET" in check.verdict


def test_either_of_the_two_filters_is_enough(docker_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with weak(seccomp='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}') as sandbox:
        assert check_sandbox(sandbox).passed
    monkeypatch.setattr("assay.sandbox.syscalls.deny_filter", lambda machine: ALLOW_EVERYTHING)
    with weak() as sandbox:
        check = check_sandbox(sandbox)
    # The profile around the container allows what the agent needs, and goes by names, of which the daemon's library
    # may lack the newest.
    assert failed(check) <= {"system calls"}
    excused = {call.name for call in DENIED if call.agent_needs or (call.x86_64 or 0) >= 435}
    for probe in check.probes:
        assert {text.split(" ")[0] for text in filter(None, probe.found.split("; "))} <= excused


def test_too_large_a_disk_is_found(docker_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_DISK_BYTES", 64 << 20)
    assert failed(check_sandbox(docker_sandbox)) == {"limit of bytes"}


def test_a_refused_sandbox_names_the_probe(docker_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    without_landlock(monkeypatch)
    with weak({"/letters": "rw,mode=1777,size=1m"}) as sandbox:
        with pytest.raises(SandboxError, match=r"docker sandbox is refused.*foreign writes.*/letters"):
            require_safe(sandbox, lambda: contextlib.nullcontext(sandbox))
        assert recall(sandbox) is None


def test_a_pass_is_remembered_and_reused(docker_sandbox: Sandbox) -> None:
    opened = []

    @contextlib.contextmanager
    def trial() -> Iterator[Sandbox]:
        opened.append(1)
        yield docker_sandbox

    first = require_safe(docker_sandbox, trial)
    second = require_safe(docker_sandbox, trial)
    assert len(opened) == 1
    assert (first.remembered, second.remembered) == (False, True)
    assert second.probes == first.probes


class Described:
    """A sandbox of which only the name and description are asked for."""

    name = "docker"

    def __init__(self, **description: Any) -> None:
        self.description = description


PASSED = SelfCheck(sandbox="docker", description={}, probes=(selfcheck.Probe(name="a", ok=True),), seconds=1.0)


def test_another_image_kernel_or_code_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    one: Any = Described(image_id="one")
    remember(one, PASSED)
    assert recall(one) is not None
    assert recall(Described(image_id="two")) is None  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(selfcheck, "_code_hash", lambda: "other code")
        assert recall(one) is None
    with monkeypatch.context() as patch:
        patch.setattr(selfcheck, "_kernel_settings", lambda: {"kernel/yama/ptrace_scope": "0"})
        assert recall(one) is None
    assert recall(one) is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"sandbox": "docker"}', None],
    ids=["empty", "cut", "list", "null", "binary", "fields missing", "failed probe"],
)
def test_a_damaged_memory_is_none(content: bytes | None, tmp_path: Path) -> None:
    sandbox: Any = Described(image_id="one")
    remember(sandbox, PASSED)
    (file,) = (tmp_path / "cache" / "sandbox" / "checks").iterdir()
    if content is None:
        stored = json.loads(file.read_bytes())
        stored["probes"][0]["ok"] = False
        content = json.dumps(stored).encode()
    file.write_bytes(content)
    assert recall(sandbox) is None


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "file"))
    sandbox: Any = Described(image_id="one")
    remember(sandbox, PASSED)
    assert recall(sandbox) is None
