"""Whether a stage's outputs are current: made from these inputs with this configuration.

The key of a stage is a hash of its kind, its configuration, the content of every file and folder that the
configuration names, and the keys of the stages that it builds on. A stage's folder carries the key in its name, so a
change anywhere upstream leads to new folders, nothing is mixed, and nothing old is overwritten.

Files beyond `_WHOLE_BYTES` (weights) count by their size, their first and their last megabyte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay import DataError
from assay_trainers.pipeline.references import substitute

_VERSION = 1
"""Goes up when a stage of an earlier version must not count as current."""
_WHOLE_BYTES = 64 * 2**20
_EDGE_BYTES = 2**20


def stage_key(kind: str, config: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """The key of a stage, 16 hexadecimal digits.

    Args:
        kind: Of the stage.
        config: With references.
        inputs: What each reference stands for here: the key of a stage, the hash of a file, a name.
    """
    replaced = substitute(config, inputs)
    value = [_VERSION, kind, _with_contents(replaced)]
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def content_hash(path: Path) -> str:
    """A hash of a file, or of everything in a folder. Raises `DataError` where it cannot be read."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    try:
        for file in files:
            digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
            with open(file, "rb") as opened:
                if file.stat().st_size <= _WHOLE_BYTES:
                    while part := opened.read(_EDGE_BYTES):
                        digest.update(part)
                else:
                    digest.update(opened.read(_EDGE_BYTES))
                    opened.seek(-_EDGE_BYTES, 2)
                    digest.update(opened.read())
    except OSError as error:
        raise DataError(f"cannot read the input {path}: {error.strerror or error}") from error
    return digest.hexdigest()[:16]


def _with_contents(value: Any) -> Any:
    """The value with the names of files and folders replaced by what they hold."""
    if isinstance(value, Mapping):
        return {key: _with_contents(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_contents(inner) for inner in value]
    if isinstance(value, str) and 0 < len(value) < 4096 and "\n" not in value and "\0" not in value:
        path = Path(value.removeprefix("hf:").removeprefix("vllm:")).expanduser()
        # A word such as "r1" may be the name of a folder by accident: paths of inputs have a slash or a suffix.
        if ("/" in value or path.suffix) and path.exists():
            return f"content {content_hash(path)}"
    return value
