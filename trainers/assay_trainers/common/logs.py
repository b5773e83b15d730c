"""What a run writes down: lines of JSON with the step they belong to, and its configuration.

Logs are cut back to the checkpoint when a run resumes, so no step stands in them twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Append a row to a JSONL file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write the resolved configuration as YAML."""
    path.write_text(as_yaml(config), encoding="utf-8")


def as_yaml(config: Mapping[str, Any]) -> str:
    """A configuration as a file would hold it, in its own order."""
    import yaml

    return str(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))


def plan_of(config: Mapping[str, Any], lines: Iterable[str]) -> str:
    """What `--dry-run` prints: the resolved configuration, and below it what it comes to."""
    return "\n".join([as_yaml(config), *lines])


def cut_log(path: Path, step: int) -> None:
    """Drop the lines of a JSONL log that belong to steps after `step`, and a torn last line."""
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().split(b"\n"):
        try:
            if line and json.loads(line)["step"] <= step:
                kept.append(line + b"\n")
        except (ValueError, KeyError, TypeError):
            continue
    part = path.with_name(path.name + ".part")
    part.write_bytes(b"".join(kept))
    part.replace(path)
