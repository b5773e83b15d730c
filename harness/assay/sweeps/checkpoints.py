"""Finding checkpoints: the folders that trainers write, and revisions on the Hugging Face hub.

    hf:runs/math                   a run's folder: its checkpoints, by step
    hf:runs/*/checkpoint-*         a pattern: every model that matches
    hf:org/model@step*             revisions (branches and tags) that match

Steps are read off the names (`assay.steps`). They are numbers, so 1000 comes after 500; a model without one comes
first.

A folder that a trainer is still writing must not be evaluated: it is complete when its weight files are as long as
their headers say, and either the file that trainers write last is there or nothing has changed for a while.
"""

from __future__ import annotations

import fnmatch
import glob
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.backends.checkpoint import split_revision
from assay.backends.swapping import safetensors_files, tensors_in
from assay.errors import BackendError, UsageError
from assay.steps import step_of

_UNFINISHED = ("tmp-", ".")
"""Trainers write under such names first and rename."""
_WRITTEN_LAST = ("trainer_state.json", "trainer/state.json")
_NESTED = ("checkpoints/step-*", "checkpoint-*", "step-*", "global_step_*", "global_step*", "iter_*")
SETTLE_SECONDS = 30.0
"""How long a folder without a file that is known to be written last must be left alone to count as complete."""
_MAX_FOUND = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointRef:
    """A model to evaluate."""

    url: str
    step: int | None
    """Training step, where the name tells."""

    @property
    def folder(self) -> Path | None:
        """Its folder, where it is one on this machine."""
        path = Path(self.url.partition(":")[2]).expanduser()
        return path if path.is_dir() else None


def find_checkpoints(patterns: Iterable[str], *, revisions: Iterable[str] = ()) -> list[CheckpointRef]:
    """The models that urls and patterns name, each once: by folder, then by step.

    Args:
        patterns: Urls such as "hf:runs/math", "hf:runs/*/checkpoint-*" or "openai:http://…#model".
        revisions: Names or patterns of revisions; every pattern that is a hub id stands for each of them.

    Raises:
        UsageError: Nothing matches a pattern; says which.
        BackendError: The hub does not say which revisions there are.
    """
    revisions = tuple(revisions)
    found: list[CheckpointRef] = []
    for pattern in patterns:
        scheme, colon, rest = pattern.partition(":")
        if not colon or not rest:
            raise UsageError(f"the model {pattern!r} has no scheme: write hf:{pattern} or vllm:{pattern}")
        names = [rest] if scheme not in ("hf", "vllm") else _names(rest, revisions)
        if not names:
            raise UsageError(f"no model matches {pattern}")
        refs = [CheckpointRef(url=f"{scheme}:{name}", step=step_of(name)[1]) for name in names]
        found += sorted(refs, key=_place)
    return list(dict.fromkeys(found))


def incomplete(folder: Path, *, now: float | None = None) -> str:
    """Why a checkpoint's folder cannot be evaluated yet, as a clause; empty where it is complete."""
    try:
        if not (folder / "config.json").is_file():
            return "it has no config.json"
        files = safetensors_files(folder)
        if not files and not list(folder.glob("*.bin")):
            return "it has no weights"
        for file in files:
            tensors_in(file)
        if lacking := _lacking_shards(folder):
            return f"it lacks {lacking}"
        if any((folder / name).is_file() for name in _WRITTEN_LAST):
            return ""
        newest = max(path.stat().st_mtime for path in folder.iterdir())
    except BackendError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    age = (time.time() if now is None else now) - newest
    return "" if age >= SETTLE_SECONDS else f"it changed {max(age, 0):.0f} s ago"


def _lacking_shards(folder: Path) -> str:
    import json

    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return ""
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "a readable index of its weights"
    return ", ".join(str(name) for name in names if not (folder / str(name)).is_file())[:200]


def _names(rest: str, revisions: tuple[str, ...]) -> list[str]:
    """The folders or hub ids that the part after the scheme stands for."""
    path = Path(rest).expanduser()
    if path.exists():
        return [rest] if path.is_file() else _in_folder(path, rest)
    repo, revision = split_revision(rest)
    wanted = (revision,) if revision else revisions
    if wanted and not _is_pattern(repo):
        return [f"{repo}@{name}" for name in _revisions(repo, wanted)]
    if not _is_pattern(rest):
        local = rest.startswith((".", "/", "~")) or rest.count("/") > 1
        return [] if local else [rest]
    matches = sorted(glob.glob(str(Path(rest).expanduser())))[:_MAX_FOUND]
    folders = [Path(match) for match in matches if Path(match).is_dir()]
    return [name for folder in folders if not _unfinished(folder) for name in _in_folder(folder, str(folder))]


def _in_folder(folder: Path, name: str) -> list[str]:
    """The checkpoints in a folder, or the folder itself where there are none and it is a model.

    Trainers put the final model beside the checkpoints; it is the last of them once more.
    """
    for pattern in _NESTED:
        inside = [path for path in folder.glob(pattern) if path.is_dir() and not _unfinished(path)]
        if inside:
            return [str(path) for path in inside]
    # A checkpoint that a trainer has just begun to write holds no configuration yet.
    is_model = (folder / "config.json").is_file() or any(folder.glob("*.gguf"))
    return [name] if is_model or step_of(name)[1] is not None else []


def _unfinished(folder: Path) -> bool:
    return folder.name.startswith(_UNFINISHED)


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _place(ref: CheckpointRef) -> tuple[str, int, str]:
    name = re.split(r"[/@]", ref.url.rstrip("/"))
    # Models without a step are the beginning of a curve: the base model.
    return "/".join(name[:-1]) if ref.step is not None else "", -1 if ref.step is None else ref.step, ref.url


def _revisions(repo: str, wanted: tuple[str, ...]) -> list[str]:
    plain = [name for name in wanted if not _is_pattern(name)]
    patterns = [name for name in wanted if _is_pattern(name)]
    known = _known_revisions(repo) if patterns else []
    return list(dict.fromkeys([*plain, *(n for n in known if any(fnmatch.fnmatchcase(n, p) for p in patterns))]))


def _known_revisions(repo: str) -> list[str]:
    """Branches and tags of a model on the hub; offline, those that the cache holds."""
    import huggingface_hub
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        try:
            refs = huggingface_hub.HfApi(library_name="assay").list_repo_refs(repo)
            return [ref.name for ref in (*refs.branches, *refs.tags)]
        except Exception as error:  # noqa: BLE001  # whatever the HTTP stack raises: the cache may know some
            why = f"the hub does not answer ({type(error).__name__})"
    else:
        why = "HF_HUB_OFFLINE is set"
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "refs"
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not names:
        raise BackendError(f"cannot list the revisions of {repo}: {why}, and the local cache knows none")
    return names
