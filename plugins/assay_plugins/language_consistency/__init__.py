"""`language_consistency`: is the chain of thought in the language of the question?

The second reward of R1's reasoning stage, against language mixing. Its score is the share of target-language words
among the words of the reasoning; mathematics, code, addresses and names of variables do not count either way.

| file       | holds                                                    |
|------------|----------------------------------------------------------|
| `text`     | taking out what is no prose                              |
| `scripts`  | scripts, and how words are counted                       |
| `sisters`  | telling languages of one other script apart              |
| `latin`    | telling languages of Latin script apart, span by span    |
| `mix`      | words per language                                       |
| `verifier` | the verifier                                             |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import assay
from assay import Verifier


def _language_consistency(**options: Any) -> Verifier:
    from assay_plugins.language_consistency.verifier import LanguageConsistency

    return LanguageConsistency(**options)


@assay.hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """The verifier of this plugin."""
    return {"language_consistency": _language_consistency}
