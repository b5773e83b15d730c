"""What each page shows: from an address to the values of its template."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request

from assay.reasoning import split_reasoning
from assay.rendering import escape, highlight, interval_svg, one_line, prose, share_svg
from assay.report.rows import percent
from assay.report.text import short_names, visible
from assay.rescore import FLIPS as RESCORED
from assay.viewing.catalog import Catalog, natural
from assay.viewing.comparing import MAY_DIFFER, MUST_AGREE, Comparisons, ProblemPair, differences
from assay.viewing.database import VERDICTS, Database
from assay.viewing.explain import explain
from assay.viewing.filters import FLIPS, MARKS, ORDERS, Filter, parse_filter
from assay.viewing.overview import Numbers, Overview
from assay.viewing.questions import Questions
from assay.viewing.run import Run
from assay.viewing.samples import Samples

WORDS = {
    "right": "right", "partial": "partial", "wrong": "wrong", "no_answer": "no answer", "truncated": "truncated",
    "refused": "refused", "verifier_timeout": "our timeout", "error": "our error",
}  # fmt: skip
"""What a verdict is called on a page."""
PROBLEMS_PAGE = 100
_RUNS_PAGE = 500
_MAX_FLIPS = 200
_FLIP = ("problem_id", "sample_index", "before", "after", "reason")
_FLIPS_BYTES = 2**20
_STATES = ("running", "complete", "partial", "broken")
_RUN_ORDERS = ("name", "model", "benchmark", "score", "samples", "started")
_PROBLEM_ORDERS = {"": "as named", "hardest": "hardest first", "easiest": "easiest first"}
_PAIR_ORDERS = {"": "largest change first", "name": "as named"}
_PAIR_KINDS = {"won": "won", "lost": "lost", "tied": "tied"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """A run in the table of runs."""

    run: Run
    model: str
    numbers: Numbers
    started: str


class Pages:
    """Makes the values of every page; `HTTPException` 404 for what is not there."""

    def __init__(
        self, *, catalog: Catalog, samples: Samples, overview: Overview, comparisons: Comparisons, questions: Questions,
        database: Database,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._samples = samples
        self._overview = overview
        self._comparisons = comparisons
        self._questions = questions
        self._database = database

    def helpers(self) -> dict[str, Any]:
        """What templates may call."""
        return {
            "FLIPS": FLIPS, "MARKS": MARKS, "ORDERS": ORDERS, "PAIR_KINDS": _PAIR_KINDS, "PAIR_ORDERS": _PAIR_ORDERS,
            "PROBLEM_ORDERS": _PROBLEM_ORDERS, "STATES": _STATES, "VERDICTS": VERDICTS, "WORDS": WORDS,
            "escape": escape, "highlight": highlight, "interval": interval_svg, "line": one_line, "link": _link,
            "percent": percent, "prose": prose, "shares": _shares, "short": _short, "whole": _whole, "signed": _signed,
        }  # fmt: skip

    def runs(self, request: Request) -> dict[str, Any]:
        """The table of runs."""
        asked = dict(request.query_params)
        everything = self._catalog.runs()
        numbers = self._numbers(everything)
        names = short_names([run.model or "unknown model" for run in everything])
        words = asked.get("q", "")[:200].lower()
        state, benchmark = asked.get("state", ""), asked.get("benchmark", "")
        rows = [
            RunRow(
                run=run, model=names[run.model or "unknown model"], numbers=numbers[run.number], started=_started(run)
            )
            for run in everything
            if (not benchmark or run.benchmark == benchmark)
            and (state not in _STATES or numbers[run.number].state == state)
            and all(word in f"{run.name} {run.model} {run.benchmark}".lower() for word in words.split())
        ]
        order = asked.get("order", "")
        descending = order.startswith("-")
        order = order.removeprefix("-") if order.removeprefix("-") in _RUN_ORDERS else "name"
        rows.sort(key=lambda row: _run_order(row, order), reverse=descending)
        return {
            "title": self._catalog.root.name or "runs",
            "root": str(self._catalog.root),
            "rows": rows[:_RUNS_PAGE],
            "left_out": max(0, len(rows) - _RUNS_PAGE),
            "shown": len(rows),
            "total": len(everything),
            "benchmarks": sorted({run.benchmark for run in everything if run.benchmark}),
            "asked": {
                "q": asked.get("q", "")[:200],
                "state": state,
                "benchmark": benchmark,
                "order": asked.get("order", ""),
            },
            "order": order,
            "descending": descending,
            "notice": self._catalog.notice,
            "metrics": list(dict.fromkeys(name for row in rows for name in row.numbers.others)),
        }

    def run(self, request: Request) -> dict[str, Any]:
        """One run."""
        run = self._run(request.query_params.get("run", ""))
        numbers = self._numbers([run])[run.number]
        order = request.query_params.get("order", "")
        problems = self._problems(run, order if order in _PROBLEM_ORDERS else "")
        first = _whole_number(request.query_params.get("from", ""), len(problems))
        return {
            "title": _short(run.benchmark or run.name),
            "run": run,
            "numbers": numbers,
            "problems": problems[first : first + PROBLEMS_PAGE],
            "all_problems": len(problems),
            "first": first,
            "page_size": PROBLEMS_PAGE,
            "order": order if order in _PROBLEM_ORDERS else "",
            "facts": _facts(run.manifest),
            "session": orjson.dumps(run.session, option=orjson.OPT_INDENT_2).decode()[:20_000] if run.session else "",
            "sessions": len(run.manifest.get("sessions") or ()),
            "flips": _flips(run.folder / RESCORED),
            "first_prompt": str(run.manifest.get("first_prompt") or "")[:50_000],
            "others": [
                other
                for other in self._catalog.runs()
                if other is not run and other.benchmark == run.benchmark and other.samples
            ][:200],
        }

    def samples(self, request: Request) -> dict[str, Any]:
        """Samples by a filter."""
        chosen = parse_filter(request.query_params.multi_items())
        asked = request.query_params
        page = self._samples.page(chosen, after=asked.get("after", ""), before=asked.get("before", ""))
        runs = self._samples.scope(chosen)
        everything = [run for run in self._catalog.runs() if run.samples]
        return {
            "title": "Samples",
            "chosen": chosen,
            "page": page,
            "runs": runs,
            "several": len(runs) > 1,
            "all_runs": everything[:_RUNS_PAGE],
            "benchmarks": sorted({run.benchmark for run in everything if run.benchmark}),
            "reading": [run for run in runs if run.reading is not None],
            "broken": [name for name in chosen.run if name not in {run.name for run in runs}],
            "at_first": not page.before,
        }

    def sample(self, request: Request) -> dict[str, Any]:
        """One sample, with those before and behind it in the filter that it was found by."""
        run = self._run(request.query_params.get("run", ""))
        key = request.query_params.get("key", "")
        chosen = parse_filter((name, value) for name, value in request.query_params.multi_items() if name != "run")
        scope = request.query_params.get("scope", "")
        chosen = parse_filter([*chosen_pairs(chosen), *(("run", name) for name in scope.split("\n") if name)])
        before, listed, after = self._samples.neighbours(chosen, run, key)
        found = self._database.whole(run, key)
        if found is None or listed is None:
            raise HTTPException(404, f"The run {visible(run.name)} holds no sample {visible(key)}.")
        split = split_reasoning((found["prefill"] or "") + (found["text"] or ""))
        explained = explain(found["details"])
        raw = request.query_params.get("raw") == "1"
        other = self._catalog.get(chosen.against) if chosen.against else None
        return {
            "title": f"{found['problem_id']} #{found['sample_index']}",
            "run": run,
            "sample": found,
            "listed": listed,
            "chosen": chosen,
            "scope": scope,
            "before": before,
            "after": after,
            "split": split,
            "explained": explained,
            "raw": raw,
            "opened": request.query_params.get("open", "") == "reasoning",
            "question": self._questions.ask(run, found["problem_id"], found["sample_index"]),
            "siblings": self._samples.siblings(run, found["problem_id"]),
            "counterpart": self._samples.siblings(other, found["problem_id"], found["sample_index"]) if other else [],
            "other": other,
            "recorded": _time(found["recorded_at"]),
        }  # fmt: skip

    def plain_text(self, request: Request) -> str:
        """The whole turn of a sample: prefill and text."""
        run = self._run(request.query_params.get("run", ""))
        found = self._database.whole(run, request.query_params.get("key", ""))
        if found is None:
            raise HTTPException(404, "no such sample")
        return (found["prefill"] or "") + (found["text"] or "")

    def compare(self, request: Request) -> dict[str, Any]:
        """Two runs; without two, the choice of them."""
        asked = request.query_params
        names = [name for name in (asked.get("a", ""), asked.get("b", "")) if name]
        everything = [run for run in self._catalog.runs() if run.samples]
        values: dict[str, Any] = {"title": "Compare", "all_runs": everything[:_RUNS_PAGE], "a": None, "b": None}
        if len(names) < 2:
            if names:
                values["a"] = self._run(names[0])
            return values
        a, b = self._run(names[0]), self._run(names[1])
        barred = differences(a, b, MUST_AGREE)
        anyway = asked.get("anyway") == "1"
        values |= {
            "a": a, "b": b, "barred": barred, "anyway": anyway, "differing": differences(a, b, MAY_DIFFER),
            "numbers": self._numbers([a, b]), "comparison": None,
        }  # fmt: skip
        if barred and not anyway:
            return values
        comparison = self._comparisons.compare(a, b)
        kind, order = asked.get("kind", ""), asked.get("order", "")
        pairs = [pair for pair in comparison.pairs if kind not in _PAIR_KINDS or _kind(pair) == kind]
        if order != "name":
            pairs.sort(key=lambda pair: (-abs(pair.change), pair.problem_id))
        first = _whole_number(asked.get("from", ""), len(pairs))
        values |= {
            "comparison": comparison,
            "pairs": pairs[first : first + PROBLEMS_PAGE],
            "shown": len(pairs),
            "first": first,
            "page_size": PROBLEMS_PAGE,
            "kind": kind if kind in _PAIR_KINDS else "",
            "order": "name" if order == "name" else "",
            "defined": math.isfinite(comparison.difference.diff),
        }
        return values

    def _run(self, name: str) -> Run:
        run = self._catalog.get(name)
        if run is None:
            raise HTTPException(404, f"There is no run {visible(name)} in {self._catalog.root}.")
        return run

    def _numbers(self, runs: Sequence[Run]) -> dict[int, Numbers]:
        return self._samples.tolerant(runs, lambda: self._overview.numbers(runs))

    def _problems(self, run: Run, order: str) -> list[dict[str, Any]]:
        return self._samples.tolerant([run], lambda: self._samples.problems(run, order))


def chosen_pairs(chosen: Filter) -> list[tuple[str, str]]:
    """A filter as the pairs of an address."""
    pairs: list[tuple[str, str]] = []
    for field in fields(chosen):
        value = getattr(chosen, field.name)
        pairs += [
            (field.name, str(each))
            for each in (value if isinstance(value, tuple) else (value,))
            if each not in (None, "")
        ]
    return pairs


def _link(path: str, **values: Any) -> str:
    """An address of ours; empty values are left out."""
    pairs = [
        (name, each)
        for name, value in values.items()
        for each in (value if isinstance(value, list | tuple) else (value,))
        if each not in (None, "", False)
    ]
    return f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path


def _shares(verdicts: Mapping[str, int], width: int = 120) -> Markup:
    return share_svg(verdicts, names=VERDICTS, width=width)


def _short(text: object, limit: int = 80) -> str:
    return visible(text) if len(str(text)) <= limit else visible(str(text)[: limit - 1] + "…")


def _whole(value: Any) -> str:
    return "n/a" if value is None or not math.isfinite(value) else f"{value:,.0f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else "n/a"


def _kind(pair: ProblemPair) -> str:
    return "won" if pair.change > 0 else "lost" if pair.change < 0 else "tied"


def _whole_number(text: str, below: int) -> int:
    return min(int(text), max(0, below - 1)) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _flips(path: Path) -> list[dict[str, str]]:
    """The last verdicts that a rescore changed; lines that are none are left out."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _FLIPS_BYTES))
            lines = file.read(_FLIPS_BYTES).split(b"\n")[-_MAX_FLIPS - 1 :]
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(orjson.JSONDecodeError, TypeError, KeyError):
            flip = orjson.loads(line)
            found.append({name: str(flip[name]) for name in _FLIP})
    return found


