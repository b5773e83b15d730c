"""Programs of ours that run inside the sandbox, around the model's program or around the tests of a benchmark.

They are plain Python of any version from 3.8 and import nothing of Assay: `bundle` joins the files into one text.
What they answer is data to be judged, since whatever shares a process with the model's program may be that
program's doing.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_IMPORT = re.compile(
    r"(?m)^from (?:assay_plugins\.code_tests\.inside\.\w+|typing|collections\.abc) import (?:\([^)]*\)|.*)\n"
)
"""What the joined text does without: its own parts, and what only annotations use, which are never evaluated."""
_FUTURE = "from __future__ import annotations\n"


@cache
def bundle(*names: str) -> str:
    """The text of one program from these modules of this folder, in order; the last is the one that runs."""
    body = "".join(_IMPORT.sub("", text_of(name)).replace(_FUTURE, "") for name in names)
    return _FUTURE + body + "\nmain()\n"


@cache
def text_of(name: str) -> str:
    """The text of one module of this folder."""
    return (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
