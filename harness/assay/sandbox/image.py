"""The image that containers start from, and its root file system for the native sandbox.

It holds interpreters and compilers from Debian and nothing of Assay: the agent is sent to each container when it
starts, so that an old image never runs an old agent. There are two ways to build it: from the Dockerfile beside this
module, where a registry can be reached, and from debootstrap, which needs root and a Debian mirror only. The latter
leaves a tarball in the cache that is imported again without any network.

Neither is reproducible to the byte (Debian's packages move on); what ran is recorded by the image's id.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import SandboxError, UsageError, did_you_mean
from assay.hashing import hash_value
from assay.sandbox.languages import LANGUAGES

if TYPE_CHECKING:
    from docker import APIClient

IMAGE = "assay-sandbox:1"
"""The tag that is built and looked for unless told otherwise; the number counts what the agent expects of it."""

SUITE = "bookworm"
"""The Debian release. Python, gcc and the rest have the versions that it froze."""

MIRROR = "http://deb.debian.org/debian"

PACKAGES: Sequence[str] = ("python3", "python3-numpy", "python3-sortedcontainers", "gcc", "g++", "libc6-dev")
"""What every image has: Python with the two libraries that contest programs use, C and C++."""

EXTRAS: Mapping[str, Sequence[str]] = {
    "bash": ("bash",),
    "csharp": ("mono-mcs",),
    "go": ("golang-go",),
    "java": ("default-jdk-headless",),
    "javascript": ("nodejs",),
    "php": ("php-cli",),
    "rust": ("rustc",),
    "typescript": ("nodejs", "node-typescript"),
}
"""Further languages and the Debian packages that they take."""

_ALIASES = {"node": "javascript", "mono": "csharp", "dotnet": "csharp"}
_NEEDLESS = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "var/log")
"""Folders emptied to make the image smaller."""
STEP_SECONDS = 1800.0
"""Bound on one step of a build: Rust and Java together took two minutes on two slow cores."""

Report = Callable[[str], None]


def _silent(_line: str) -> None:
    pass


def extra_packages(extras: Iterable[str]) -> tuple[str, ...]:
    """The Debian packages of extra languages, sorted.

    Raises:
        UsageError: A name is not in `EXTRAS`.
    """
    packages: set[str] = set()
    for given in extras:
        name = _ALIASES.get(given, given)
        if name not in EXTRAS:
            raise UsageError(f"no extra language {given!r}. {did_you_mean(given, [*EXTRAS, *_ALIASES])}")
        packages.update(EXTRAS[name])
    return tuple(sorted(packages))


def precompile_script() -> str:
    """Shell commands that precompile `bits/stdc++.h` for the flags of each C++ in `languages`.

    Contest programs include it before all else, and then compile in 0.35 s of CPU instead of 1.2. Where gcc finds no
    version for its flags, it reads the header itself: what a program means never depends on this.
    """
    header = "$(find /usr/include -path '*/bits/stdc++.h' | head -n 1)"
    lines = [f'header="{header}"', 'rm -rf "$header.gch"', 'mkdir "$header.gch"']
    commands = {language.compile for language in LANGUAGES.values() if language.compile}
    sets = {
        tuple(flag for flag in command if flag.startswith(("-O", "-std=")))
        for command in commands
        if command[0] == "g++"
    }
    for flags in sorted(sets):
        words = " ".join(shlex.quote(flag) for flag in flags)
        lines.append(f'g++ {words} -x c++-header "$header" -o "$header.gch/{hash_value(flags)[:8]}.gch"')
    return "\n".join(lines)


def cached_tarball(extras: Iterable[str] = (), *, suite: str = SUITE) -> Path:
    """Where the root file system with these extras is kept, whether or not it exists."""
    from assay.data.cache import root

    digest = hash_value([suite, *PACKAGES, *extra_packages(extras), precompile_script()])[:12]
    return root() / "sandbox" / f"rootfs-{suite}-{digest}.tar.gz"


def build_tarball(
    extras: Iterable[str] = (),
    *,
    file: Path | None = None,
    suite: str = SUITE,
    mirror: str = MIRROR,
    report: Report = _silent,
) -> Path:
    """Make a root file system by debootstrap and pack it.

    Args:
        extras: Names of `EXTRAS`.
        file: Where to put it; default: `cached_tarball`. It is put in place by renaming, so it is never half there.
        suite: Debian release.
        mirror: Where Debian's packages are fetched.
        report: Called with a line for each step.

    Raises:
        SandboxError: Not root, no debootstrap, or a step failed: names the step and shows the end of its output.
    """
    extras = tuple(extras)
    packages = extra_packages(extras)
    file = cached_tarball(extras, suite=suite) if file is None else file
    missing = [tool for tool in ("debootstrap", "unshare", "chroot", "tar", "gzip") if shutil.which(tool) is None]
    if missing:
        raise SandboxError(f"cannot build the image: no {', '.join(missing)} here. Remedy: apt-get install debootstrap")
    if os.geteuid() != 0:
        raise SandboxError("debootstrap needs root. Remedy: build as root, or `assay sandbox build` from a registry")
    file.parent.mkdir(parents=True, exist_ok=True)
    # /var/tmp is rarely a tmpfs, and this takes 600 MB.
    with tempfile.TemporaryDirectory(prefix="assay-rootfs-", dir="/var/tmp") as temporary:
        root = Path(temporary) / "root"
        report(f"debootstrap {suite}: {' '.join(PACKAGES)}")
        include = f"--include={','.join(PACKAGES)}"
        _step(["debootstrap", "--variant=minbase", include, suite, str(root), mirror])
        if packages:
            report(f"apt-get install {' '.join(packages)}")
            _in_root(root, ["apt-get", "update"])
            _in_root(root, ["apt-get", "install", "--yes", "--no-install-recommends", *packages])
        report("precompiling bits/stdc++.h")
        _in_root(root, ["sh", "-euc", precompile_script()])
        _prune(root)
        report(f"packing {file}")
        packed = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            # One file system and no sockets; owners as numbers, since the host has other names for them.
            _step(
                [
                    "tar",
                    "--numeric-owner",
                    "--one-file-system",
                    "-I",
                    "gzip -1",
                    "-C",
                    str(root),
                    "-cf",
                    str(packed),
                    ".",
                ]
            )
            packed.replace(file)
        finally:
            packed.unlink(missing_ok=True)
    return file


def import_tarball(api: APIClient, file: Path, *, tag: str = IMAGE, extras: Iterable[str] = ()) -> str:
    """Make a Docker image of a packed root file system; returns its id.

    Args:
        api: A client with a generous timeout (`Daemon.client`), which turns the SDK's errors into `SandboxError`.
        file: The tarball.
        tag: What to call the image.
        extras: What is in it, for its label.
    """
    repository, _, version = tag.rpartition(":") if ":" in tag.rsplit("/", 1)[-1] else (tag, "", "latest")
    label = ",".join(sorted(extras)) or "none"
    changes = ['CMD ["python3"]', f"LABEL assay.extras={label}"]
    answer = api.import_image(src=str(file), repository=repository, tag=version, changes=changes)
    if '"error"' in answer:
        raise SandboxError(f"Docker could not import {file}: {answer[-300:]}")
    return str(api.inspect_image(tag)["Id"])


def build_from_registry(
    api: APIClient, extras: Iterable[str] = (), *, tag: str = IMAGE, report: Report = _silent
) -> str:
    """Build the image from the Dockerfile beside this module; returns its id.

    Raises:
        SandboxError: A step failed; says to build from debootstrap where no registry can be reached.
    """
    arguments = {"PACKAGES": " ".join(extra_packages(extras)), "PRECOMPILE": precompile_script()}
    folder = str(Path(__file__).with_name("image"))
    lines: list[str] = []
    for part in api.build(path=folder, tag=tag, buildargs=arguments, rm=True, forcerm=True, decode=True):
        _take_line(part, lines, report)
    return str(api.inspect_image(tag)["Id"])


def _take_line(part: Mapping[str, Any], lines: list[str], report: Report) -> None:
    if "error" in part:
        tail = " | ".join(lines[-5:])
        raise SandboxError(
            f"Docker could not build the image: {part['error']} (before: {tail}). Remedy: where no registry can be "
            "reached, `assay sandbox build --from-debootstrap`"
        )
    line = str(part.get("stream", "")).strip()
    if line:
        lines.append(line)
        report(line)


def _prune(root: Path) -> None:
    """Empty caches and documents, and take away every set-user-id bit."""
    for folder in (*_NEEDLESS, "var/lib/apt/lists", "var/cache/apt/archives"):
        for path in (root / folder).glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    # They came from the host: names of machines and name servers are none of a program's business.
    for name in ("etc/hostname", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)
        (root / name).touch()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            if not path.is_symlink() and status.st_mode & 0o6000:
                path.chmod(status.st_mode & 0o1777)


def _in_root(root: Path, command: Sequence[str]) -> None:
    """Run a command in the new root, with a /proc of its own that vanishes with it."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    own_proc = ["unshare", "--mount", "--pid", "--fork", f"--mount-proc={root}/proc", "chroot", str(root)]
    _step([*own_proc, *command], environment)


def _step(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
                timeout=STEP_SECONDS, check=False,
            )  # fmt: skip
            failure = f"exit code {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            failure = f"not done after {time.monotonic() - started:.0f} s"
        if failure:
            output.seek(max(0, output.seek(0, os.SEEK_END) - 600))
            tail = output.read().decode(errors="replace").strip()
            raise SandboxError(f"`{' '.join(command)}` failed: {failure}. It said: …{tail}")
