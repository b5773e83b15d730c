"""`assay sandbox`: what is possible here, the check's card, and building the image."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.sandbox import image
from tests.sandbox.conftest import open_docker, open_native

NOWHERE = "unix:///nowhere/docker.sock"


def sandbox(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay", "sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, env={**os.environ, **environment})


def test_list_names_every_kind_with_its_reason(tmp_path: Path) -> None:
    done = sandbox("list", "--docker-host", NOWHERE, ASSAY_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in ("docker", NOWHERE, "start its daemon", "native", "none-i-accept-the-risk"):
        assert part in said


def test_list_as_json(tmp_path: Path) -> None:
    done = sandbox("list", "--docker-host", NOWHERE, "--json", ASSAY_CACHE=str(tmp_path))
    rows = {row["kind"]: row for row in json.loads(done.stdout)}
    assert rows["docker"]["ok"] is False
    assert "Remedy" in rows["docker"]["reason"]
    assert rows["native"]["ok"] is bool(rows["native"]["check"])


@pytest.mark.parametrize("kind", ["docker", "native"])
def test_check_prints_a_card_and_remembers_a_pass(kind: str, tmp_path: Path) -> None:
    (open_docker if kind == "docker" else open_native)().close()
    done = sandbox("check", kind, ASSAY_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kind} sandbox" in done.stdout
    assert "FAILED" not in done.stdout
    for probe in ("known output (fork)", "system calls (exec)", "limit of processes", "nothing is left (exec)"):
        assert probe in done.stdout
    assert list((tmp_path / "sandbox" / "checks").glob("*.json"))


def test_check_of_what_cannot_start_fails_with_the_remedy(tmp_path: Path) -> None:
    done = sandbox("check", "docker", "--docker-host", NOWHERE, "--json", ASSAY_CACHE=str(tmp_path))
    assert done.returncode == 1
    (row,) = json.loads(done.stdout)
    assert row["passed"] is False
    assert "start its daemon" in row["verdict"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "dokcer"), "docker, native"),
        (("build", "--extras", "cobol"), "no extra language 'cobol'"),
        (("build", "--tarball", "x.tar.gz"), "--from-debootstrap"),
    ],
)
def test_wrong_use_exits_2_without_a_traceback(arguments: tuple[str, ...], message: str) -> None:
    done = sandbox(*arguments, "--docker-host", NOWHERE)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_build_imports_a_root_file_system_that_is_there(tmp_path: Path) -> None:
    """A tarball is used again: no network, no debootstrap. The image made of it passes for one."""
    open_docker().close()
    tarball = image.cached_tarball()
    if not tarball.exists():
        pytest.skip(f"docker: no {tarball}; `assay sandbox build --from-debootstrap` makes it")
    tag = f"assay-sandbox-test:{os.getpid()}"
    done = sandbox("build", "--from-debootstrap", "--tarball", str(tarball), "--tag", tag, "--json")
    assert done.returncode == 0, done.stderr
    built = json.loads(done.stdout)
    assert built["tag"] == tag
    from assay.sandbox.containers import Daemon

    daemon = Daemon()
    try:
        assert daemon.image_id(tag) == built["id"]
    finally:
        with daemon.client("removing the test's image") as api:
            api.remove_image(tag)


def test_build_without_a_registry_says_what_to_do() -> None:
    open_docker().close()
    done = sandbox("build", "--tag", "assay-sandbox-test:none", "--extras", "php")
    if done.returncode == 0:
        pytest.skip("docker: a registry can be reached here")
    assert "--from-debootstrap" in done.stderr
    assert "Traceback" not in done.stderr


def test_packages_of_extras_are_named_in_debian() -> None:
    assert image.extra_packages(["java", "node"]) == ("default-jdk-headless", "nodejs")
    assert image.extra_packages([]) == ()
    assert image.cached_tarball(["java"]) == image.cached_tarball(["java", "java"]) != image.cached_tarball()
