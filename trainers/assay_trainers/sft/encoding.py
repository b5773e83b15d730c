r"""Examples as token ids, with the spans that are learned: assistant turns and the token that ends each.

What is learned is what the model would have had to generate, token by token, in the very context in which it would
have generated it. So a turn is encoded apart from what stands before it, as it is in generation, and the prompt is
rendered by the same code that renders prompts in evaluation.

Chat templates of reasoning models drop the reasoning of the turns that they are given: rendering a whole conversation
through them would train a model not to think. A conversation with several assistant turns is one row where the template
keeps every turn to the letter and each rendering continues the one before; otherwise each assistant turn becomes a
row of its own, in the context that the template gives it. A template that opens the thought itself ("<think>\n") gets
no second tag.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay import DataError, Message, Prompter, Request, UsageError
from assay_trainers.sft.config import DataConfig
from assay_trainers.sft.data import Example

_CHUNK = 1000
"""Examples whose texts are tokenised together: fast tokenizers work on them in parallel."""
_OPENED = re.compile(r"<think>\s*\Z")
_OPENING = re.compile(r"\A\s*<think>[ \t]*\n?")


@dataclass(frozen=True, kw_only=True, slots=True)
class SftRow:
    """One row of token ids."""

    ids: NDArray[np.int32]
    spans: tuple[tuple[int, int], ...]
    """First token and the one after the last of each stretch that is learned; the first is at least 1."""

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.ids)

    @property
    def learned(self) -> int:
        """Tokens that have a loss."""
        return sum(stop - start for start, stop in self.spans)


@dataclass(kw_only=True, slots=True)
class Encoded:
    """All rows, and what became of the others."""

    rows: list[SftRow] = field(default_factory=list)
    dropped: int = 0
    """Rows that were too long, or had nothing left to learn."""
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class _Segment:
    text: str
    end: int | None = None
    """The token that ends the turn: only turns that are learned have one here."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A row before its texts are tokenised."""

    where: str
    prompt: list[int]
    segments: tuple[_Segment, ...]


