"""Finding an lm-eval task without reading all 14,683 of them: their index costs nine seconds, a task's own folder none.

The folder of a bundled task is mostly named after it or its group; otherwise the files are searched for its name, and
lm-eval's whole index is built only for what still is not found (a tag, a group of groups elsewhere).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from assay import PluginError, UsageError, did_you_mean
from assay_benchmarks._nltk_data import find_punkt

ENVIRONMENT = "ASSAY_LM_EVAL_PATH"
_LEAST = (0, 4, 13)


def require() -> None:
    """Raise `PluginError` where lm-eval is missing or older than what this is written for."""
    import importlib.metadata
    import importlib.util
    import logging

    try:
        version = importlib.metadata.version("lm_eval")
    except importlib.metadata.PackageNotFoundError:
        raise PluginError("lm-eval: tasks need lm-eval, which is not installed: pip install 'assay[lm-eval]'") from None
    if tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < _LEAST:
        raise PluginError(
            f"lm-eval: tasks need lm-eval 0.4.13 or later, found {version}: pip install -U 'assay[lm-eval]'"
        )
    if "LMEVAL_LOG_LEVEL" not in os.environ:
        logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of every default that a task leaves as it is
    if importlib.util.find_spec("nltk") is not None:
        find_punkt()  # before a task's module is imported, which would try to download it


def folders(include_path: str) -> tuple[Path, ...]:
    """The user's folders, the option's before the environment's. Raises `UsageError` for one that is none."""
    named = [
        part for text in (include_path, os.environ.get(ENVIRONMENT, "")) for part in text.split(os.pathsep) if part
    ]
    found = tuple(dict.fromkeys(Path(part).expanduser().resolve() for part in named))
    for folder in found:
        if not folder.is_dir():
            raise UsageError(f"the folder of lm-eval tasks {folder} does not exist or is not a folder")
    return found


def manager(name: str, include: Sequence[Path]) -> Any:
    """A `TaskManager` that knows the task, the group or the tag. Raises `UsageError` where nothing has the name."""
    from lm_eval.tasks import TaskManager

    own = TaskManager(include_path=list(include), include_defaults=False)
    if name in own.task_index:
        return own
    bundled = Path(TaskManager.__init__.__code__.co_filename).parent
    for folder in _candidates(bundled, name):
        narrow = TaskManager(include_path=[folder, *include], include_defaults=False)
        if name in narrow.task_index and _complete(narrow.task_index, name):
            return narrow
    whole = TaskManager(include_path=list(include), include_defaults=True)
    if name in whole.task_index:
        return whole
    raise UsageError(f"lm-eval has no task called {name!r}. {did_you_mean(name, whole.all_tasks)}")


def _candidates(bundled: Path, name: str) -> Iterable[Path]:
    """Folders that may hold the task: named after it or its beginnings, then those with a file that names it."""
    parts = name.split("_")
    for length in range(len(parts), 0, -1):
        folder = bundled / "_".join(parts[:length])
        if folder.is_dir():
            yield folder
    line = re.compile(rb"^(?:task|group):\s*[\"']?" + re.escape(name.encode()) + rb"[\"']?\s*(?:#.*)?$", re.MULTILINE)
    for path in sorted(bundled.rglob("*.yaml")):
        if line.search(path.read_bytes()):
            yield path.parent


def _complete(index: Any, name: str) -> bool:
    """Whether everything that a group refers to is in the index too."""
    entry = index[name]
    members = (entry.cfg or {}).get("task") if entry.kind.name == "GROUP" else []
    for member in members if isinstance(members, list) else []:
        child = member if isinstance(member, str) else member.get("task", member.get("group"))
        if isinstance(child, list):
            continue  # an inline group: its members are found out when it is built
        if child not in index:
            return isinstance(member, dict) and "dataset_path" in member  # an inline task needs no entry
        if not _complete(index, child):
            return False
    return True
