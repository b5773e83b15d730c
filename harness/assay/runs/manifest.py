"""What a run was: the file `manifest.json`, and the folder name that follows from it.

The identity holds everything that samples depend on, except how many of them are asked for: so raising
n or the limit finds the same folder and pays only for what is missing, and changing the temperature
starts another run. Everything else (versions, hardware, command) is recorded once per session.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from assay.errors import StoreError
from assay.hashing import hash_value, replace_surrogates
from assay.types import Sampling

MANIFEST = "manifest.json"
FORMAT = 1

_VERSIONED = (
    "assay", "torch", "transformers", "vllm", "tokenizers", "sympy", "latex2sympy2_extended", "datasets",
    "reasoning-gym", "pyarrow", "numpy",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class RunIdentity:
    """What the samples of a run depend on."""

    model: str
    """The backend's url."""
    model_fingerprint: str
    benchmark: str
    benchmark_revision: str
    """Hash of the benchmark's data."""
    template: str
    instruction: str
    prefill: str
    """What the assistant's turn was made to start with, "auto" already resolved."""
    prompt_sha256: str
    """Hash of template text, instruction and prefill: scores under different ones are not comparable."""
    sampling: Sampling


_FIELDS = {field.name for field in fields(RunIdentity)} | {"verifiers", "metrics", "first_prompt", "sessions"}


def run_folder(root: Path, identity: RunIdentity) -> Path:
    """Where a run lives: `<root>/<model>/<benchmark>-<hash>`, readable and unique."""
    return (
        root / slug(identity.model.partition(":")[2] or identity.model) / f"{slug(identity.benchmark)}-{_tag(identity)}"
    )


def slug(name: str) -> str:
    """A file name out of anything: letters, digits, dots and dashes of its last path component."""
    last = re.split(r"[/#]", name.rstrip("/"))[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:80] or "model"


def load_manifest(folder: Path) -> dict[str, Any]:
    """Read a run's manifest. Raises `StoreError` where it is missing or damaged."""
    path = folder / MANIFEST
    try:
        manifest = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(f"{folder} is not a run folder: it holds no {MANIFEST}") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else manifest
        raise StoreError(f"{path} has format {found!r:.80}; this version of Assay reads format {FORMAT}")
    missing = sorted(_FIELDS - manifest.keys())
    if missing or not manifest["sessions"]:
        raise StoreError(f"{path} is damaged: it lacks {', '.join(missing) or 'sessions'}. Restore it from a copy.")
    return manifest


def write_manifest(
    folder: Path,
    identity: RunIdentity,
    *,
    verifiers: dict[str, str],
    metrics: list[str],
    session: dict[str, Any],
    first_prompt: str,
    verifier_options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Create the manifest, or add this session to it. Returns what it now holds.

    Raises `StoreError` where the folder belongs to another run, or its verdicts to another verifier version or to
    other options.
    """
    described = {**asdict(identity), "sampling": asdict(identity.sampling)}
    if (folder / MANIFEST).exists():
        manifest = load_manifest(folder)
        different = sorted(name for name, value in described.items() if _plain(value) != manifest.get(name))
        if different:
            raise StoreError(f"{folder} holds another run: its {', '.join(different)} differ. Choose another --out.")
        installed = {**manifest["verifiers"], **verifiers}
        if any(installed[name] != version for name, version in manifest["verifiers"].items()):
            raise StoreError(
                f"{folder} was scored with {_versions(manifest['verifiers'])}, installed is {_versions(verifiers)}. "
                f"Run `assay rescore {folder}` first, so that one table never mixes two verifiers."
            )
        scored_with = manifest.get("verifier_options", {})
        if _plain(dict(verifier_options or {})) != scored_with:
            raise StoreError(
                f"{folder} was scored with the verifier options {scored_with}, asked for are "
                f"{dict(verifier_options or {})}. Ask for the same, or choose another --out."
            )
        manifest["sessions"].append(session)
        manifest["verifiers"] = installed
        manifest["metrics"] = metrics
    else:
        manifest = {
            "format": FORMAT,
            **described,
            "verifiers": verifiers,
            "verifier_options": dict(verifier_options or {}),
            "metrics": metrics,
            "first_prompt": first_prompt,
            "sessions": [session],
        }
    write_json(folder / MANIFEST, manifest)
    return manifest


def describe_session(
    *, samples: int, planned: int, problem_ids: list[str] | None, data: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What was asked for, and time, command, code, packages and hardware of this process.

    Args:
        samples: Samples per problem.
        planned: Samples in all.
        problem_ids: The problems, where a limit left some out.
        data: Where the benchmark's data came from, where it says so.
    """
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "samples_per_problem": samples,
        "problem_ids": problem_ids,
        "data": data,
        "planned_samples": planned,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "packages": {name: version for name in _VERSIONED if (version := _version(name))},
        "machine": {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "host": platform.node(),
            "cpus": os.cpu_count(),
            "gpus": _gpus(),
        },
    }


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically. Raises `StoreError` where the disk does not take it."""
    # Command lines and paths may hold bytes that are not UTF-8, which arrive as surrogates.
    _replace(path, orjson.dumps(replace_surrogates(value), option=orjson.OPT_INDENT_2) + b"\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically. Raises `StoreError` where the disk does not take it."""
    _replace(path, text.encode())


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".partial")
    try:
        with open(fresh, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}. Make room, or choose another --out."
        ) from error


def _tag(identity: RunIdentity) -> str:
    return hash_value(asdict(identity))[:8]


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _versions(verifiers: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(verifiers.items()))


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Commit of the working folder's repository, "+changes" where it has uncommitted ones."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes", "--match="],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")  # never imported for this: a replay needs no torch
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
