"""From a program to a judgement: which way it is judged, and what happens when our own part fails.

A sandbox that fails (a worker died, Docker went away) says nothing about the program: everything is begun again on a
new lease, at most `ATTEMPTS` times. A benchmark's own part that fails (`JudgeError`) would fail again. Either way the
status is `judge_error`, never one of the model's.
"""

from __future__ import annotations

from assay import SandboxError, UsageError
from assay_plugins.code_tests.asserted import judge_assertions
from assay_plugins.code_tests.bench import Bench
from assay_plugins.code_tests.functional import judge_functional
from assay_plugins.code_tests.interactive import judge_interactive
from assay_plugins.code_tests.reference import Reference
from assay_plugins.code_tests.results import JudgeError, Judgement, Status
from assay_plugins.code_tests.stdin import judge_stdin

ATTEMPTS = 3


def judge(bench: Bench, reference: Reference, code: str, language: str) -> Judgement:
    """Judge a program. Never raises for what the program or the sandbox does.

    Args:
        bench: The sandbox and how to use it.
        reference: What is expected.
        code: The program.
        language: One of the sandbox's languages; "python" for every kind but `stdin`.
    """
    failure = ""
    for _ in range(ATTEMPTS):
        try:
            return _judged(bench, reference, code, language)
        except JudgeError as error:
            return Judgement(status=Status.JUDGE_ERROR, message=str(error))
        except UsageError as error:
            return Judgement(status=Status.JUDGE_ERROR, message=f"the sandbox cannot run this: {error}")
        except (SandboxError, OSError) as error:  # a full disk, no file descriptors left
            failure = str(error)
    return Judgement(status=Status.JUDGE_ERROR, message=f"the sandbox failed {ATTEMPTS} times: {failure}"[:500])


def _judged(bench: Bench, reference: Reference, code: str, language: str) -> Judgement:
    if reference.kind == "functional":
        return judge_functional(bench, reference, code)
    if reference.kind == "assertions":
        return judge_assertions(bench, reference, code)
    if reference.interactor is not None:
        return judge_interactive(bench, reference, code, language)
    return judge_stdin(bench, reference, code, language)
