"""The child process that asks `datasets`: a JSON question on standard input, JSONL rows on standard output.

The last line is `{"rows": N}`. On failure the last line of standard error is the reason and the exit status
is 1. Rows are streamed and never cached on disk. `datasets` runs no code of the repository (it has none of
the old loading scripts any more).
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> int:
    """Answer one question. Returns the exit status."""
    from assay.hashing import canonical_json

    question: dict[str, Any] = json.load(sys.stdin)
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever the libraries print must not mix with the rows
    try:
        import datasets

        datasets.disable_progress_bars()
        count = 0
        for config in question["configs"]:
            rows = datasets.load_dataset(
                question["repo"],
                config,
                split=question["split"],
                revision=question["revision"],
                streaming=True,
            )
            for row in rows:
                named = {**row, "config": config} if question["name_them"] else row
                out.write(canonical_json(_plain(named)) + b"\n")
                count += 1
    except Exception as error:  # noqa: BLE001 - whatever datasets raises is reported to the parent as one line
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return 1
    out.write(canonical_json({"rows": count}) + b"\n")
    out.flush()
    return 0


def _plain(value: Any) -> Any:
    """JSON values; whatever else a column may hold (dates, bytes) as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


if __name__ == "__main__":
    sys.exit(main())
