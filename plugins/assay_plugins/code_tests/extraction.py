r"""Which program did the response hand in?

The last fenced block of the answer, never of the reasoning (`assay.split_completion`), among those that the problem
can take: a block with a tag is in that language (```` ```py ````, ```` ```c++ ````, `{.python}`), one without is in the
problem's own, and a block whose tag names another language or no language at all (```` ```text ````,
```` ```output ````) is not the program.

A block is what stands between two fences of at least three backticks or tildes. As in LiveCodeBench, which takes
what is between the last two lines that hold a fence, a fence with a tag inside an open block begins a new one (the
first was never closed) and a block that is never closed is none: a response that ends inside it has no answer, and
one that was cut off there is truncated. Only the last `MAX_BLOCKS` blocks are kept, so everything is linear.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})(.*)")
_TAG = re.compile(r"\{?\s*\.?([A-Za-z][\w+#.-]*)")
MAX_BLOCKS = 64
"""Blocks, from the last one back, that are looked at."""

TAGS = {
    "python": "python",
    "python2": "python2",
    "python3": "python",
    "py": "python",
    "py3": "python",
    "pypy": "python",
    "pypy3": "python",
    "cpp": "cpp",
    "c++": "cpp",
    "cc": "cpp",
    "cxx": "cpp",
    "c++11": "cpp",
    "c++14": "cpp",
    "c++17": "cpp",
    "c++20": "cpp",
    "c++23": "cpp",
    "cpp17": "cpp",
    "cpp20": "cpp",
    "cpp23": "cpp",
    "c": "c",
    "java": "java",
    "javascript": "javascript",
    "js": "javascript",
    "node": "javascript",
    "typescript": "typescript",
    "ts": "typescript",
    "csharp": "csharp",
    "c#": "csharp",
    "cs": "csharp",
    "go": "go",
    "golang": "go",
    "rust": "rust",
    "rs": "rust",
    "php": "php",
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "kotlin": "kotlin",
    "ruby": "ruby",
    "rb": "ruby",
    "swift": "swift",
    "scala": "scala",
    "haskell": "haskell",
    "pascal": "pascal",
    "perl": "perl",
}
"""Tags of fences, in lower case, and the languages that they name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block."""

    tag: str
    """Its language tag in lower case, without punctuation; empty where it has none."""
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """The program that a response hands in, or why there is none."""

    code: str | None = None
    language: str = ""
    reason: str = ""


def extract(answer: str, *, languages: Collection[str] | None, default: str, bare_code: bool = False) -> Extracted:
    """Find the program in an answer.

    Args:
        answer: The response without its reasoning.
        languages: Languages that the problem takes; None: any.
        default: The language of a block without a tag.
        bare_code: Take an answer without any fence as the program.
    """
    blocks, unclosed = fenced_blocks(answer)
    if unclosed:
        return Extracted(reason="the last code block is not closed")
    foreign = ""
    for block in reversed(blocks):
        language = TAGS.get(block.tag) if block.tag else default
        if language is not None and (languages is None or language in languages):
            if block.code.strip():
                return Extracted(code=block.code, language=language)
            foreign = foreign or "the last code block is empty"
            continue
        foreign = foreign or f"the last code block is tagged {block.tag!r:.40}"
    if foreign:
        taken = "a program" if languages is None else "a program in " + " or ".join(sorted(languages))
        return Extracted(reason=f"{foreign}, and no other holds {taken}")
    if bare_code and answer.strip():
        return Extracted(code=answer.strip("\n") + "\n", language=default)
    return Extracted(reason="the answer has no fenced code block")


def fenced_blocks(text: str) -> tuple[list[Block], bool]:
    """The last closed blocks of a text in their order, and whether it ends in one that is not closed."""
    blocks: deque[Block] = deque(maxlen=MAX_BLOCKS)
    fence, tag, indent = "", "", 0
    lines: list[str] = []
    for raw in text.split("\n"):
        line = raw.rstrip("\r")
        match = _FENCE.fullmatch(line) if "```" in line or "~~~" in line else None
        if not fence:
            if match is not None and "`" not in match[2]:
                fence, tag, indent, lines = match[1], _tag(match[2]), match.start(1), []
            continue
        if match is not None and match[1][0] == fence[0] and len(match[1]) >= len(fence):
            if not _opens(match[2]):
                blocks.append(Block(tag=tag, code=_dedented(lines, indent)))
                fence = ""
            elif len(fence) == 3:
                # A tag where a block is open: that one was never closed.
                fence, tag, indent, lines = match[1], _tag(match[2]), match.start(1), []
            else:
                lines.append(line)
            continue
        if fence == "```" and line.rstrip().endswith("```") and not line.rstrip().endswith(("'```", '"```')):
            lines.append(line.rstrip()[:-3])
            blocks.append(Block(tag=tag, code=_dedented(lines, indent)))
            fence = ""
            continue
        lines.append(line)
    return list(blocks), bool(fence)


def normalized(code: str) -> str:
    """The text by which two programs count as the same answer: without trailing spaces and empty lines."""
    return "\n".join(line for line in (raw.rstrip() for raw in code.split("\n")) if line)


def _opens(info: str) -> bool:
    """Whether what follows a fence is a tag: one known word, or braces."""
    words = info.split()
    return bool(words) and (_tag(info) in TAGS or _tag(info) in _OTHER_TAGS) and len(words) <= 2


def _tag(info: str) -> str:
    match = _TAG.match(info.strip())
    return match[1].lower() if match else ""


def _dedented(lines: list[str], indent: int) -> str:
    """The lines without the indentation of their fence, where they have it."""
    if indent:
        lines = [line[min(indent, len(line) - len(line.lstrip(" \t>"))) :] for line in lines]
    return "\n".join(lines) + "\n" if lines else ""


_OTHER_TAGS = frozenset(("text", "txt", "plaintext", "plain", "output", "input", "console", "json", "diff", "sql"))
