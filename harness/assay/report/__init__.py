"""Tables of results: in the terminal, as Markdown, CSV and JSON.

A run comes in as a record, a dict with the keys

    model, benchmark, n            what was run, and how many samples of each problem
    complete, path                 whether all planned samples are there; the run's folder
    summary                        what `assay.metrics.summarise` returned; with `planned_samples`, a share done
    template, prompt_sha256, temperature, top_p, max_tokens, revision     the protocol
    verifiers                      {name: version}; or verifier, {"name": ..., "version": ...}
    published                      where the score was printed; for scores that were not measured (`assay.published`)

Every renderer shows the same cells (`rows`) and the same caveats (`caveats`): a number that is not defined is n/a,
a partial run is marked, our own errors have a column, and what a reader might be misled by stands in a footnote.
Records may come from damaged or hostile files: a missing or malformed value is n/a, and names are escaped for the
format that they are written in (`text`). rich is imported by the terminal table only.
"""

from __future__ import annotations

from assay.report.caveats import caveats, shared_caveats
from assay.report.export import to_csv, to_json
from assay.report.markdown import markdown_report
from assay.report.terminal import results_table

__all__ = ["caveats", "markdown_report", "results_table", "shared_caveats", "to_csv", "to_json"]
