"""`assay new verifier|benchmark|backend NAME`: an installable package to start a plugin from.

The templates are a working package named `my_plugin`, in three kinds that share a few files; making one is copying
it with the name replaced in contents and paths. So the templates themselves can be installed and tested, and what
they show is what is true.
"""

from __future__ import annotations

import keyword
import re
from importlib.resources import as_file, files
from pathlib import Path

from assay.errors import StoreError, UsageError, did_you_mean

KINDS = ("verifier", "benchmark", "backend")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_TAKEN = {"assay", "assay_plugins", "assay_benchmarks", "assay_trainers", "test", "tests"}


def new_package(kind: str, name: str, folder: Path | None = None) -> list[Path]:
    """Write a package and return its files.

    Args:
        kind: One of `KINDS`.
        name: What is registered: lower-case letters, digits, dashes or underscores.
        folder: Where it goes; a folder of the name in the current one if not given.

    Raises:
        UsageError: The kind or the name will not do, or the folder exists and is not empty.
        StoreError: The disk does not take it.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no template {kind!r}. " + did_you_mean(kind, list(KINDS)))
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(module) or module in _TAKEN:
        raise UsageError(
            f"{name!r} cannot be the name of a plugin: it takes lower-case letters, digits, - and _, begins with a "
            "letter, and is no name of Python or of Assay"
        )
    target = folder or Path(module.replace("_", "-"))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} exists and is not empty: choose another name, or --out")
    names = {
        "my-plugin": module.replace("_", "-"),
        "my_plugin": module,
        "MyPlugin": "".join(part.title() for part in module.split("_")),
    }
    written: list[Path] = []
    with as_file(files("assay.scaffold").joinpath("templates")) as templates:
        for part in (templates / "common", templates / kind):
            sources = sorted(path for path in part.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
            written += [_copy(path, target / _named(str(path.relative_to(part)), names), names) for path in sources]
    return written


def _copy(source: Path, target: Path, names: dict[str, str]) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_named(source.read_text("utf-8"), names), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def _named(text: str, names: dict[str, str]) -> str:
    for placeholder, name in names.items():
        text = text.replace(placeholder, name)
    return text
