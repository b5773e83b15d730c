"""What rejection sampling writes: rows that `assay train sft` reads, with where each came from, and the report.

A row holds `prompt` (what the model was given: messages, or the raw text) and `completion` (the whole assistant turn,
prefill included), and its provenance: problem, sample index and seed, model and fingerprint, verdict, the verifier's
version, the filters it passed with theirs, revision of the data, sampling. Files are written beside their place and
renamed, so a reader never sees half of one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import Message, StoreError, get_template, render_prompt
from assay_trainers.sampling.rejection import Sampled, Selection


def rows_of(selection: Selection, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The kept samples as rows.

    Args:
        selection: What was kept.
        manifest: Of the run that drew them.
    """
    return [_row(sample, selection, manifest) for sample in selection.kept]


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows.parquet and rows.jsonl. Raises `StoreError` where the disk does not take them."""
    _replace(folder / "rows.jsonl", lambda path: path.write_text(_jsonl(rows), encoding="utf-8"))
    _replace(folder / "rows.parquet", lambda path: _write_parquet(path, rows))


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write report.json, and the same for people as report.md."""
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    _replace(folder / "report.json", lambda path: path.write_text(text, encoding="utf-8"))
    _replace(folder / "report.md", lambda path: path.write_text(markdown(report), encoding="utf-8"))


def report_of(selection: Selection, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """How many samples fell where, and what made the rows."""
    lengths = [sample.completion.num_tokens for sample in selection.kept if sample.completion.num_tokens is not None]
    return {
        "model": manifest["model"],
        "model_fingerprint": manifest["model_fingerprint"],
        "data": manifest["benchmark"],
        "data_revision": manifest["benchmark_revision"],
        "problems": selection.problems,
        "drawn": selection.drawn,
        "fell": selection.fell,
        "kept": len(selection.kept),
        "problems_with_a_row": selection.answered,
        "mean_tokens": sum(lengths) / len(lengths) if lengths else None,
        "filters": selection.filters,
        "config": dict(config),
    }


def markdown(report: Mapping[str, Any]) -> str:
    """The report for people."""
    left = report["drawn"]
    lines = [
        f"# Rejection sampling: {report['data']}",
        "",
        f"{report['model']} (`{report['model_fingerprint']}`), data revision `{report['data_revision']}`",
        "",
        "| step | fell | left |",
        "|---|---|---|",
        f"| drawn, {report['problems']} problems |  | {left} |",
    ]
    for step, count in report["fell"].items():
        left -= count
        lines.append(f"| {step} | {count} | {left} |")
    lines += ["", f"Rows: {report['kept']}, of {report['problems_with_a_row']} problems.", ""]
    return "\n".join(lines)


def _row(sample: Sampled, selection: Selection, manifest: Mapping[str, Any]) -> dict[str, Any]:
    template = get_template(manifest["template"])
    prompt: tuple[Message, ...] | str = render_prompt(template, sample.problem, manifest["instruction"])
    completion = sample.completion.prefill + sample.completion.text
    sampling = manifest["sampling"]
    return {
        **_texts(prompt, completion),
        "problem_id": sample.problem.id,
        "sample_index": sample.sample_index,
        "seed": sample.seed,
        "sample_key": sample.key,
        "model": manifest["model"],
        "model_fingerprint": manifest["model_fingerprint"],
        "data": manifest["benchmark"],
        "data_revision": manifest["benchmark_revision"],
        "prompt_sha256": manifest["prompt_sha256"],
        "temperature": sampling["temperature"],
        "top_p": sampling["top_p"],
        "max_tokens": sampling["max_tokens"],
        "tokens": sample.completion.num_tokens,
        "score": sample.score,
        "extracted": sample.extracted,
        "verifier": sample.verifier,
        "verifier_version": sample.verifier_version,
        "filters": [f"{name} {version}" for name, version in selection.filters.items()],
    }


def _texts(prompt: tuple[Message, ...] | str, completion: str) -> dict[str, Any]:
    """Prompt and completion: two texts where the model was given a raw one, else messages."""
    if isinstance(prompt, str):
        return {"prompt": prompt, "completion": completion}
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt]
    return {"prompt": turns, "completion": [{"role": "assistant", "content": completion}]}


def _jsonl(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, whole, number = pa.string(), pa.int64(), pa.float64()
    raw = not rows or isinstance(rows[0]["prompt"], str)
    turns = text if raw else pa.list_(pa.struct({"role": text, "content": text}))
    kinds = {
        "prompt": turns, "completion": turns, "sample_index": whole, "seed": whole, "temperature": number,
        "top_p": number, "max_tokens": whole, "tokens": whole, "score": number, "filters": pa.list_(text),
    }  # fmt: skip
    names = list(rows[0]) if rows else list(kinds)
    schema = pa.schema({name: kinds.get(name, text) for name in names})
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path, compression="zstd")


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
