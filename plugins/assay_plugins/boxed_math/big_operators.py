r"""Reading `\sum`, `\prod`, `\lim` and `\int` with their bounds: a part of the grammar in a file of its own.

A sum, product or limit takes the product that follows it as its body. An integral takes everything up to its
differential, which may stand at the end (`\int f(x) dx`), inside brackets (`\int (x dx)`) or in a numerator
(`\int \frac{dx}{x}`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from assay_plugins.boxed_math.limits import UnreadableError
from assay_plugins.boxed_math.nodes import Call, Node, Num
from assay_plugins.boxed_math.tokens import Token
from assay_plugins.boxed_math.vocabulary import BIG, CLOSERS, TIMES

if TYPE_CHECKING:
    from assay_plugins.boxed_math.grammar import _Parser

_SIDES = {"+": "", "-": "-"}
"""A limit from above is written like the limit itself by sympy; where both exist they are equal."""
_OPEN = frozenset(CLOSERS)
_CLOSE = frozenset(CLOSERS.values())


def read_big(parser: _Parser, command: str) -> Node:
    """The call that follows the command, which was taken already."""
    lower: list[Token] = []
    upper: list[Token] = []
    while parser.peek() in ("_", "^"):
        (lower if parser.take().text == "_" else upper).extend(parser.raw_group())
    name = BIG[command]
    if name == "int":
        return _integral(parser, lower, upper)
    texts = [token.text for token in lower]
    operator = r"\to" if name == "lim" else "="
    if operator not in texts or texts.index(operator) != 1:
        raise UnreadableError(f"{command} without bounds")
    variable = texts[0].lstrip("\\")
    if name == "lim":
        point, side = _side(lower[2:])
        start = parser.inner(point)
        return Call("lim" + side, (parser.body(variable), start), bound=variable)
    start = parser.inner(lower[2:])
    body = parser.body(variable)
    return Call(name, (body, start, parser.inner(upper)), bound=variable)


def _side(tokens: list[Token]) -> tuple[list[Token], str]:
    """The point of a limit, and from which side it is approached: `3^{-}` is 3 from below."""
    texts = [token.text for token in tokens if token.text not in "{}"]
    if len(texts) > 2 and texts[-2] == "^" and texts[-1] in _SIDES:
        cut = max(index for index, token in enumerate(tokens) if token.text == "^")
        return tokens[:cut], _SIDES[texts[-1]]
    return tokens, ""


def _integral(parser: _Parser, lower: list[Token], upper: list[Token]) -> Node:
    found = _differential(parser)
    if found is None:
        raise UnreadableError("an integral without a differential")
    start, end, variable, left_over = found
    before, after = parser.tokens[parser.position : start], parser.tokens[end:]
    head = [*before, *([Token("word", left_over)] if left_over else [])]
    while head and head[-1].text in TIMES:
        head.pop()
    depth = sum((token.text in _OPEN) - (token.text in _CLOSE) for token in before if token.kind != "text")
    if depth <= 0:
        body = parser.inner(head) if head else Num(Fraction(1))
        parser.position = end
    else:
        if head[-1].text in _OPEN:
            head.append(Token("number", "1"))
        parser.tokens = [*parser.tokens[: parser.position], *head, *after]
        body = parser.product()
    args = (body, *(parser.inner(bound) for bound in (lower, upper) if bound))
    return Call("int", args, bound=variable)


def _differential(parser: _Parser) -> tuple[int, int, str, str] | None:
    """Where the last differential stands, its variable, and letters that were written before it without a space."""
    for index in range(len(parser.tokens) - 1, parser.position - 1, -1):
        token = parser.tokens[index]
        if token.kind != "word":
            continue
        if token.text == "d" and index + 1 < len(parser.tokens):
            following = parser.tokens[index + 1]
            if following.kind in ("word", "command"):
                return index, index + 2, following.text.lstrip("\\"), ""
        elif token.text[-2:-1] == "d":
            return index, index + 1, token.text[-1], token.text[:-2]
    return None
