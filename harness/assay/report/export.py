"""The results as JSON and CSV, for other programs and for spreadsheets.

CSV has one row a run. An empty cell was not asked for; "n/a" is a number that is not defined (both read as missing
in pandas and R). Text that a spreadsheet would take for a formula gets a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from assay.report.caveats import caveats, shared_caveats, verifier_text
from assay.report.rows import NOT_DEFINED, Record, model_of, number, part
from assay.report.text import csv_text, escape_controls

_METRIC_FIELDS = ("value", "se", "low", "high", "num_problems", "num_left_out")
_COUNTS = ("num_problems", "num_samples", "planned_samples", "num_checked", "num_errors")
_OUTCOMES = ("graded", "no_answer", "truncated", "refused", "verifier_timeout", "error")
_RATES = ("no_answer", "truncated", "refused", "repetitive", "mean_tokens", "mean_chars")
_VOTES = ("tie_rate", "undecided_rate", "no_vote_rate", "abstain_rate")
_PROTOCOL = ("template", "prompt_sha256", "temperature", "top_p", "max_tokens", "revision")


def to_json(records: Sequence[Record]) -> str:
    """The records as they are, each with its caveats; nan and infinities are null. Ends with a newline."""
    import orjson

    from assay.hashing import replace_surrogates

    runs = [{**record, "caveats": caveats(record)} for record in records]
    value = replace_surrogates({"runs": runs, "caveats": shared_caveats(records)})
    return orjson.dumps(
        value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    ).decode()


def to_csv(records: Sequence[Record]) -> str:
    """The records as CSV with a header line (comma, quoted where needed, lines end in a newline)."""
    metrics = list(dict.fromkeys(str(name) for record in records for name in part(part(record, "summary"), "metrics")))
    lines = [_line(record, metrics) for record in records]
    header = list(lines[0] if lines else _line({}, []))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(csv_text, header))
    writer.writerows([line[name] for name in header] for line in lines)
    return out.getvalue()


def _line(record: Record, metrics: Sequence[str]) -> dict[str, str]:
    summary = part(record, "summary")
    line = {
        "model": _text(model_of(record)),
        "benchmark": _text(record.get("benchmark")),
        "n": _number(record.get("n")),
        "complete": str(record.get("complete") is True).lower(),
    }
    line |= {name: _number(summary.get(name)) for name in _COUNTS}
    reported = part(summary, "metrics")
    for name in metrics:
        metric: Mapping[str, Any] | None = part(reported, name) if name in reported else None
        for field in _METRIC_FIELDS:
            column = name if field == "value" else f"{name} {field}"
            line[column] = "" if metric is None else _number(metric.get(field))
    line |= {f"outcome {name}": _number(part(summary, "outcomes").get(name)) for name in _OUTCOMES}
    line |= {
        f"rate {name}" if "mean" not in name else name: _number(part(summary, "rates").get(name)) for name in _RATES
    }
    votes = part(summary, "votes")  # None where no cons@k was asked for
    line |= {f"vote {name}": _number(votes.get(name)) if votes else "" for name in _VOTES}
    line |= {name: _text(record.get(name)) for name in _PROTOCOL}
    line["verifier"] = _text(verifier_text(record))
    line["path"] = _text(record.get("path"))
    line["published"] = _text(record.get("published"))
    line["caveats"] = _text("; ".join(caveats(record)))
    return line


def _number(value: Any) -> str:
    known = number(value)
    return NOT_DEFINED if known is None else repr(known)


def _text(value: Any) -> str:
    return "" if value is None else csv_text(escape_controls(str(value)))
