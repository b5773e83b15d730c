"""Writes results/math/misses.md and labels.md: every case on which boxed_math and a label differ, with the reason.

    python -m tests.plugins.math_misses [FOLDER OF SHARED FILES]

Each case is graded in the convention of its source (`CONVENTIONS`), all else at the defaults with lenient
extraction. A reason is looked up by id where somebody has looked at the case, else it is the verdict's own.
`tests/plugins/test_boxed_math_data.py` counts with the same functions.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import Completion, Problem, Verdict
from assay_plugins.boxed_math import BoxedMath

ROOT = Path(__file__).parents[2]
OUT = ROOT / "results" / "math" / "misses.md"
CONVENTIONS: dict[str, dict[str, Any]] = {
    "math-verify": {"boxes": "joined"},
    "lighteval": {"boxes": "joined"},
    "open-r1": {"boxes": "joined"},
    "hendrycks": {"ordered": True},
}
"""Options that a source's tests presuppose: several boxes are one answer; a list has an order."""
_SYMBOLIC = "gcd and lcm of symbols: sympy takes the polynomials' (gcd(x, y) = 1); for numbers x and y that is not so"
_FALSE_EQUATION = "the response states 1/2 = 10/9; a false equation of numbers has no value here"
_LOG = "the label drops the base of the logarithm"
REASONS = {
    "c0032": _FALSE_EQUATION,
    "c0328": _FALSE_EQUATION,
    "c0183": "a reference with doubly escaped boxes around prose, which no real data set holds",
    "c0285": "a sentence with two numbers and no marker for either: none is chosen",
    "c0496": "the answer ends in a backslash that escapes the brace of the box it is put into: the box is not closed",
    "c0978": _LOG,
    "c0979": _LOG,
    "c0909": "bars that open and close with one sign, nested: ambiguous without \\left and \\right",
    "c1740": "3 1\\frac12 as a product: two numbers side by side are refused",
    "c1788": "precedence of \\mod in a product: the label has the first factor inside",
    "c1819": "a statement about sets compared with its truth value",
    "c1861": "\\variable{} with several letters: a command of that test file only",
    "c0520": "2 and 2.0001: a tolerance of 1e-3 is not offered",
    "c0180": "an interval for its inequality: equal here in either direction",
}


@dataclass(frozen=True, kw_only=True)
class Graded:
    """A case with its verdict."""

    case: dict[str, Any]
    group: str
    verdict: Verdict

    @property
    def right(self) -> bool:
        return (self.verdict.score == 1.0) == self.case["expected"]


def group_of(tags: Iterable[str]) -> str:
    """core, parser-coverage or disputed."""
    if any(tag.startswith(("label", "policy", "choice")) for tag in tags):
        return "disputed"
    return "parser-coverage" if "parser-coverage" in tags else "core"


def response_of(case: dict[str, Any]) -> str:
    return case["pred"] if case["pred_kind"] == "response" else f"\\boxed{{{case['pred']}}}"


def graded(cases: Iterable[dict[str, Any]]) -> list[Graded]:
    results = []
    for case in cases:
        options = CONVENTIONS.get(case["source"].partition(":")[0], {})
        verifier = BoxedMath(extraction="lenient", **options)
        problem = Problem(id=case["id"], prompt=(), reference=case["gold"], verifier="boxed_math")
        verdict = verifier.verify(problem, Completion(text=response_of(case)))
        results.append(Graded(case=case, group=group_of(case["tags"]), verdict=verdict))
    return results


def reason(item: Graded) -> str:
    known = REASONS.get(item.case["id"])
    if known is not None:
        return known
    pred = item.case["pred"]
    if "gcd" in pred or "lcm" in pred:
        return _SYMBOLIC
    if "choice" in item.case["tags"]:
        return "a question of multiple choice: the verifier `multiple_choice` reads those"
    if "refused" in item.verdict.details:
        return f"refused: {item.verdict.details['refused']}"
    return "not looked at: " + (item.verdict.reason or item.verdict.outcome)[:80].replace("|", "\\|")


def short(text: str) -> str:
    text = " ".join(text.split())
    text = text if len(text) <= 40 else "… " + text[-38:]
    return "`" + text.replace("|", "\\|").replace("`", "'") + "`"


