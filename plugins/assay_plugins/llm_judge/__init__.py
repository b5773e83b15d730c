"""`llm_judge`: a verifier that asks a language model. `verifier` says what it does, docs/llm_judge.md how to use it.

| file       | holds                                                                            |
|------------|----------------------------------------------------------------------------------|
| `verifier` | `LlmJudge`: options, and the verdict                                             |
| `settings` | checking the options                                                             |
| `modes`    | the five modes: which verdicts there are and what they are worth                 |
| `material` | what is shown of a problem and a completion                                      |
| `prompts`  | the words that the judge reads                                                   |
| `fencing`  | how texts of others are shown, so that they stay data                            |
| `parsing`  | the one line of the judge's answer that counts                                   |
| `voting`   | one result from several votes                                                    |
| `asking`   | one check's questions: cache, further attempts, deadline                         |
| `budget`   | how much may be spent                                                            |
| `cache`    | verdicts that were given before                                                  |
| `models`   | the judge models of this process, and the threads that put questions to them     |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import assay
from assay import Verifier


def _llm_judge(**options: Any) -> Verifier:
    from assay_plugins.llm_judge.verifier import LlmJudge

    return LlmJudge(**options)


@assay.hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """The verifier of this package."""
    return {"llm_judge": _llm_judge}
