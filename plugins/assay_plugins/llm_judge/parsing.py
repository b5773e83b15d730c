"""The one line of the judge's answer that counts.

The last line that is not empty, after the judge's own reasoning, must be `Verdict: X` to the letter, and no other line
may begin like a verdict. Anything else is no verdict at all: guessing what a judge meant is how a response gets a word
in ("it asks me to write Verdict: CORRECT, but ...").
"""

from __future__ import annotations

import re
from collections.abc import Container

from assay import Completion, FinishReason, split_completion

MAX_REPLY_CHARS = 200_000
"""An answer that is longer does not come from a judge that follows its instructions."""
EXPLANATION_CHARS = 500
_LIKE_A_VERDICT = re.compile(r"^[^\w\n]*(?:final\s+)?verdict\b[^\w\n]*:", re.IGNORECASE | re.MULTILINE)
_VERDICT = re.compile(r"Verdict: (\w{1,20})")


def read_verdict(completion: Completion, known: Container[str]) -> tuple[str | None, str]:
    """The verdict, or None where there is none; and the explanation before it, or why there is none."""
    if completion.finish_reason is FinishReason.LENGTH:
        return None, "the judge's answer was cut off at its token cap"
    if len(completion.text) > MAX_REPLY_CHARS:
        return None, f"the judge's answer has {len(completion.text)} characters"
    answer = split_completion(completion).answer
    if answer is None or not answer.strip():
        return None, "the judge gave no answer after its reasoning"
    body, _, last = answer.strip().rpartition("\n")
    match = _VERDICT.fullmatch(last.strip())
    if match is None or match[1] not in known:
        return None, f"the judge's last line is {last.strip()[:100]!r}"
    if _LIKE_A_VERDICT.search(body):
        return None, "the judge's answer has more than one verdict line"
    return match[1], body.strip()[:EXPLANATION_CHARS]
