"""Finding the files of a model: a folder, a GGUF file, or an id on the Hugging Face hub.

A hub id is turned into a local folder before anything else looks at it, so that loading, fingerprint and
error messages are the same for all. The hub is asked once, with a deadline of seconds; where it does not
answer, or `HF_HUB_OFFLINE` is set, what an earlier download left in the cache is used, and where that is
missing the error says how to get the model another way. Nothing here waits without a limit.
"""

from __future__ import annotations

import fnmatch
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.backends.bundled import bundled_smollm2
from assay.backends.fingerprint import model_files
from assay.errors import BackendError, UsageError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_HUB_SECONDS = 20.0
"""Deadline for the hub's first answer; the download that follows may take as long as it moves."""
_SIDE_FILES = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "*.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where a model's files are."""

    folder: Path
    gguf_file: str | None
    """Name of the GGUF file in the folder, for a model in that format."""
    source: str
    """What the user wrote: a path or an id."""

    @property
    def files(self) -> list[Path]:
        """The files that decide the completions."""
        return [self.folder / self.gguf_file] if self.gguf_file else model_files(self.folder)

    def config(self) -> dict[str, Any]:
        """The parsed `config.json`; empty for GGUF. Raises `BackendError` where it is broken."""
        path = self.folder / "config.json"
        if self.gguf_file:
            return {}
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise BackendError(f"cannot read the model's configuration {path}: {error}") from error
        if not isinstance(value, dict):
            raise BackendError(f"the model's configuration {path} is not a JSON object")
        return value


def find_checkpoint(source: str, *, revision: str | None = None, gguf_file: str | None = None) -> Checkpoint:
    """Find a model's files, downloading them if `source` is a hub id.

    Args:
        source: A folder, a `.gguf` file, or an id such as "Qwen/Qwen2.5-Math-7B", with "@revision" after it if wanted.
        revision: Branch, tag or commit on the hub; only for ids.
        gguf_file: Name of the file, where a folder or repository holds several.

    Raises:
        UsageError: The path does not exist, or the arguments contradict each other.
        BackendError: The folder holds no model, or the hub does not hand it out.
    """
    path = Path(source).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise UsageError(f"the model {source} is a file but not a .gguf file: name the checkpoint's folder")
        _check_gguf(path)
        return Checkpoint(folder=path.parent, gguf_file=path.name, source=source)
    if path.is_dir():
        if revision is not None:
            raise UsageError(f"the option revision is for models on the hub, and {source} is a local folder")
        return _in_folder(path, source, gguf_file)
    repo, named = split_revision(source)
    looks_local = repo.startswith((".", "/", "~")) or repo.endswith(".gguf") or repo.count("/") > 1
    if looks_local or not _HUB_ID.fullmatch(repo):
        raise UsageError(f"there is no model at {source}: no such file or folder")
    if named and revision is not None and named != revision:
        raise UsageError(f"the model {source} names one revision and the option revision another ({revision})")
    return _in_folder(_from_hub(repo, named or revision, gguf_file), source, gguf_file)


def split_revision(source: str) -> tuple[str, str | None]:
    """Split a hub id from the revision after its "@"; a name without one is left alone.

    >>> split_revision("EleutherAI/pythia-70m@step1000"), split_revision("EleutherAI/pythia-70m")
    (('EleutherAI/pythia-70m', 'step1000'), ('EleutherAI/pythia-70m', None))
    """
    repo, at, revision = source.partition("@")
    return (repo, revision) if at and repo and revision else (source, None)


def model_url(scheme: str, source: str, revision: str | None) -> str:
    """The url of a model, its revision included: two revisions of one model are two models."""
    named = revision is not None and split_revision(source)[1] is None
    return f"{scheme}:{source}@{revision}" if named else f"{scheme}:{source}"


def _in_folder(folder: Path, source: str, gguf_file: str | None) -> Checkpoint:
    if gguf_file is not None:
        if not (folder / gguf_file).is_file():
            raise UsageError(f"the model folder {folder} holds no file {gguf_file}")
        _check_gguf(folder / gguf_file)
        return Checkpoint(folder=folder, gguf_file=gguf_file, source=source)
    if (folder / "config.json").is_file():
        if not any(path.suffix in (".safetensors", ".bin") for path in folder.iterdir()):
            raise BackendError(f"{folder} holds a config.json but no weights (*.safetensors or *.bin)")
        return Checkpoint(folder=folder, gguf_file=None, source=source)
    found = sorted(path.name for path in folder.glob("*.gguf"))
    if len(found) == 1:
        _check_gguf(folder / found[0])
        return Checkpoint(folder=folder, gguf_file=found[0], source=source)
    if found:
        raise UsageError(f"{folder} holds several GGUF files; choose one with gguf_file=: {', '.join(found)}")
    if (folder / "adapter_config.json").is_file():
        raise BackendError(f"{folder} holds an adapter (LoRA), not a whole model: merge it into its base model first")
    raise BackendError(f"{folder} holds neither a config.json nor a .gguf file: it is not a model's folder")


