"""`code_tests`: the verifier that runs programs. `verifier` says what it does, docs/code.md how to use it.

| file            | holds                                                                                    |
|-----------------|------------------------------------------------------------------------------------------|
| `verifier`      | `CodeTests`: options, score, verdict                                                     |
| `extraction`    | which program the response hands in                                                      |
| `reference`     | the format of references; `literals` reads values that are text                          |
| `judge`         | dispatch, and what happens when our own part fails; `results` has the statuses            |
| `bench`         | limits, runs close to the limit, calibration; `sandboxes` the sandbox of this process     |
| `stdin`         | programs that read standard input; `comparison` the rules, `checkers` programs that decide |
| `functional`    | calls of a function; `values` compares what comes back                                   |
| `asserted`      | tests that are code; `assertions` reads them, `lines` talks to both sides                 |
| `interactive`   | dialogues with an interactor                                                             |
| `inside/`       | what runs in the sandbox around programs and tests                                       |
| `testlib/`      | a header with the interface of testlib, for checkers and interactors in C++               |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import assay
from assay_plugins.code_tests.verifier import CodeTests

__all__ = ["CodeTests", "register_verifiers"]


@assay.hookimpl
def register_verifiers() -> Mapping[str, Callable[..., assay.Verifier]]:
    """The verifier of this package."""
    return {"code_tests": CodeTests}
