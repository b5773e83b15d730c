"""What the plugin tests share: grading one response, judging one program, and finding the shared data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay import Completion, FinishReason, Problem, RunMode, Sandbox, SandboxError, Verdict, open_sandbox
from assay_plugins.code_tests.bench import Bench
from assay_plugins.code_tests.judge import judge
from assay_plugins.code_tests.reference import read_reference
from assay_plugins.code_tests.results import Judgement


@pytest.fixture(scope="session")
def grade() -> Callable[..., Verdict]:
    """`grade(verifier, response, reference, prefill="", cut=False)`: the verdict, as the pool would get it."""

    def run(verifier: Any, response: str, reference: Any, prefill: str = "", cut: bool = False) -> Verdict:
        problem = Problem(id="p", prompt=(), reference=reference, verifier=verifier.name)
        reason = FinishReason.LENGTH if cut else FinishReason.STOP
        completion = Completion(text=response, prefill=prefill, finish_reason=reason)
        return verifier.verify_fast(problem, completion) or verifier.verify(problem, completion)

    return run


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """`shared("data/x.jsonl")`: a file of the shared folder; the test is skipped where it is missing."""
    data = os.environ.get("ASSAY_DATA")
    root = Path(data).parent if data else Path(__file__).parents[2].parent / "shared"

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"{path} is missing; set ASSAY_DATA to the folder of the shared data")
        return path

    return find


@pytest.fixture(scope="session")
def rows(shared: Callable[[str], Path]) -> Callable[[str], list[dict[str, Any]]]:
    """`rows("data/x.jsonl")`: the records of a shared JSONL file."""
    return lambda name: [json.loads(line) for line in shared(name).read_text("utf-8").split("\n") if line]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A real sandbox with two workers; skips with the reason where this machine has none."""
    try:
        opened = open_sandbox(os.environ.get("ASSAY_TEST_SANDBOX", "auto"), workers=2)
    except SandboxError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


@pytest.fixture(scope="session")
def judged(sandbox: Sandbox) -> Callable[..., Judgement]:
    """`judged(reference, code, language="python", mode="fork", **bench)`: a real judgement."""

    def run(reference: Any, code: str, language: str = "python", mode: RunMode = "fork", **bench: Any) -> Judgement:
        return judge(Bench(sandbox=sandbox, mode=mode, **bench), read_reference(reference), code, language)

    return run
