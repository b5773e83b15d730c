"""The rewards of the DeepSeek-R1 reports, as configurations that can be changed field by field.

| preset             | parts, summed with weight 1                                                  | stage of the reports |
|--------------------|------------------------------------------------------------------------------|----------------------|
| `r1-zero`          | accuracy (each problem's own verifier) + format (`<think>`, `<answer>`)      | R1-Zero              |
| `r1-reasoning`     | accuracy + language consistency of the reasoning                             | R1, reasoning RL     |
| `r1-all-scenarios` | accuracy or, where a problem is judged, the judge's preference + format there; language consistency everywhere | R1, last RL stage |

Accuracy is strict: an answer counts in its box only. Programs run in forks of a warm interpreter, for throughput. No learned reward model takes part in reasoning tasks: the reports
say that it gets hacked.
"""  # noqa: E501  # a table

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assay.errors import UsageError
from assay.rewards.config import RewardConfig, Term

_OPTIONS = {"boxed_math": {"extraction": "strict"}, "code_tests": {"mode": "fork"}}
_ACCURACY = Term(name="accuracy")
_FORMAT = Term(name="format", verifier="format_tags", options={"answer_tags": True})
_LANGUAGE = Term(name="language", verifier="language_consistency")

PRESETS = {
    "r1-zero": RewardConfig(terms=(_ACCURACY, _FORMAT), options=_OPTIONS),
    "r1-reasoning": RewardConfig(terms=(_ACCURACY, _LANGUAGE), options=_OPTIONS),
    "r1-all-scenarios": RewardConfig(
        terms=(
            _ACCURACY,
            _LANGUAGE,
            Term(name="format", verifier="format_tags", only=("llm_judge",)),
        ),
        options=_OPTIONS,
    ),
}


def preset(name: str, **changes: Any) -> RewardConfig:
    """A preset's configuration, with fields of `RewardConfig` replaced. Raises `UsageError` for unknown names."""
    if name not in PRESETS:
        raise UsageError(f"there is no reward preset {name!r}; there are {', '.join(PRESETS)}")
    try:
        return replace(PRESETS[name], **changes)
    except TypeError as error:
        raise UsageError(f"a reward preset has the fields {', '.join(RewardConfig.__slots__)}; {error}") from error
