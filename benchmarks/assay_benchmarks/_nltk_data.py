"""Where NLTK's sentence splitter (its data package `punkt_tab`) is: IFEval's checkers split texts with it.

NLTK looks for it in its own folders and does not ship it; its downloader needs more of a network than the package
registry. The same files are part of the package llama-index-core, which is looked into when it is installed (it need
not work: `pip install --no-deps llama-index-core` is enough, and it is never imported).
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

REMEDY = (
    "Get it with `python -m nltk.downloader punkt_tab`, or from the package registry with "
    "`pip install --no-deps llama-index-core`, which holds a copy."
)


def find_punkt() -> bool:
    """Whether NLTK finds `punkt_tab` now; adds the copy of llama-index-core to its path where it did not."""
    import nltk

    if _found():
        return True
    try:
        package = importlib.metadata.distribution("llama-index-core")
    except importlib.metadata.PackageNotFoundError:
        return False
    folder = str(Path(str(package.locate_file("llama_index"))) / "core" / "_static" / "nltk_cache")
    if folder not in nltk.data.path:
        nltk.data.path.append(folder)
    return _found()


def _found() -> bool:
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab/english/")
    except LookupError:
        return False
    return True