def _check_gguf(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise BackendError(f"cannot read the model file {path}: {error.strerror or error}") from error
    if magic != b"GGUF":
        raise BackendError(f"{path} is not a GGUF file (it begins with {magic!r}): fetch it again")


def _from_hub(repo: str, revision: str | None, gguf_file: str | None) -> Path:
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if constants.HF_HUB_OFFLINE:
        return _from_cache(repo, revision, "HF_HUB_OFFLINE is set")
    try:
        info = _with_deadline(lambda: huggingface_hub.HfApi().model_info(repo, revision=revision, timeout=5))
    except GatedRepoError as error:
        raise BackendError(
            f"the model {repo} is gated: accept its terms on https://huggingface.co/{repo} and set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise BackendError(f"the model {repo} has no revision {revision!r} on the hub") from error
    except RepositoryNotFoundError as error:
        raise BackendError(
            f"the hub knows no model {repo} (a private one needs HF_TOKEN), and no folder of that name exists here"
        ) from error
    except Exception as error:  # noqa: BLE001  # whatever the HTTP stack raises: no network, proxy, deadline
        return _from_cache(repo, revision, f"the Hugging Face hub cannot be reached ({_brief(error)})")
    names = [sibling.rfilename for sibling in info.siblings or []]
    try:
        return Path(
            huggingface_hub.snapshot_download(repo, revision=info.sha, allow_patterns=_wanted(names, gguf_file))
        )
    except Exception as error:
        raise BackendError(
            f"the download of {repo} from the Hugging Face hub failed: {_brief(error)}. Run the same command again: "
            "it goes on where it stopped."
        ) from error


def _wanted(names: list[str], gguf_file: str | None) -> list[str]:
    """Patterns of the files to download: one format of weights, in the top folder only."""
    if gguf_file is not None:
        return [gguf_file]
    for pattern in ("*.safetensors", "*.bin"):
        weights = [name for name in names if "/" not in name and fnmatch.fnmatch(name, pattern)]
        if weights:
            return [*weights, *(n for n in names if "/" not in n and any(fnmatch.fnmatch(n, p) for p in _SIDE_FILES))]
    gguf = [name for name in names if "/" not in name and name.endswith(".gguf")]
    if len(gguf) > 1:
        raise UsageError(f"the repository holds several GGUF files; choose one with gguf_file=: {', '.join(gguf)}")
    return gguf or list(_SIDE_FILES)


def _from_cache(repo: str, revision: str | None, why: str) -> Path:
    import huggingface_hub

    try:
        folder = Path(huggingface_hub.snapshot_download(repo, revision=revision, local_files_only=True))
    except Exception as error:
        bundled = bundled_smollm2()
        instead = f" Here you could use hf:{bundled}." if bundled and "smollm2-135m" in repo.lower() else ""
        raise BackendError(
            f"cannot load {repo}: {why}, and the local cache does not hold it. Fetch it where there is a network "
            f"(`hf download {repo}`), and pass its folder, as in hf:/path/to/{repo.rpartition('/')[2]}.{instead}"
        ) from error
    has_weights = any(path.suffix in (".safetensors", ".bin", ".gguf") for path in folder.iterdir())
    if not has_weights:
        raise BackendError(f"cannot load {repo}: {why}, and the cached copy in {folder} has no weights")
    return folder


def _with_deadline(call: Any) -> Any:
    """Run a call in a thread and give up waiting after `_HUB_SECONDS`: name look-ups know no time-out."""
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["value"] = call()
        except BaseException as error:  # noqa: BLE001  # handed to the caller below
            box["error"] = error

    thread = threading.Thread(target=work, daemon=True, name="assay-hub")
    thread.start()
    thread.join(_HUB_SECONDS)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {_HUB_SECONDS:.0f} s")
    if "error" in box:
        raise box["error"]
    return box["value"]


def _brief(error: BaseException) -> str:
    line = " ".join(str(error).split())
    return f"{type(error).__name__}: {line[:200]}" if line else type(error).__name__
