"""The stage table: what each stage did, what its model scored, and how long it took; as JSON and Markdown."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import StoreError


def write_table(output: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write stages.json and stages.md. Raises `StoreError` where the disk does not take them."""
    text = json.dumps({"recipe": name, "stages": list(rows)}, indent=1, ensure_ascii=False) + "\n"
    try:
        for path, content in ((output / "stages.json", text), (output / "stages.md", markdown(name, rows))):
            part = path.with_name(path.name + ".part")
            part.write_text(content, encoding="utf-8")
            os.replace(part, path)
    except OSError as error:
        raise StoreError(f"cannot write {output / 'stages.json'}: {error.strerror or error}") from error


def markdown(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The table for people: a column for each benchmark and metric, with its 95 % interval."""
    columns = list(dict.fromkeys(_column(score) for row in rows for score in row["scores"]))
    head = ["stage", "kind", "did", *columns, "seconds"]
    lines = [f"# {name}", "", _line(head), _line(["---"] * len(head))]
    for row in rows:
        scores = {_column(score): _shown(score) for score in row["scores"]}
        again = f" ({row['sessions']} sessions)" if row["sessions"] > 1 else ""
        cells = [row["stage"], row["kind"], row["did"], *(scores.get(column, "") for column in columns)]
        lines.append(_line([*cells, f"{row['seconds']:.0f}{again}"]))
    return "\n".join([*lines, ""])


def _column(score: Mapping[str, Any]) -> str:
    return f"{score['benchmark']} {score['metric']}"


def _shown(score: Mapping[str, Any]) -> str:
    if score["value"] is None:
        return "–"
    interval = "" if score["low"] is None else f" [{score['low']:.3f}, {score['high']:.3f}]"
    return f"{score['value']:.3f}{interval}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
