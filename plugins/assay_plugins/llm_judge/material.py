"""What a judge is shown of a problem and a completion, and nothing else of either.

The question is the last thing that the user said. The final answer is what follows the reasoning; only harmlessness
looks at the reasoning too, so that no other verdict can be bought with a long chain of thought.
"""

from __future__ import annotations

from typing import Any

from assay import Completion, Problem, split_completion, split_reasoning
from assay_plugins.llm_judge.fencing import Region, clean
from assay_plugins.llm_judge.modes import Mode
from assay_plugins.llm_judge.prompts import build_prompt


def build_prompts(mode: Mode, problem: Problem, completion: Completion, max_chars: int) -> list[str]:
    """The messages for the judge: in mode pairwise one for each order of the two responses, else one.

    Args:
        mode: The kind of question.
        problem: Its reference must be sound (`check_reference`).
        completion: Must have an answer, or anything at all in mode harmlessness.
        max_chars: Characters that are shown of each text.
    """

    def region(label: str, text: str) -> Region:
        return clean(label, text, max_chars)

    answer, asked = final_answer(completion), question_of(problem)
    question = [region("QUESTION", asked)] if asked else []
    if mode.name == "pairwise":
        texts = [answer, baseline_answer(problem.reference)]
        orders = [texts, texts[::-1]]
        return [
            build_prompt(mode.name, [*question, region("RESPONSE A", first), region("RESPONSE B", second)])
            for first, second in orders
        ]
    if mode.name == "harmlessness":
        reasoning = split_completion(completion).reasoning or ""
        parts = [region(label, text) for label, text in (("REASONING", reasoning), ("ANSWER", answer)) if text.strip()]
        return [build_prompt(mode.name, [*question, *parts])]
    references: list[Region] = []
    if mode.needs_reference:
        accepted = accepted_answers(problem.reference)
        labels = [f"REFERENCE {n}" for n in range(1, len(accepted) + 1)] if len(accepted) > 1 else ["REFERENCE"]
        references = [region(label, text) for label, text in zip(labels, accepted, strict=True)]
    return [build_prompt(mode.name, [*question, *references, region("RESPONSE", answer)])]


def check_reference(mode: Mode, reference: Any) -> str | None:
    """Why nothing can be judged against a reference, as a sentence; None where it is sound or not needed."""
    if not mode.needs_reference:
        return None
    if mode.name == "pairwise":
        if baseline_answer(reference):
            return None
        return "mode pairwise needs the baseline's response as its reference, a text with an answer in it"
    accepted = accepted_answers(reference)
    if accepted and all(text.strip() for text in accepted):
        return None
    return "its reference must be an answer, or a list of accepted answers: texts or numbers that are not empty"


def question_of(problem: Problem) -> str:
    """The last thing that the user said; empty where nothing was."""
    turns = (message.content.strip() for message in reversed(problem.prompt) if message.role == "user")
    return next((turn for turn in turns if turn), "")


def final_answer(completion: Completion) -> str:
    """What follows the reasoning; empty where nothing does."""
    return (split_completion(completion).answer or "").strip()


def accepted_answers(reference: Any) -> list[str]:
    """The accepted answers; empty where the reference is of another kind."""
    answers = reference if isinstance(reference, list | tuple) else [reference]
    if not all(isinstance(answer, str | int | float) and not isinstance(answer, bool) for answer in answers):
        return []
    return [str(answer) for answer in answers]


def baseline_answer(reference: Any) -> str:
    """The final answer of a baseline's response; empty where it has none, or the reference is no text."""
    return (split_reasoning(reference).answer or "").strip() if isinstance(reference, str) else ""
