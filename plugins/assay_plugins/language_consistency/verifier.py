r"""The verifier: the share of the reasoning's words that are in the target language."""

from __future__ import annotations

import re

from assay import AuditCase, BaseVerifier, Completion, Outcome, Problem, UsageError, Verdict, split_completion
from assay_plugins.language_consistency.mix import language_mix, main_language

_CODE = re.compile(r"[a-z]{2}")
_MAX_PROMPT = 20_000
PARTS = ("reasoning", "answer", "response")


class LanguageConsistency(BaseVerifier):
    """Share of target-language words in the chain of thought, in [0, 1].

    Args:
        target: ISO 639-1 code such as "en", or "prompt": the problem's `metadata["language"]` if it has one, else the
            language that most words of the prompt are in.
        part: What is looked at: "reasoning" (the default), "answer", or "response" (both).

    A response without reasoning, or whose reasoning has no words, is `no_answer`. `details["mix"]` holds the share of
    each language. Where no target can be told the outcome is `error`: the problem says too little.
    """

    name = "language_consistency"
    needs_reference = False
    version = "2"

    def __init__(self, *, target: str = "prompt", part: str = "reasoning") -> None:
        if target != "prompt" and not _CODE.fullmatch(target):
            raise UsageError(f"language_consistency: target must be 'prompt' or a code such as 'en', got {target!r}")
        if part not in PARTS:
            raise UsageError(f"language_consistency: part must be one of {', '.join(PARTS)}, got {part!r}")
        self.target = target
        self.part = part

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict:
        """Always decides, in bounded time: long texts are judged by samples of them."""
        text = self._part(completion)
        if text is None:
            return Verdict(outcome=Outcome.NO_ANSWER, reason=f"the response has no {self.part}")
        target = self._target(problem)
        if target is None:
            return Verdict(
                outcome=Outcome.ERROR,
                reason=f"the problem {problem.id!r} does not say its language: its prompt has no words. Set "
                "metadata['language'], or the option target",
            )
        mix = language_mix(text, target)
        total = sum(mix.values())
        if not total:
            return Verdict(outcome=Outcome.NO_ANSWER, reason=f"the {self.part} has no words, only symbols or code")
        share = min(1.0, mix[target] / total)
        shares = {language: round(words / total, 4) for language, words in mix.most_common()}
        return Verdict(
            outcome=Outcome.GRADED,
            score=share,
            reason=f"{share:.0%} of the words of the {self.part} are in {target!r}",
            details={"target": target, "mix": shares, "words": round(total)},
        )

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """The same as `verify_fast`."""
        return self.verify_fast(problem, completion)

    def _part(self, completion: Completion) -> str | None:
        if self.part == "response":
            return completion.prefill + completion.text
        split = split_completion(completion)
        return split.reasoning if self.part == "reasoning" else split.answer

    def _target(self, problem: Problem) -> str | None:
        if self.target != "prompt":
            return self.target
        given = problem.metadata.get("language")
        if isinstance(given, str) and _CODE.fullmatch(given):
            return given
        prompt = "\n".join(message.content for message in problem.prompt if message.role == "user")[-_MAX_PROMPT:]
        return main_language(prompt)

    def audit_cases(self) -> list[AuditCase]:
        """What `assay audit` starts from."""
        right = "<think>\nFirst we add the two numbers, and then we look at what is left over.\n</think>\nIt is four."
        wrong = "<think>\n我们先把两个数字加起来，然后看看还剩下什么，最后得到结果。\n</think>\nIt is four."
        question = "How much is left when you add two and two and take one away?"
        return [AuditCase(reference=None, right=right, wrong=(wrong,), reads_answer=False, question=question)]
