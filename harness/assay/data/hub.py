"""Rows from the Hugging Face hub at a pinned commit.

`datasets` runs in a child process (`assay.data.hub_child`) and streams the rows back over a pipe. That keeps
its 200 MB of imports, its progress bars and its half-minute of retries out of the caller, gives a deadline
that really ends it, and writes no second copy of the data (nor any copy of confidential data) to disk.

Before that, one request with a short time limit asks whether the hub answers at all: without a network the
answer comes in seconds. `HF_HUB_OFFLINE=1` is honoured by not asking.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.data.source import DataSource
from assay.errors import DataError
from assay.jsonl import parse_json

PROBE_SECONDS = 5.0
"""Limit for connecting and for the first answer. A hub that is slower than this could not be used anyway."""
DEADLINE_SECONDS = 300.0
"""Limit for a whole download; the largest of our sets has 2 MB. `ASSAY_HUB_TIMEOUT` overrides it."""
_PART_SECONDS = 10.0
"""More for each further part of a set in parts: the hub is asked several questions for each."""


class HubError(DataError):
    """The hub has no route, cannot be reached, or refused: the reason, without the rest of the story."""


def download(source: DataSource) -> list[dict[str, Any]]:
    """All rows of a source with our field names, in the hub's order.

    Raises:
        HubError: No hub route or pinned revision, no network, no access, or a timeout.
        DataError: The rows came and lack a column.
    """
    repo = source.hub_repo
    if source.hub_revision is None or repo is None:
        reason = f" ({source.hub_note})" if source.hub_note else ""
        raise HubError(f"no pinned revision known{reason}: pass --data or set hub_revision")
    if not Path(repo).is_dir():
        probe(repo)
    rows = _run_child(source, repo)
    if not rows:
        raise DataError(f"the hub's {repo}@{source.hub_revision} has no rows in split {source.hub_split!r}")
    return [_convert(source, index, row) for index, row in enumerate(rows)]


def probe(repo: str) -> None:
    """Raise `HubError` at once where the hub cannot be reached or must not be asked."""
    import httpx

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise HubError(f"{repo} not asked for, because HF_HUB_OFFLINE is set")
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        httpx.head(endpoint, timeout=PROBE_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise HubError(f"{endpoint} cannot be reached ({type(error).__name__}: {error})") from error


def _run_child(source: DataSource, repo: str) -> list[dict[str, Any]]:
    config = source.hub_config
    configs = list(config) if isinstance(config, tuple) else [config]
    question = {
        "repo": repo,
        "revision": source.hub_revision,
        "configs": configs,
        "name_them": isinstance(config, tuple),
        "split": source.hub_split,
    }
    environment = {"HF_HUB_ETAG_TIMEOUT": "10", "HF_HUB_DOWNLOAD_TIMEOUT": "20", **os.environ}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    seconds = deadline(DEADLINE_SECONDS + _PART_SECONDS * (len(configs) - 1))
    # -P keeps the working folder off the module path: a folder called "datasets" there must not be imported.
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "assay.data.hub_child"],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HubError(f"{repo} did not arrive within {seconds:g} s (ASSAY_HUB_TIMEOUT sets another limit)") from error
    except OSError as error:
        raise HubError(f"the download of {repo} could not be started: {error}") from error
    if child.returncode != 0:
        raise HubError(explain(repo, child.stderr.decode(errors="replace"), child.returncode))
    try:
        rows = [parse_json(line) for line in child.stdout.split(b"\n") if line]
    except ValueError as error:
        raise HubError(f"the download of {repo} was garbled ({error})") from error
    # The child's last line says how many rows it sent, so that a pipe cut short is never taken for all of it.
    if not rows or rows[-1] != {"rows": len(rows) - 1}:
        raise HubError(f"the download of {repo} was cut short")
    return rows[:-1]


def explain(repo: str, stderr: str, returncode: int) -> str:
    """A sentence from what a failed child process said."""
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "no message")[:400]
    hint = ""
    if "gated" in last.lower() or "401" in last or "403" in last:
        hint = f". Accept its terms at https://huggingface.co/datasets/{repo} and set HF_TOKEN"
    if "No module named 'datasets'" in last or "No module named 'huggingface_hub'" in last:
        hint = ". Install it: pip install 'assay[hub]'"
    return f"{repo}: {last} (exit status {returncode}){hint}"


def _convert(source: DataSource, index: int, row: Mapping[str, Any]) -> dict[str, Any]:
    where = f"hub:{source.hub_repo}@{source.hub_revision}, row {index}"
    missing = [column for column in source.hub_fields.values() if column not in row]
    if missing:
        raise DataError(f"{where} lacks the column {missing[0]!r}; it has {', '.join(sorted(row))}")
    values = {ours: row[column] for ours, column in source.hub_fields.items()} if source.hub_fields else dict(row)
    if source.hub_derive is not None:
        try:
            values |= source.hub_derive(index, row)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{where} does not have the expected form: {type(error).__name__}: {error}. "
                f"Its columns are {', '.join(sorted(row))}"
            ) from error
    return values


def deadline(default: float = DEADLINE_SECONDS) -> float:
    """Seconds for a download: `ASSAY_HUB_TIMEOUT` or the default. Raises `DataError` for a value that is none."""
    value = os.environ.get("ASSAY_HUB_TIMEOUT")
    try:
        seconds = float(value) if value else default
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise DataError(f"ASSAY_HUB_TIMEOUT must be a positive number of seconds, got {value!r}")
    return seconds