def table(results: list[Graded]) -> str:
    total, right, false_positives = Counter[str](), Counter[str](), Counter[str]()
    for item in results:
        total[item.group] += 1
        right[item.group] += item.right
        false_positives[item.group] += not item.right and not item.case["expected"]
    version = BoxedMath.version
    lines = [
        "# What boxed_math and the labelled cases disagree on",
        "",
        f"Written by `python -m tests.plugins.math_misses`, verifier version {version}. Extraction is lenient; options",
        "by source: " + "; ".join(f"{name}: {options}" for name, options in CONVENTIONS.items()) + ".",
        "",
        "| group | cases | right | share | false positives |",
        "|---|---|---|---|---|",
    ]
    for group in ("core", "parser-coverage", "disputed"):
        share = right[group] / total[group]
        lines.append(f"| {group} | {total[group]} | {right[group]} | {share:.1%} | {false_positives[group]} |")
    lines += ["", "| case | group | kind | reference | answer | reason |", "|---|---|---|---|---|---|"]
    for item in results:
        if not item.right:
            kind = "false negative" if item.case["expected"] else "false positive"
            answer = short(item.verdict.extracted or item.case["pred"])
            cells = (item.case["id"], item.group, kind, short(item.case["gold"]), answer, reason(item))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


LABELS = ROOT / "results" / "math" / "labels.md"
_STRICT = "the label is wrong: it was made by comparing strings"
_NO_MARKER = "no box and no marker (right with extraction=lenient): a number is not picked out of prose"
LABEL_REASONS = {
    "responses_qwen25math_100x8": {
        "q25m-3": f"{_STRICT}, and the two writings of a time differ only in where the command for text begins",
        "q25m-72": f"{_STRICT}, and one has a thousands separator",
    },
    "responses_ru_math": {
        "math-1049": f"{_STRICT}, and one has a degree sign",
        "math-2536": "the label is wrong: it was made from digits picked out of a fraction",
        "math-929": f"{_STRICT}, and the question names the base that the reference repeats",
        "math-1164": "the label is wrong: it was made from a letter that was not read",
        "math-1587": f"{_STRICT}, and one has a percent sign",
        "math-1064": f"{_STRICT}, and one has a percent sign",
        "math-3112": f"{_STRICT}, and the equations differ by the factor -1",
        "math-3539": "the label is wrong: plus-minus a root is not the sum with one",
        "math-1380": "the label is wrong: the response is cut off in the middle of its work",
        "math-2065": _NO_MARKER,
        "math-4220": _NO_MARKER,
        "math-4902": _NO_MARKER,
        "math-3229": _NO_MARKER,
        "math-1394": _NO_MARKER,
    },
}
"""Why label and verifier differ on responses of real models, by the problem's id."""


def disagreements(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows whose label and verdict (boxes and markers) differ."""
    verifier = BoxedMath(extraction="marker")
    found = []
    for row in rows:
        problem = Problem(id=row["id"], prompt=(), reference=row["answer"], verifier="boxed_math")
        if (verifier.verify(problem, Completion(text=row["response"])).score == 1.0) != row["correct"]:
            found.append(row)
    return found


def label_reason(data_set: str, row_id: str) -> str:
    return LABEL_REASONS[data_set].get("-".join(row_id.split("-")[:2]), "not looked at")


def label_table(found: dict[str, list[dict[str, Any]]]) -> str:
    lines = ["# Where labels of real responses and boxed_math differ", "", "Defaults; each one was looked at.", ""]
    lines += ["| data | response | label | reason |", "|---|---|---|---|"]
    for name, rows in found.items():
        lines += [
            f"| {name} | {row['id']} | {'right' if row['correct'] else 'wrong'} | {label_reason(name, row['id'])} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    data = os.environ.get("ASSAY_DATA")
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(data).parent if data else ROOT.parent / "shared"
    with open(shared / "cases" / "math_cases.jsonl", encoding="utf-8") as file:
        results = graded(json.loads(line) for line in file)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(table(results), "utf-8")
    found = {}
    for name in LABEL_REASONS:
        with open(shared / "data" / f"{name}.jsonl", encoding="utf-8") as file:
            found[name] = disagreements(json.loads(line) for line in file)
    LABELS.write_text(label_table(found), "utf-8")
    print("\n".join(table(results).splitlines()[5:11]))


if __name__ == "__main__":
    main()