class Encoder:
    """Encodes examples for a tokenizer.

    Args:
        tokenizer: Of transformers.
        config: Of the data.

    Raises `UsageError` where the tokenizer names no token that ends a turn.
    """

    def __init__(self, tokenizer: Any, config: DataConfig) -> None:
        self._tokenizer, self._config = tokenizer, config
        self._prompter = Prompter(tokenizer)
        if tokenizer.eos_token_id is None:
            raise UsageError("the tokenizer names no end-of-sequence token: the model could not learn to stop")
        self.end_of_text = int(tokenizer.eos_token_id)
        self.end_of_turn = self.end_of_text if self._prompter.template is None else self._end_of_turn()
        """The token that ends an assistant turn: the template's own, where there is one."""

    def encode(self, examples: Iterable[Example]) -> Encoded:
        """All examples as rows. Raises `DataError` for one that cannot be rendered, or is too long."""
        result = Encoded()
        for drafts in _chunks(draft for example in examples for draft in self._drafts(example)):
            texts = [segment.text for draft in drafts for segment in draft.segments]
            encoded = iter(self._tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else ())
            for draft in drafts:
                self._finish(draft, [next(encoded) for _ in draft.segments], result)
        return result

    def _finish(self, draft: _Draft, pieces: Sequence[Sequence[int]], result: Encoded) -> None:
        ids = list(draft.prompt)
        spans = []
        for segment, piece in zip(draft.segments, pieces, strict=True):
            start = len(ids)
            ids += piece
            if segment.end is not None:
                ids.append(segment.end)
                spans.append((max(1, start), len(ids)))  # nothing predicts a first token
        cap = self._config.max_tokens
        if len(ids) > cap:
            if self._config.too_long == "error":
                raise DataError(f"{draft.where} has {len(ids)} tokens, more than data.max_tokens = {cap}")
            if self._config.too_long == "truncate":
                ids = ids[:cap]
                spans = [(start, min(stop, cap)) for start, stop in spans if start < cap]
                result.truncated += bool(spans)
            else:
                spans = []
        row = SftRow(ids=np.array(ids, np.int32), spans=tuple(span for span in spans if span[0] < span[1]))
        if row.learned:
            result.rows.append(row)
        else:
            result.dropped += 1

    def _drafts(self, example: Example) -> Iterator[_Draft]:
        if not example.turns:
            request = Request(key="", prompt=example.prompt, seed=0)
            prompt = self._prompter.encode(self._prompter.render(request)) if example.prompt else []
            yield _Draft(example.where, prompt, (_Segment(example.completion, self.end_of_text),))
            return
        answers = [
            place for place, turn in enumerate(example.turns) if turn.role == "assistant" and place >= example.given
        ]
        if self._config.turns == "last":
            answers = answers[-1:]
        several = len(answers) > 1 and self._prompter.template is not None
        whole = self._whole(example, answers) if several else None
        if whole is not None:
            yield whole
            return
        for place in answers:
            prompt_text, content = self._turn(example, place)
            ids = list(self._prompter.encode(prompt_text))
            yield _Draft(example.where, ids, (_Segment(content, self.end_of_turn),))

    def _turn(self, example: Example, place: int) -> tuple[Any, str]:
        """The rendered prompt of an assistant turn, and its text without a thought that the prompt has opened."""
        if place == 0:
            raise DataError(f"{example.where}: a conversation cannot begin with an assistant turn that is learned")
        if self._prompter.template is None and place > 1:
            raise UsageError(
                f"{example.where} is a conversation of {place + 1} turns, and the tokenizer has no chat template: give "
                "one as data.chat_template"
            )
        rendered = self._prompter.render(Request(key="", prompt=example.turns[:place], seed=0))
        content = example.turns[place].content
        return rendered, _OPENING.sub("", content, count=1) if _OPENED.search(rendered.text) else content

    def _whole(self, example: Example, answers: Sequence[int]) -> _Draft | None:
        """A conversation as one row; None where the template changes a turn once others follow it."""
        ending = self._tokenizer.decode([self.end_of_turn])
        prompt: list[int] = []
        segments: list[_Segment] = []
        done = ""
        for place in answers:
            rendered, content = self._turn(example, place)
            full = self._apply(example.turns[: place + 1])
            opened = rendered.text + content
            if not rendered.text.startswith(done) or not full.startswith(opened + ending):
                return None
            if segments:
                segments.append(_Segment(rendered.text[len(done) :]))
            else:
                prompt = list(self._prompter.encode(rendered))
            segments.append(_Segment(content, self.end_of_turn))
            done = opened + ending
        return _Draft(example.where, prompt, tuple(segments))

    def _end_of_turn(self) -> int:
        """The token that the template puts after an assistant turn; the tokenizer's end-of-sequence if it puts none."""
        user, answer = Message(role="user", content="question"), Message(role="assistant", content="answer")
        after = self._apply((user, answer)).rpartition("answer")[2].lstrip()
        special = set(self._tokenizer.all_special_ids)
        ids = self._tokenizer(after, add_special_tokens=False)["input_ids"] if after else []
        return int(next((token for token in ids if token in special), self.end_of_text))

    def _apply(self, turns: Sequence[Message]) -> str:
        plain = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return str(self._tokenizer.apply_chat_template(plain, tokenize=False))
        except Exception as error:  # the template is code of the model's author and may raise anything
            raise DataError(
                f"the chat template refuses a conversation that ends with the assistant: {error}"
            ) from error


def show_row(tokenizer: Any, row: SftRow) -> str:
    """The text of a row, with what is learned in ⟦ ⟧."""
    parts, place = [], 0
    for start, stop in row.spans:
        parts += [tokenizer.decode(row.ids[place:start]), "⟦", tokenizer.decode(row.ids[start:stop]), "⟧"]
        place = stop
    return "".join([*parts, tokenizer.decode(row.ids[place:])])


def _chunks(drafts: Iterator[_Draft]) -> Iterator[list[_Draft]]:
    while chunk := list(itertools.islice(drafts, _CHUNK)):
        yield chunk
