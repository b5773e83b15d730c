"""`open_sandbox`: what `auto` picks, and what it says where nothing can be picked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import assay
from assay import RunLimits, Sandbox, SandboxError, SourceCode, UsageError, open_sandbox
from assay.sandbox import choose
from assay.sandbox.choose import UNSAFE, UnsafeSandboxWarning

ADD = SourceCode(language="python", code="print(sum(map(int, input().split())))")
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))


def add(sandbox: Sandbox) -> bytes:
    with sandbox.load(ADD) as program:
        return program.run(b"20 22", RunLimits()).stdout


def test_it_is_public() -> None:
    assert assay.open_sandbox is open_sandbox


def test_auto_prefers_docker(docker_sandbox: Sandbox) -> None:
    with open_sandbox("auto") as sandbox:
        assert sandbox.name == "docker"
        assert add(sandbox) == b"42\n"


def test_auto_falls_back_to_native(native_sandbox: Sandbox) -> None:
    with open_sandbox("auto", docker_host=NOWHERE) as sandbox:
        assert sandbox.name == "native"
        assert add(sandbox) == b"42\n"


@pytest.mark.parametrize("kind", ["docker", "native"])
def test_each_kind_by_its_name(kind: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(f"{kind}_sandbox")
    with open_sandbox(kind, workers=2) as sandbox:
        assert sandbox.name == kind
        assert add(sandbox) == b"42\n"


def test_nothing_possible_is_a_refusal_with_every_reason_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_native(*arguments: object) -> Sandbox:
        raise SandboxError("no user namespaces. Remedy: sysctl user.max_user_namespaces=1000")

    monkeypatch.setattr(choose, "_native", no_native)
    with pytest.raises(SandboxError) as error:
        open_sandbox("auto", docker_host=NOWHERE)
    said = str(error.value)
    for part in ("docker: ", NOWHERE, "start its daemon", "native: ", "sysctl user.max_user_namespaces", UNSAFE):
        assert part in said


def test_auto_never_picks_the_one_without_isolation() -> None:
    assert UNSAFE not in choose.AUTO


def test_a_sandbox_that_fails_its_check_is_not_handed_out(
    native_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.sandbox import probing

    monkeypatch.setattr(probing, "_FILES", 10)
    with pytest.raises(SandboxError, match=r"native sandbox is refused: the self-check failed: limit of files"):
        open_sandbox("native")


def test_without_isolation_only_by_its_name_and_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UnsafeSandboxWarning, match="all the rights of this process"):
        sandbox = open_sandbox(UNSAFE)
    with sandbox:
        assert sandbox.name == UNSAFE
        assert add(sandbox) == b"42\n"


def test_unknown_kinds_and_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean docker"):
        open_sandbox("dokcer")
    with pytest.raises(UsageError, match="at least 1"):
        open_sandbox("native", workers=0)


def test_the_second_opening_is_quick_because_the_check_is_remembered(
    native_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_sandbox("native").close()

    def again(*arguments: object) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr("assay.sandbox.selfcheck.check_sandbox", again)
    open_sandbox("native").close()
    assert list(Path(os.environ["ASSAY_CACHE"]).rglob("*.json"))
