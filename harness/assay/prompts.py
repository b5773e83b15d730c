"""Turning a problem into what the model is sent: named templates, to the letter of the R1 reports.

A template decides how the question (the problem's messages) and the protocol's instruction are put
together. `r1` appends the instruction to the last user message and leaves the rest to the model's chat
template; `r1-zero` is the raw text of the report's Table 1 for base models; `plain` sends the question
alone; a path names a text file with `{prompt}` (question and instruction) or `{question}` and
`{instruction}` in it. Placeholders are replaced literally: braces of LaTeX are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import UsageError, did_you_mean
from assay.types import Message, Problem

R1_ZERO = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>. User: {prompt}. Assistant:"
)
"""DeepSeek-R1 report, Table 1."""

_MAX_TEMPLATE_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptTemplate:
    """A way to put a question to a model."""

    name: str
    """"r1", "r1-zero", "plain", "raw", or the path of the file it came from."""
    text: str
    """Text with the placeholders {prompt}, {question} and {instruction}."""
    chat: bool
    """True: the text becomes the last user message. False: it is sent raw, without a chat template."""


BUILT_IN = {
    "r1": PromptTemplate(name="r1", text="{prompt}", chat=True),
    "r1-zero": PromptTemplate(name="r1-zero", text=R1_ZERO, chat=False),
    "plain": PromptTemplate(name="plain", text="{question}", chat=True),
    "raw": PromptTemplate(name="raw", text="{question}", chat=False),
}


def get_template(name: str) -> PromptTemplate:
    """A built-in template, or the one in the file that `name` is the path of.

    Raises `UsageError` where neither exists, or the file holds no placeholder for the question.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    path = Path(name)
    try:
        if not path.is_file():
            raise UsageError(
                f"no prompt template is called {name!r} and no such file exists. " + did_you_mean(name, list(BUILT_IN))
            )
        if path.stat().st_size > _MAX_TEMPLATE_BYTES:
            raise UsageError(f"the prompt template {name} is larger than {_MAX_TEMPLATE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the prompt template {name}: {error}") from error
    if "{prompt}" not in text and "{question}" not in text:
        raise UsageError(f"the prompt template {name} holds neither {{prompt}} nor {{question}}: it asks nothing")
    return PromptTemplate(name=name, text=text.removesuffix("\n"), chat=True)


def render_prompt(template: PromptTemplate, problem: Problem, instruction: str) -> tuple[Message, ...] | str:
    """The messages, or the raw text, that a problem becomes.

    Raises `UsageError` for a problem whose last message is not the user's, or whose conversation has
    several turns while the template is raw.
    """
    if not problem.prompt or problem.prompt[-1].role != "user":
        raise UsageError(f"problem {problem.id!r} must end with a user message to be put to a model")
    question = problem.prompt[-1].content
    text = _fill(template.text, question, instruction)
    if template.chat:
        return (*problem.prompt[:-1], replace(problem.prompt[-1], content=text))
    if len(problem.prompt) > 1:
        raise UsageError(
            f"the raw template {template.name!r} takes one user message; problem {problem.id!r} has "
            f"{len(problem.prompt)}"
        )
    return text


def _fill(text: str, question: str, instruction: str) -> str:
    prompt = f"{question}\n{instruction}" if instruction else question
    values = {"prompt": prompt, "question": question, "instruction": instruction}
    pieces: list[str] = []
    rest = text
    # One pass from left to right: a question that itself holds "{instruction}" is not filled again.
    while True:
        found = [(rest.find("{" + name + "}"), name) for name in values]
        at, name = min(((at, name) for at, name in found if at >= 0), default=(-1, ""))
        if at < 0:
            return "".join([*pieces, rest])
        pieces += [rest[:at], values[name]]
        rest = rest[at + len(name) + 2 :]
