"""Codeforces problems: what the brackets may hold, prompts, divisions, and the generated tests in parquet files.

open-r1 ships problems (with the official tests that Codeforces shows whole) and, apart from them, 110 GB of generated
tests: one file `test_cases_NNNN.parquet` per contest with the columns problem_id, input and output. They are read
from the folder in `CF_TESTS_FOLDER` (open-r1's own variable) or from a folder `generated_tests` beside the problems.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import UsageError
from assay_benchmarks import _code_rows as rows

STATEMENT_TESTS = "statement_tests"
TESTS_FOLDER = "CF_TESTS_FOLDER"
FACTORS = {"cpp": 1.0, "python": 2.0}
"""Language to how many times a problem's limit a program may run: the limits were set for C++, and USACO gives
Python twice the time. `time=` sets another factor."""
LABELS = {"cpp": "c++17", "python": "python3"}
MAX_GENERATED_BYTES = 2**30
"""Bytes of one problem's generated tests; more would not fit through a worker."""

_DIVISION = re.compile(r"Div\.? ?([1-4])", re.ASCII)
_SYNTAX = (
    "Write codeforces[OPTION,…]: `python` (the default) or `cpp`; `complete` for the problems alone whose tests are "
    "all here; `time=3` for another factor on time limits; `statement_tests` for the file with the tests of statements."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What stands in the brackets."""

    language: str = "python"
    complete: bool = False
    statement_tests: bool = False
    factor: float = FACTORS["python"]


def parse_options(text: str) -> Options:
    """Read what stands in the brackets.

    >>> parse_options("cpp,complete").factor
    1.0

    Raises `UsageError` for anything that cannot be read or is given twice.
    """
    language, factor = "", 0.0
    words: set[str] = set()
    for part in (part.strip() for part in text.split(",")) if text.strip() else ():
        if part in FACTORS and not language:
            language = part
        elif part in ("complete", STATEMENT_TESTS) and part not in words:
            words.add(part)
        elif not factor and re.fullmatch(r"time=\d{1,2}(\.\d{1,3})?", part, re.ASCII) and float(part[5:]) > 0:
            factor = float(part[5:])
        else:
            raise UsageError(f"codeforces[{text}]: cannot read {part!r}, or it is given twice. {_SYNTAX}")
    if {"complete", STATEMENT_TESTS} <= words:
        raise UsageError(f"codeforces[{text}]: the tests of statements are never complete. {_SYNTAX}")
    language = language or "python"
    return Options(
        language=language,
        complete="complete" in words,
        statement_tests=STATEMENT_TESTS in words,
        factor=factor or FACTORS[language],
    )


def division(contest_name: str) -> str | None:
    """The division of a contest by its name: "Div. 2", "Div. 1 + Div. 2", or None where the name says none.

    >>> division("Codeforces Round 889 (Div. 2)"), division("CodeTON Round 5 (Div. 1 + Div. 2, Rated, Prizes!)")
    ('Div. 2', 'Div. 1 + Div. 2')
    """
    numbers = sorted(set(_DIVISION.findall(contest_name)))
    if not numbers and "Global Round" in contest_name:
        numbers = ["1", "2"]
    return " + ".join(f"Div. {number}" for number in numbers) or None


def question(values: Mapping[str, Any], parts: Mapping[str, str], samples: list[dict[str, Any]], language: str) -> str:
    """The prompt of open-r1's config `verifiable-prompts`, for a row that brings none: its head is to the letter.

    Args:
        values: The row, of which the limits are shown.
        parts: Heading of a section to its text; empty ones are left out.
        samples: The tests that the statement shows.
        language: "python" or "cpp".
    """
    head = (
        "You are an expert competitive programmer. You will be given a problem statement, test case constraints and "
        "example test inputs and outputs. Please reason step by step about the solution (that must respect memory and "
        f"time limits), then provide a complete implementation in {LABELS[language]}.\n\n"
        "Your solution must read input from standard input (cin), write output to standard output (cout).\n"
        "Do not include any debug prints or additional output.\n\n"
        f"Put your final solution within a single code block:\n```{language}\n<your code here>\n```\n\n"
        f"Execution time limit: {values.get('time_limit')} seconds\nMemory limit: {values.get('memory_limit')} MB\n\n"
    )
    shown = "\n\n".join(f"```input\n{test['input']}\n```\n```output\n{test['output']}\n```" for test in samples)
    sections = [
        f"{heading}\n{text.strip()}" for heading, text in {**parts, "## Examples": shown}.items() if text.strip()
    ]
    return head + "\n\n".join(sections) + "\n\nNow solve the problem and return the code.\n"


def tests_folder(problems_file: Path | None) -> Path | None:
    """The folder with generated tests; None where there is none. Raises `UsageError` where the variable is wrong."""
    named = os.environ.get(TESTS_FOLDER)
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise UsageError(f"{TESTS_FOLDER}={named} is not a folder: it must hold test_cases_NNNN.parquet files")
        return folder
    beside = None if problems_file is None else problems_file.parent / "generated_tests"
    return beside if beside is not None and beside.is_dir() else None


def generated_tests(folder: Path, contest_id: str, problem_id: str) -> list[dict[str, Any]]:
    """The generated tests of one problem; empty where its contest has no file.

    Raises `DataError` where the file is damaged, lacks a column, or has too much.
    """
    if not re.fullmatch(r"\d{1,9}", contest_id, re.ASCII):
        return []
    path = folder / f"test_cases_{int(contest_id):04d}.parquet"
    if not path.is_file():
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = []
    size = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64, columns=["problem_id", "input", "output"]):
                for row in batch.to_pylist():
                    if row.pop("problem_id") == problem_id:
                        found.append(row)
                        size += sum(len(text) for text in row.values() if isinstance(text, str))
                if size > MAX_GENERATED_BYTES or len(found) > rows.MAX_TESTS:
                    raise rows.flaw(str(path), f"the problem {problem_id} has more tests than can be used")
    except (pa.ArrowException, OSError, KeyError) as error:
        raise rows.flaw(str(path), f"not a readable parquet file of tests ({type(error).__name__})") from error
    return rows.read_tests(str(path), f"tests of {problem_id}", found, public=False)
