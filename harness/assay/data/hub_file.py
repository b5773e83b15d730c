"""One file of a hub repository, taken into the cache as it is.

For files of a gigabyte, which should pass through nobody's memory, and for repositories that need a loading script,
which `datasets` no longer runs. A child process downloads (`huggingface_hub`, which comes with `datasets`), so that
a deadline really ends it; what arrives is compared with the recorded SHA-256 before it gets its place.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from assay.data import cache, hub
from assay.data.source import DataSource
from assay.errors import DataError

DEADLINE_SECONDS = 3600.0
"""Limit for one file; LiveCodeBench's largest has 1.3 GB. `ASSAY_HUB_TIMEOUT` overrides it."""

_DOWNLOAD = """
import sys
from huggingface_hub import hf_hub_download
repo, revision, file, folder = sys.argv[1:]
print(hf_hub_download(repo, file, repo_type="dataset", revision=revision, local_dir=folder))
"""


def store(source: DataSource, *, replace: bool) -> None:
    """Download `source.hub_file` at the pinned commit into the cache.

    Args:
        source: With `hub_repo` (or a local folder in its place), `hub_revision` and `hub_file`.
        replace: Allows a file that is already there to become another.

    Raises:
        HubError: No network, no access, a timeout, or no such file.
        DataError: What arrived is not the recorded file, or the cache cannot be written.
    """
    if source.hub_revision is None or source.hub_repo is None or source.hub_file is None:
        raise hub.HubError(f"no pinned revision known{f' ({source.hub_note})' if source.hub_note else ''}: pass --data")
    target = cache.file_of(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download.", dir=target.parent) as folder:
            file = _fetch(source, Path(folder))
            cache.adopt(source, file, replace=replace)
    except OSError as error:
        raise DataError(
            f"cannot write the cache at {target}: {error.strerror or error}. Free some space or set ASSAY_CACHE to a "
            "folder that can be written."
        ) from error


def _fetch(source: DataSource, folder: Path) -> Path:
    repo, file = str(source.hub_repo), str(source.hub_file)
    if Path(repo).is_dir():
        import shutil

        if not (Path(repo) / file).is_file():
            raise hub.HubError(f"{repo} holds no {file}")
        return Path(shutil.copyfile(Path(repo) / file, folder / "file"))
    hub.probe(repo)
    seconds = hub.deadline(DEADLINE_SECONDS)
    environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    # -P keeps the working folder off the module path.
    command = [sys.executable, "-P", "-c", _DOWNLOAD, repo, str(source.hub_revision), file, str(folder)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=seconds, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise hub.HubError(
            f"{repo}/{file} did not arrive within {seconds:g} s (ASSAY_HUB_TIMEOUT sets another limit)"
        ) from error
    if child.returncode != 0:
        raise hub.HubError(hub.explain(repo, child.stderr.decode(errors="replace"), child.returncode))
    return folder / file
