"""Real programs against real tests: how many honest ones are accepted, and which are not.

    python -m tests.plugins.code_data --sandbox native --mode exec [--sets humaneval,mbpp] [--limit N]

writes results/code/honest.md. The data is the folder in ASSAY_DATA, or ../shared/data beside the repository; it is
never copied. `make code-data` runs everything; the test suite runs a sample of each set.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay import RunLimits, RunStatus, Sandbox, SourceCode, open_sandbox
from assay_plugins.code_tests.bench import Bench
from assay_plugins.code_tests.judge import judge
from assay_plugins.code_tests.reference import read_reference
from assay_plugins.code_tests.results import Judgement, Status

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ASSAY_DATA") or ROOT.parent / "shared" / "data")
TABLE = ROOT / "results" / "code" / "honest.md"

NEEDS_PACKAGES = {
    "lc-test-126": "imports sortedcontainers",
    "abc341_c": "imports numpy",
    "abc384_f": "imports numpy",
}
"""Right programs that need what LeetCode and AtCoder have and a plain Python has not."""
FAULTY_STATEMENT_TESTS = {
    "abc367_c": "its second sample prints nothing; the parsed output is the sentence that says so",
}
"""Statement tests of lcb_problems_880.jsonl that a right program fails, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A program with the tests that it should pass, or not."""

    set: str
    id: str
    reference: dict[str, Any]
    code: str
    language: str = "python"
    right: bool | None = True
    """Whether it is right; None where its label is of other tests than these."""


@dataclass
class Tally:
    """What came of one set."""

    counts: Counter[str] = field(default_factory=Counter)
    odd: list[tuple[Case, Judgement]] = field(default_factory=list)
    seconds: float = 0.0


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a data file."""
    with open(DATA / f"{name}.jsonl", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def humaneval() -> Iterator[Case]:
    """The canonical solutions of HumanEval."""
    for row in rows("humaneval"):
        reference = {
            "kind": "assertions",
            "entry_point": row["entry_point"],
            "setup": row["prompt"] + "    pass\n",
            "tests": row["test"],
        }
        yield Case(set="humaneval", id=row["id"], reference=reference, code=row["prompt"] + row["canonical_solution"])


def mbpp() -> Iterator[Case]:
    """The canonical solutions of MBPP."""
    for row in rows("mbpp"):
        reference = {"kind": "assertions", "entry_point": None, "setup": row["setup"], "tests": row["tests"]}
        yield Case(set="mbpp", id=row["id"], reference=reference, code=row["canonical_solution"])


def leetcode() -> Iterator[Case]:
    """The reference solutions of 200 problems of LeetCode."""
    for row in rows("leetcode_test_200"):
        reference = {"kind": "assertions", "entry_point": None, "tests": row["test"]}
        yield Case(set="leetcode", id=row["id"], reference=reference, code=row["solution"])


def livecodebench(functional: bool) -> Iterator[Case]:
    """What o1-mini answered, against the tests of the statements."""
    answers = {row["id"]: row for row in rows("lcb_responses_o1_mini")}
    for row in rows("lcb_problems_880"):
        if bool(row["func_name"]) is not functional or not row["statement_tests"]:
            continue
        reference: dict[str, Any] = {"kind": "functional", "entry_point": row["func_name"]}
        if not functional:
            reference = {"kind": "stdin", "prelude": "lcb"}
        reference["tests"] = [{"input": test["input"], "output": test["output"]} for test in row["statement_tests"]]
        answer = answers[row["id"]]
        name = "lcb-functional" if functional else "lcb-stdin"
        yield Case(
            set=name, id=row["id"], reference=reference, code=answer["code"], right=True if answer["correct"] else None
        )


def library_checker(sandbox: Sandbox, only: Collection[str] = ()) -> Iterator[Case]:
    """Right and wrong solutions of Library Checker, decided by its own checkers.

    Only one of the packages has its tests here. For the others inputs are made (`small_inputs`), and the answers to
    them with the package's right solution.
    """
    for row in rows("library_checker_packages"):
        if only and row["id"] not in only:
            continue
        tests = row.get("tests") or []
        if '#include "../' in row["solutions"]["correct.cpp"]:
            continue  # of a library that is not in the package
        if not tests:
            inputs = [*row["example_inputs"], *small_inputs(row["id"])]
            tests = [{"input": text, "output": output} for text, output in answered(sandbox, row, inputs)]
        reference = {
            "kind": "stdin",
            "tests": [{"input": test["input"], "output": test["output"]} for test in tests],
            "checker": {"language": "cpp", "code": row["checker_cpp"]},
            "time_limit": row["time_limit_s"],
        }
        flags = {flag["name"]: flag for flag in row["solution_flags"]}
        for name, code in row["solutions"].items():
            flag = flags.get(name, {})
            if flag.get("function"):
                continue  # only a function, for a grader that is not here
            right = {None: True, "WA": False}.get(flag.get("expect"))
            yield Case(
                set="library-checker",
                id=f"{row['id']}/{name}",
                reference=reference,
                code=code,
                language="cpp",
                right=right,
            )


def answered(sandbox: Sandbox, row: dict[str, Any], inputs: list[str]) -> Iterator[tuple[str, str]]:
    """The inputs with what the package's right solution prints."""
    limits = RunLimits(cpu_seconds=row["time_limit_s"], memory_bytes=1024 * 2**20)
    with sandbox.load(SourceCode(language="cpp", code=row["solutions"]["correct.cpp"])) as program:
        for text in inputs:
            run = program.run(text.encode(), limits)
            assert run.status is RunStatus.OK, (row["id"], run)
            yield text, run.stdout.decode()


def small_inputs(name: str) -> list[str]:
    """Ten random inputs for a problem of Library Checker, the same each time."""
    draw = random.Random(name)
    return [_INPUTS[name](draw, size) for size in range(2, 12)]


def _lines(*lines: str | Iterable[int]) -> str:
    return "".join((line if isinstance(line, str) else " ".join(map(str, line))) + "\n" for line in lines)


def _sqrt_mod(draw: random.Random, size: int) -> str:
    pairs = [(draw.randrange(prime), prime) for prime in draw.choices((2, 3, 5, 7, 13, 101, 998244353), k=size)]
    return _lines(str(size), *pairs)


def _numbers(draw: random.Random, size: int) -> str:
    return _lines(str(size), *(str(draw.randint(1, 10 ** draw.randint(1, 17))) for _ in range(size)))


def _graph(draw: random.Random, size: int) -> str:
    edges = [draw.sample(range(size), 2) for _ in range(draw.randint(1, size))]
    return _lines((size, len(edges)), *edges)


def _bipartite(draw: random.Random, size: int) -> str:
    edges = draw.sample([(left, right) for left in range(size) for right in range(size + 1)], 2 * size - 1)
    return _lines((size, size + 1, len(edges)), *edges)


def _two_sat(draw: random.Random, size: int) -> str:
    def literal() -> int:
        return draw.choice((-1, 1)) * draw.randint(1, size)

    clauses = [(literal(), literal(), 0) for _ in range(2 * size)]
    return _lines(f"p cnf {size} {len(clauses)}", *clauses)


_INPUTS: dict[str, Callable[[random.Random, int], str]] = {
    "sqrt_mod": _sqrt_mod,
    "primality_test": _numbers,
    "factorize": _numbers,
    "cycle_detection_undirected": _graph,
    "cycle_detection": _graph,
    "bipartitematching": _bipartite,
    "two_sat": _two_sat,
}
SETS: dict[str, Callable[[Sandbox], Iterator[Case]]] = {
    "humaneval": lambda _: humaneval(),
    "mbpp": lambda _: mbpp(),
    "leetcode": lambda _: leetcode(),
    "library-checker": library_checker,
    "lcb-stdin": lambda _: livecodebench(False),
    "lcb-functional": lambda _: livecodebench(True),
}


def run_cases(sandbox: Sandbox, cases: list[Case], mode: str) -> Tally:
    """Judge them all, one after the other."""
    tally = Tally()
    started = time.monotonic()
    for case in cases:
        bench = Bench(sandbox=sandbox, mode=mode)  # type: ignore[arg-type]
        judgement = judge(bench, read_reference(case.reference), case.code, case.language)
        accepted = judgement.status is Status.ACCEPTED
        label = {True: "right", False: "wrong", None: "unlabelled"}[case.right]
        tally.counts[f"{label} {'accepted' if accepted else 'refused'}"] += 1
        if (case.right is not None and accepted is not case.right) or judgement.status is Status.JUDGE_ERROR:
            tally.odd.append((case, judgement))
    tally.seconds = time.monotonic() - started
    return tally


def main() -> None:
    """Run the sets that are asked for and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--mode", default="exec,fork")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--dry", action="store_true", help="do not write the table")
    options = parser.parse_args()
    tallies = {}
    with open_sandbox(options.sandbox, workers=2) as sandbox:
        for name in options.sets.split(","):
            cases = list(SETS[name](sandbox))[: options.limit]
            for mode in options.mode.split(","):
                tally = tallies[name, mode] = run_cases(sandbox, cases, mode)
                print(f"{name}, {mode}: {dict(tally.counts)} in {tally.seconds:.1f} s", flush=True)
                for case, judgement in tally.odd:
                    print(f"  {case.id}: {judgement.status} {judgement.message}", flush=True)
        if not options.dry:
            TABLE.parent.mkdir(parents=True, exist_ok=True)
            TABLE.write_text(table(tallies, sandbox), encoding="utf-8")


def table(tallies: dict[tuple[str, str], Tally], sandbox: Sandbox) -> str:
    """The results as Markdown."""
    lines = [
        "# Honest programs, judged",
        "",
        f"Sandbox `{sandbox.name}`, one program at a time; written by `python -m tests.plugins.code_data`.",
        "Right and wrong are the labels of the data; what its own graders refused counts as unlabelled, as the tests",
        "here are fewer. Seconds are by the clock, on a machine with two cores that does other work too.",
        "",
        "| set | mode | right, accepted | right, refused | wrong, accepted | wrong, refused | unlabelled "
        "| judge errors | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (name, mode), tally in tallies.items():
        errors = sum(judgement.status is Status.JUDGE_ERROR for _, judgement in tally.odd)
        cells = [tally.counts[key] for key in ("right accepted", "right refused", "wrong accepted", "wrong refused")]
        cells.append(tally.counts["unlabelled accepted"] + tally.counts["unlabelled refused"])
        lines.append(f"| {name} | {mode} | {' | '.join(map(str, cells))} | {errors} | {tally.seconds:.0f} |")
    lines += ["", "Not as labelled:", ""]
    known = {**NEEDS_PACKAGES, **FAULTY_STATEMENT_TESTS}
    for (_, mode), tally in tallies.items():
        for case, judgement in tally.odd:
            why = known.get(case.id, judgement.message)
            lines.append(f"- {case.set} {case.id}, {mode}: {judgement.status.value}; {why}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
