r"""Reading what stands around expressions: lists, tuples, intervals, sets, relations, units, texts.

`read` splits the tokens of a cleaned answer at its outermost separators, loosest first: `;`, then commas and
words for "and" and "or", relations, set operators, `:`, and then looks at brackets. What is left is one
expression, perhaps with a unit, or else words. Nothing that can be read as mathematics is read as words
unless it is a plain word of three or more letters.
"""

from __future__ import annotations

import re
from functools import lru_cache

from assay_plugins.boxed_math.cleaning import ROW
from assay_plugins.boxed_math.grammar import parse_expression
from assay_plugins.boxed_math.limits import MAX_CHARS, MAX_DEPTH, RefusedError, UnreadableError
from assay_plugins.boxed_math.matrices import determinant, matrix_value
from assay_plugins.boxed_math.names import INTEGERS, REALS, renamed
from assay_plugins.boxed_math.nodes import (
    Call,
    Combination,
    Matrix,
    Num,
    Ratio,
    Relation,
    Scalar,
    Seq,
    Sym,
    Text,
    Value,
)
from assay_plugins.boxed_math.quantities import compound, quantity
from assay_plugins.boxed_math.spoken import spoken_arithmetic, spoken_number
from assay_plugins.boxed_math.tokens import Token, tokenize
from assay_plugins.boxed_math.trees import symbols
from assay_plugins.boxed_math.wording import moment, words

_OPENERS = frozenset({"(", "[", "{", r"\{", r"\lfloor", r"\lceil", r"\langle", r"\begin"})
_CLOSERS = frozenset({")", "]", "}", r"\}", r"\rfloor", r"\rceil", r"\rangle", r"\end"})
_JOIN = frozenset(["and", "or", "и", "или", "y", "o", "ou", "et", "und", "oder", "та", "або", "和", "或", "및", "또는"])
_JOIN_COMMANDS = frozenset({r"\and", r"\or", r"\wedge", r"\vee"})
_OR = frozenset(["or", "или", "o", "ou", "oder", "або", "或", "또는", r"\or", r"\vee"])
_RELATIONS = {
    "=": "=", "==": "=", ":=": "=", "<": "<", ">": ">", "<=": "<=", "=<": "<=", ">=": ">=", "=>": ">=",
    r"\le": "<=", r"\ge": ">=", r"\ne": "!=", "!=": "!=", r"\in": "in", r"\approx": "~", r"\subseteq": "subset",
    r"\subset": "subset",
}  # fmt: skip
_INFIX = frozenset({r"\over", r"\choose", r"\atop"})
_QUOTED = re.compile(r"\\text\s*\{([^{}\\]*\d[^{}\\]*)\}")
"""Text around an answer with a number in it: `\\text{5 cm}`."""
_MATRIX = re.compile(r"(?:[pbvBV]?(?:small)?matrix|array|cases)")


@lru_cache(maxsize=8192)
def read(cleaned: str) -> Value:
    """The value of a cleaned answer; words where it is no mathematics.

    Raises `RefusedError` where it is over a cap.
    """
    if len(cleaned) > MAX_CHARS:
        raise RefusedError("characters")
    day = moment(cleaned)
    if day is not None:
        return Text(day)
    if (quoted := _QUOTED.fullmatch(cleaned)) is not None:
        cleaned = quoted[1].strip()
    try:
        return _Reader().value(tokenize(spoken_arithmetic(cleaned)))
    except UnreadableError:
        return Text(words(cleaned))