def _started(run: Run) -> str:
    sessions = run.manifest.get("sessions")
    first = sessions[0] if isinstance(sessions, list) and sessions else {}
    started = first.get("started") if isinstance(first, dict) else None
    return str(started)[:16].replace("T", " ") if isinstance(started, str) else ""


def _time(seconds: Any) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(seconds)))
    except (OverflowError, ValueError, TypeError, OSError):
        return "n/a"


def _run_order(row: RunRow, order: str) -> Any:
    keys: dict[str, Callable[[], Any]] = {
        "name": lambda: natural(row.run.name),
        "model": lambda: (natural(row.model), row.run.name),
        "benchmark": lambda: (row.run.benchmark, row.model),
        "score": lambda: (row.numbers.pass_1 is not None, row.numbers.pass_1 or 0.0),
        "samples": lambda: row.numbers.samples,
        "started": lambda: row.started,
    }
    return keys[order]()


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How a run was made, name and value, in the order in which one asks."""
    sampling = manifest.get("sampling")
    sampling = sampling if isinstance(sampling, dict) else {}
    verifiers = manifest.get("verifiers")
    options = manifest.get("verifier_options")
    pairs = [
        ("model", manifest.get("model")),
        ("fingerprint", manifest.get("model_fingerprint")),
        ("benchmark", manifest.get("benchmark")),
        ("data revision", manifest.get("benchmark_revision")),
        ("template", manifest.get("template")),
        ("instruction", manifest.get("instruction")),
        ("prefill", manifest.get("prefill")),
        ("prompt hash", manifest.get("prompt_sha256")),
        *((name.replace("_", " "), value) for name, value in sampling.items()),
        *(
            (f"verifier {name}", version)
            for name, version in (verifiers.items() if isinstance(verifiers, dict) else ())
        ),
        ("verifier options", options),
    ]
    return [(name, _value(value)[:2_000]) for name, value in pairs if value not in (None, "", [], {}, ())]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
