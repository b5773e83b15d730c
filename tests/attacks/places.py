"""Where submissions can be run on this machine: each sandbox, each mode, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.conftest import ROOT

NOBODY = 65_534


@dataclass(frozen=True, slots=True)
class Place:
    """A sandbox, a mode, and who runs it."""

    sandbox: str
    mode: str
    user: bool = False

    def __str__(self) -> str:
        return f"{self.sandbox}-{self.mode}" + ("-as-user" if self.user else "")


PLACES = [
    Place("native", "fork"),
    Place("native", "exec"),
    Place("native", "fork", True),
    Place("native", "exec", True),
    Place("docker", "fork"),
    Place("docker", "exec"),
]


@cache
def why_not(sandbox: str, user: bool) -> str | None:
    """Why a sandbox cannot be had here; None where it can."""
    if user and os.geteuid() != 0:
        return "these tests run as an ordinary user already"
    code = f"import assay; sandbox = assay.open_sandbox({sandbox!r}); sandbox.languages(); sandbox.close()"
    done = start(["-c", code], user=user, capture=True)
    _, errors = done.communicate(timeout=120)
    return (
        None if done.returncode == 0 else errors.strip().splitlines()[-1][:600] if errors.strip() else "it just fails"
    )


def skip_without(place: Place) -> None:
    """Skip where a sandbox cannot be had here; fail where it can and does not pass its own self-check."""
    reason = why_not(place.sandbox, place.user)
    if reason is None:
        return
    assert "self-check failed" not in reason, reason
    pytest.skip(f"{place.sandbox}: {reason}")


def start(arguments: list[str], *, user: bool, capture: bool = False, **environment: str) -> subprocess.Popen[str]:
    """This interpreter with arguments, at the root of the checkout, as an ordinary user where asked."""
    who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if user else {}
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    interpreter = sys.executable
    if user:
        env["HOME"] = "/nonexistent"
        interpreter, path = _interpreter_for_all()
        env["PYTHONPATH"] = os.pathsep.join(path)
    pipe = subprocess.PIPE if capture else None
    return subprocess.Popen(
        [interpreter, *arguments],
        cwd=ROOT,
        env=env,
        stdout=pipe,
        stderr=pipe,
        stdin=subprocess.DEVNULL,
        text=True,
        **who,
    )


@cache
def _interpreter_for_all() -> tuple[str, list[str]]:
    """An interpreter that every user may start, and where it finds what this one has installed.

    This one may live in root's home; another of the same version, with our packages, does as well.
    """
    packages = [str(ROOT / name) for name in ("harness", "plugins", "benchmarks", "trainers")] + [str(ROOT)]
    packages.append(sysconfig.get_path("purelib"))
    who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"):
        env = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(packages)}
        try:
            subprocess.run([candidate, "-c", "import assay, pluggy"], env=env, check=True, capture_output=True, **who)
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate, packages
    return sys.executable, packages


def rows(place: Place, *options: str, seconds: float, shares: int = 1) -> list[dict[str, Any]]:
    """What `tests.attacks.run` says of each submission at that place, by so many processes at a time."""
    deadline = time.monotonic() + seconds
    command = ["-m", "tests.attacks.run", place.sandbox, place.mode, *options]
    processes = [
        start([*command, "--share", f"{part}/{shares}"], user=place.user, capture=True) for part in range(shares)
    ]
    found: list[dict[str, Any]] = []
    try:
        for process in processes:
            output, errors = process.communicate(timeout=deadline - time.monotonic())
            part = [json.loads(line) for line in output.splitlines()]
            assert process.returncode == 0, errors[-3000:]
            assert part[-1]["name"] == "(at the end)", errors[-3000:]
            found += part
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return found