def split_top(tokens: list[Token], separators: frozenset[str]) -> list[list[Token]]:
    """Split at separators outside all brackets. Raises `UnreadableError` where brackets do not match."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.kind not in ("text", "word"):
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
            if depth < 0:
                raise UnreadableError("brackets do not match")
        if depth == 0 and token.kind != "text" and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    if depth:
        raise UnreadableError("brackets do not match")
    return parts


class _Reader:
    """Recursion over the structure, with a depth."""

    def __init__(self) -> None:
        self.depth = 0

    def value(self, tokens: list[Token]) -> Value:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RefusedError("depth")
        try:
            return self._value(tokens)
        finally:
            self.depth -= 1

    def _value(self, tokens: list[Token]) -> Value:
        tokens = _trimmed(tokens)
        if not tokens:
            raise UnreadableError("empty")
        if len(tokens) == 1 and tokens[0].text == r"\emptyset":
            return Seq("set", (), r"\{", r"\}")
        if _is_named_point(tokens):
            tokens = tokens[1:]
        if all(token.kind in ("text", "word") or token.text == "-" for token in tokens) and not _is_symbolic(tokens):
            text = " ".join(token.text for token in tokens)
            named = spoken_number(text)
            if named is not None:
                return Scalar(Num(named))
            if all(token.kind in ("text", "word") for token in tokens):
                return Text(words(text))
        several = compound(tokens)
        if several is not None:
            return several
        residue = self.residue(tokens)
        if residue is not None:
            return residue
        for separators in (frozenset({";"}), _COMMAS):
            parts = split_top(_joined(tokens), separators)
            members = [part for part in map(_trimmed, parts) if part]
            if len(parts) > 1:
                if len(members) == 1:
                    return self.value(members[0])
                values = tuple(self.value(part) for part in members)
                if ";" in separators:
                    values = tuple(_as_point(value) for value in values)
                return Seq("list", _without_domain(values), _joiner(tokens))
        for read in (self.relation, self.combination, self.ratio, self.bracketed, self.matrices):
            value = read(tokens)
            if value is not None:
                return value
        return quantity(tokens)

    def relation(self, tokens: list[Token]) -> Value | None:
        operators = [token for token in tokens if token.kind != "text" and token.text in _RELATIONS]
        if not operators:
            return None
        parts = split_top(tokens, frozenset(_RELATIONS))
        if len(parts) == 1:
            return None
        depth, kinds = 0, []
        for token in tokens:
            if token.kind in ("text", "word"):
                continue
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
            if depth == 0 and token.text in _RELATIONS:
                kinds.append(_RELATIONS[token.text])
        if not parts[0]:
            parts, kinds = parts[1:], kinds[1:]
        if not parts[-1]:
            raise UnreadableError("a relation without a right side")
        if not kinds:
            return self.value(parts[0])
        return Relation(tuple(self.side(part) for part in parts), tuple(kinds))

    def side(self, tokens: list[Token]) -> Value:
        try:
            return self.value(tokens)
        except UnreadableError:
            return Text(words(" ".join(token.text for token in tokens)))

    def combination(self, tokens: list[Token]) -> Value | None:
        for operator in (r"\setminus", r"\cup", r"\cap"):
            parts = split_top(tokens, frozenset({operator}))
            if len(parts) > 1:
                return Combination(operator, tuple(self.value(part) for part in parts))
        return None

    def ratio(self, tokens: list[Token]) -> Value | None:
        parts = split_top(tokens, frozenset({":"}))
        if len(parts) == 1:
            return None
        return Ratio(tuple(self.value(part) for part in parts))

    def bracketed(self, tokens: list[Token]) -> Value | None:
        """A tuple, interval or set in one pair of brackets, a matrix, or None."""
        opening, closing = tokens[0].text, tokens[-1].text
        if opening == r"\begin":
            return self.matrix(tokens)
        if opening == r"\det" and tokens[1:2] and tokens[1].text in (r"\begin", "(") and closing == "}":
            matrix = self.value(tokens[1:])
            return determinant(matrix) if isinstance(matrix, Matrix) else None
        if tokens[0].kind == "text" or opening not in _OPENERS or closing not in _CLOSERS or len(tokens) < 2:
            return None
        if opening in (r"\lfloor", r"\lceil") or not _encloses(tokens) or _INFIX & {token.text for token in tokens}:
            return None
        inner = tokens[1:-1]
        if opening != r"\{" and any(token.text in _BOTH_SIGNS for token in inner) and len(split_top(inner, _COMMA)) > 1:
            return Seq("list", tuple(self.value(_signed(tokens, sign)) for sign in "+-"))
        if not inner:
            return Seq("set" if opening in ("{", r"\{") else "tuple", (), opening, closing)
        if opening == r"\{":
            condition = self.set_builder(inner)
            if condition is not None:
                return condition
        is_set = opening in ("{", r"\{")
        parts = [part for part in split_top(inner, frozenset({",", ";"})) if part]
        if len(parts) == 1:
            if opening == r"\{":
                only = self.value(inner)
                return Seq("set", only.items if isinstance(only, Seq) and only.kind == "list" else (only,))
            if opening in ("(", "{") or inner[0].text == r"\begin":
                return self.value(inner)
            return None
        items = tuple(self.value(part) for part in parts)
        if is_set:
            items = tuple(each for item in items for each in _both_signs(item))
            return Seq("set", items, "{" if opening == "{" else "")
        return Seq("tuple", items, "(" if opening == r"\langle" else opening, ")" if closing == r"\rangle" else closing)

    def residue(self, tokens: list[Token]) -> Value | None:
        r"""`x \equiv 3 \pmod 7`: the residue class of 3 modulo 7, or None."""
        if not any(token.text == r"\pmod" for token in tokens):
            return None
        halves = split_top(tokens, frozenset({r"\pmod"}))
        if len(halves) != 2 or any(token.text in _COMMAS for token in halves[0]):
            return None
        sides = split_top(halves[0], frozenset({"=", r"\equiv"}))
        modulus, number = parse_expression(halves[1]), parse_expression(sides[-1])
        if len(sides) > 2 or (len(sides) == 2 and (len(sides[0]) != 1 or sides[0][0].kind != "word")):
            return None
        return Scalar(Call("residue", (Call("mod", (number, modulus)), modulus)))

    def set_builder(self, inner: list[Token]) -> Value | None:
        r"""The set of `x | x > 2` or `x \in \mathbb{Z} : x > 2`, or None.

        The name that it binds becomes `BOUND`, which stands for any name; the reals as a domain say nothing.
        """
        bars = [index for index, token in enumerate(inner[:12]) if token.text in ("|", ":")]
        if not bars or bars[0] == 0 or inner[0].kind != "word" or (bars[0] > 1 and inner[1].text != r"\in"):
            return None
        condition = self.value(inner[bars[0] + 1 :])
        relations = condition.items if isinstance(condition, Seq) else (condition,)
        if not relations or not all(isinstance(item, Relation) for item in relations):
            return None
        condition = renamed(condition, inner[0].text)
        if bars[0] == 1:
            return condition
        domain = self.value(inner[2 : bars[0]])
        everything = isinstance(domain, Scalar) and isinstance(domain.node, Sym) and domain.node.name in REALS
        return condition if everything else Combination(r"\cap", (domain, condition))

    def matrix(self, tokens: list[Token]) -> Value | None:
        name = "".join(token.text for token in tokens[2 : tokens.index(Token("char", "}", False))]) if any(
            token == Token("char", "}", False) for token in tokens
        ) else ""  # fmt: skip
        if not _MATRIX.fullmatch(name) or not _encloses(tokens[: _end_of(tokens) + 1]):
            return None
        end = _end_of(tokens)
        if end + 3 < len(tokens) - 1:
            return None
        start = next(k for k, token in enumerate(tokens) if token.text == "}") + 1
        if name == "array" and tokens[start : start + 1] and tokens[start].text == "{":
            start = next(k for k in range(start, len(tokens)) if tokens[k].text == "}") + 1
        rows = [row for row in split_top(tokens[start:end], frozenset({ROW})) if row]
        cells = [[_condition(cell) for cell in split_top(row, _COLUMN)] for row in rows]
        if name == "cases" and all(len(row) == 1 for row in cells):
            return Seq("list", tuple(self.value(row[0]) for row in cells))
        entries = tuple(tuple(self.value(cell) for cell in row) for row in cells)
        matrix = Matrix(entries, "cases" if name == "cases" else "norm" if name[0] == "V" else "")
        return determinant(matrix) if name.startswith("v") else matrix

    def matrices(self, tokens: list[Token]) -> Value | None:
        """A sum of products of matrices and numbers, computed; None where no matrix is in it."""
        if not any(token.text == r"\begin" for token in tokens):
            return None
        return matrix_value(tokens, self.value)


def _as_point(value: Value) -> Value:
    """A list inside a list, as in 1,2; 3,4: a point."""
    return Seq("tuple", value.items, "(", ")") if isinstance(value, Seq) and value.kind == "list" else value


def _without_domain(items: tuple[Value, ...]) -> tuple[Value, ...]:
    r"""`k \pi, k \in \mathbb{Z}` without what it says of the parameter, which any answer with it would say."""
    last = items[-1] if len(items) > 1 else None
    if not isinstance(last, Relation) or last.operators != ("in",):
        return items
    parameter, domain = last.sides
    if not all(isinstance(side, Scalar) and isinstance(side.node, Sym) for side in last.sides):
        return items
    names = [side.node.name for side in (parameter, domain) if isinstance(side, Scalar) and isinstance(side.node, Sym)]
    used = isinstance(items[0], Scalar) and names[0] in symbols(items[0].node)
    return items[:-1] if used and names[1] in INTEGERS else items


def _both_signs(value: Value) -> tuple[Value, ...]:
    r"""The members that a member of a set stands for: two for `\pm 1`."""
    return value.items if isinstance(value, Seq) and value.kind == "list" else (value,)


_COMMA = frozenset({","})
_COLUMN = frozenset({"&"})
_BOTH_SIGNS = {r"\pm": {"+": "+", "-": "-"}, r"\mp": {"+": "-", "-": "+"}}


def _signed(tokens: list[Token], sign: str) -> list[Token]:
    r"""One of the two things that tokens with `\pm` mean."""
    return [
        Token("char", _BOTH_SIGNS[token.text][sign], token.spaced) if token.text in _BOTH_SIGNS else token
        for token in tokens
    ]


def _condition(cell: list[Token]) -> list[Token]:
    r"""A cell without the word that says that it is a condition: `\text{if } x > 0`."""
    leading = cell[0].text.strip(" ,").casefold() if cell and cell[0].kind in ("text", "word") else ""
    return cell[1:] if leading in ("if", "for", "when", "where") and len(cell) > 1 else cell


def _is_named_point(tokens: list[Token]) -> bool:
    """A(1, 2) is the point (1, 2)."""
    name = tokens[0]
    return (
        len(tokens) > 4
        and name.kind == "word"
        and len(name.text) == 1
        and name.text.isupper()
        and tokens[1].text == "("
        and _encloses(tokens[1:])
        and len(split_top(tokens[2:-1], _COMMA)) > 1
    )


_COMMAS = frozenset({",", r"\and", r"\or"})


def _joined(tokens: list[Token]) -> list[Token]:
    """Words for "and" and "or" as commas."""
    return [
        Token("char", ",")
        if (token.kind in ("word", "text") and token.text.strip(" ,").casefold() in _JOIN and len(token.text) > 1
            and index > 0) or token.text in _JOIN_COMMANDS  # a leading one is a word
        else token
        for index, token in enumerate(tokens)
    ]  # fmt: skip


def _joiner(tokens: list[Token]) -> str:
    """The word that joins a list, "and" or "or"; empty where that is a comma, or both."""
    found = {
        "or" if token.text.strip(" ,").casefold() in _OR else "and"
        for before, after in zip(tokens, _joined(tokens), strict=True)
        if before is not after and (token := before)
    }
    return found.pop() if len(found) == 1 else ""


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without empty texts, and without periods and colons at the ends."""
    start, end = 0, len(tokens)
    while start < end and (tokens[start].text in (":", "") and tokens[start].kind != "number"):
        start += 1
    while end > start and tokens[end - 1].text in (".", ":", ""):
        end -= 1
    return tokens[start:end]


def _is_symbolic(tokens: list[Token]) -> bool:
    """Whether letters are symbols rather than a word: single letters, short products, names of constants.

    Neighbours in the alphabet, such as abc and zyx, make no word either.
    """
    return all(
        token.text == "-"
        or (token.kind == "word" and (len(token.text) <= 2 or token.text in _CONSTANTS or _neighbours(token.text)))
        for token in tokens
    )


_CONSTANTS = ("pi", "infty", "infinity")


def _neighbours(word: str) -> bool:
    """Whether the letters of a short word follow each other in the alphabet, in any order."""
    codes = sorted(map(ord, word))
    return len(word) <= 4 and codes == list(range(codes[0], codes[0] + len(codes)))


def _encloses(tokens: list[Token]) -> bool:
    """Whether the first bracket is closed by the last token."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind in ("text", "word"):
            continue
        depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
        if depth == 0:
            rest = tokens[index + 1 :]
            return not rest or (token.text == r"\end" and len(rest) <= 3)
    return False


def _end_of(tokens: list[Token]) -> int:
    r"""Index of the `\end` that closes the first `\begin`, or of the last token."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text == r"\begin") - (token.text == r"\end")
        if depth == 0:
            return index
    return len(tokens) - 1
