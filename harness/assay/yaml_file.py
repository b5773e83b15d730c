"""Reading a YAML file that a person wrote, with bounds: it may be huge, hostile or no YAML at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.errors import UsageError


def read_yaml(path: Path, what: str, *, max_bytes: int, max_brackets: int) -> Any:
    """The value in a YAML (or JSON) file, read by a safe loader.

    Args:
        path: The file.
        what: What it should be, for errors: "reward configuration".
        max_bytes: Size of the file at most.
        max_brackets: Opening brackets at most: the parser takes quadratic time over nested ones.

    Raises `UsageError` naming the file. Aliases are refused: they can blow a page up to gigabytes ("billion laughs").
    """
    import yaml

    try:
        if path.stat().st_size > max_bytes:
            raise UsageError(f"{path} is larger than {max_bytes} bytes: that is no {what}")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the {what} {path}: {error}") from error
    if text.count("[") + text.count("{") > max_brackets:
        raise UsageError(f"{path} has more than {max_brackets} opening brackets: that is no {what}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=loader)):
            raise UsageError(f"{path} uses a YAML alias (*name); write the value out")
        return yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
