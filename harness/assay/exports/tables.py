r"""Tables for papers and model cards.

LaTeX needs `\usepackage{booktabs}`. A model card's block follows the `model-index` of Hugging Face: one result a
run, its metrics as numbers, with the protocol as `dataset.args`; "verified" is never claimed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.report.caveats import caveats
from assay.report.rows import NOT_ASKED, Record, model_of, number, other_metrics, part, table_rows

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "…": r"\ldots{}",
    "–": "--",
}


def to_latex(records: Sequence[Record]) -> str:
    """The results of runs as a `tabular`; caveats stand below it as comments. Ends with a newline."""
    rows = table_rows(records)
    others = other_metrics(rows)
    header = ["model", "benchmark", "$n$", "pass@1", *map(latex_text, others)]
    header += ["no answer", "truncated", "tokens", "errors"]
    lines = [
        r"\begin{tabular}{ll" + "r" * (len(header) - 2) + "}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
    ]
    for row in rows:
        cells = [
            row.model,
            row.benchmark,
            row.size,
            *(row.metrics.get(name, NOT_ASKED) for name in ("pass@1", *others)),
        ]
        cells += [row.no_answer, row.truncated, row.tokens, row.errors]
        lines.append(" & ".join(map(latex_text, cells)) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    for row, record in zip(rows, records, strict=True):
        lines += [
            f"% {latex_text(row.model)}, {latex_text(row.benchmark)}: {latex_text(note)}" for note in caveats(record)
        ]
    return "\n".join(lines) + "\n"


def latex_text(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return re.sub(r"[\\{}$&%#_^~<>±×…–]", lambda found: _LATEX[found[0]], text)


def to_model_card(records: Sequence[Record]) -> str:
    """The YAML block between two `---` lines that goes to the top of a README.md. Ends with a newline."""
    import yaml

    models: dict[str, list[Record]] = {}
    for record in records:
        models.setdefault(model_of(record), []).append(record)
    index = [{"name": _name(model), "results": [_result(record) for record in own]} for model, own in models.items()]
    block = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{block}---\n"


def _result(record: Record) -> dict[str, Any]:
    summary = part(record, "summary")
    protocol = {
        name: record.get(name)
        for name in ("temperature", "top_p", "max_tokens", "template")
        if record.get(name) is not None
    }
    metrics = []
    for name, metric in part(summary, "metrics").items():
        value = number(metric.get("value")) if isinstance(metric, Mapping) else None
        if value is not None:
            entry: dict[str, Any] = {"name": str(name), "type": str(name), "value": round(value, 6)}
            error = number(metric.get("se"))
            if error is not None:
                entry["args"] = {"standard_error": round(error, 6), "samples_per_problem": record.get("n")}
            metrics.append(entry)
    benchmark = str(record.get("benchmark"))
    return {
        "task": {"type": "text-generation"},
        "dataset": {
            "name": benchmark,
            "type": benchmark,
            "revision": str(record.get("revision") or ""),
            "args": protocol,
        },
        "metrics": metrics,
    }


def _name(model: str) -> str:
    return re.split(r"[/#]", model.rstrip("/"))[-1]
