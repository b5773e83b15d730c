r"""Arithmetic of matrices: sums, products with matrices and numbers, small powers and transposes.

`\frac12 \begin{pmatrix} 2 & 4 \end{pmatrix}` is the matrix with the entries 1 and 2. The entries stay
expressions; they are only combined here and compared by `compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from assay_plugins.boxed_math.exact import UndefinedError, exact
from assay_plugins.boxed_math.grammar import parse_expression
from assay_plugins.boxed_math.limits import RefusedError, UnreadableError
from assay_plugins.boxed_math.nodes import Add, Call, Matrix, Mul, Node, Num, Pow, Scalar, Seq, Value
from assay_plugins.boxed_math.tokens import Token
from assay_plugins.boxed_math.vocabulary import TIMES

MAX_SIDE = 8
"""Rows and columns of a matrix that is computed with."""
MAX_POWER = 8
MAX_DETERMINANT = 5
"""Rows of a determinant: its expansion has as many terms as they have permutations."""
MAX_NODES = 600
"""Nodes of one entry of a product: symbols are not simplified."""
Rows = list[list[Node]]
Read = Callable[[list[Token]], Value]
_OPENERS = {"(": ")", "[": "]", "{": "}", r"\begin": r"\end"}
_TRANSPOSED = frozenset({"T", r"\top", r"\intercal", "t", r"\prime"})


def matrix_value(tokens: list[Token], read: Read) -> Matrix:
    """The matrix that a sum of products is. Raises `UnreadableError` where it is none."""
    total: Rows | None = None
    for sign, term in _terms(tokens):
        rows = _product(term, read)
        if sign < 0:
            rows = _scaled(Num(Fraction(-1)), rows)
        total = rows if total is None else _added(total, rows)
    if total is None:
        raise UnreadableError("an empty matrix")
    return Matrix(tuple(tuple(Scalar(entry) for entry in row) for row in total))


def determinant(matrix: Matrix) -> Scalar:
    """The determinant, by expansion along the first row. Raises `UnreadableError` where there is none."""
    rows = [[entry.node for entry in row if isinstance(entry, Scalar)] for row in matrix.rows]
    if not rows or any(len(row) != len(rows) for row in rows):
        raise UnreadableError("a determinant of rows that make no square")
    if len(rows) > MAX_DETERMINANT:
        raise RefusedError("matrix")
    return Scalar(_expanded(rows))


def _expanded(rows: Rows) -> Node:
    if len(rows) == 1:
        return rows[0][0]
    minors = ([[*row[:column], *row[column + 1 :]] for row in rows[1:]] for column in range(len(rows)))
    return _folded(
        Mul((Num(Fraction((-1) ** column)), entry, _expanded(minor)))
        for column, (entry, minor) in enumerate(zip(rows[0], minors, strict=True))
    )


def _terms(tokens: list[Token]) -> Iterable[tuple[int, list[Token]]]:
    sign, term, depth = 1, list[Token](), 0
    for token in tokens:
        if token.kind not in ("text", "word"):
            depth += (token.text in _OPENERS) - (token.text in _OPENERS.values())
        if depth == 0 and token.text in ("+", "-") and (not term or term[-1].text not in (*TIMES, "^")):
            if term:
                yield sign, term
                sign, term = 1, []
            sign = -sign if token.text == "-" else sign
        else:
            term.append(token)
    yield sign, term


def _product(tokens: list[Token], read: Read) -> Rows:
    result: Rows | None = None
    scalar: list[Token] = []
    position = 0
    while position < len(tokens):
        end = _group_end(tokens, position)
        rows = _rows(tokens[position:end], read) if end > position + 1 else None
        if rows is None:
            scalar += tokens[position:end]
            position = end
            continue
        rows, position = _postfix(rows, tokens, end)
        result = rows if result is None else _multiplied(result, rows)
        while position < len(tokens) and tokens[position].text in TIMES:
            position += 1
    while scalar and scalar[-1].text in TIMES:
        scalar.pop()
    if result is None:
        raise UnreadableError("a number is added to a matrix")
    return _scaled(parse_expression(scalar), result) if scalar else result


def _group_end(tokens: list[Token], start: int) -> int:
    """One past the group that begins here; of a matrix, past the braces with its name."""
    depth = 0
    for index in range(start, len(tokens)):
        if tokens[index].kind not in ("text", "word"):
            depth += (tokens[index].text in _OPENERS) - (tokens[index].text in _OPENERS.values())
        if depth == 0:
            if tokens[index].text == r"\end":
                return min(index + 4, len(tokens))
            return index + 1
    raise UnreadableError("brackets do not match")


def _rows(group: list[Token], read: Read) -> Rows | None:
    """The entries of a group that is a matrix, in brackets perhaps."""
    if not any(token.text == r"\begin" for token in group):
        return None
    if group[0].text != r"\begin" and group[0].text not in ("(", "[", "{"):
        return None
    value = read(group)
    if isinstance(value, Seq) and len(value.items) == 1:
        value = value.items[0]
    if not isinstance(value, Matrix):
        raise UnreadableError("brackets that hold more than a matrix")
    rows = [[entry.node for entry in row if isinstance(entry, Scalar)] for row in value.rows]
    if not rows or not rows[0] or any(len(row) != len(value.rows[0]) for row in rows):
        raise UnreadableError("a matrix with holes")
    if max(len(rows), len(rows[0])) > MAX_SIDE:
        raise RefusedError("matrix")
    return rows


def _postfix(rows: Rows, tokens: list[Token], position: int) -> tuple[Rows, int]:
    if position >= len(tokens) or tokens[position].text != "^":
        return rows, position
    end = _group_end(tokens, position + 1)
    script = [token.text for token in tokens[position + 1 : end] if token.text not in "{}"]
    if len(script) == 1 and script[0] in _TRANSPOSED:
        return [list(column) for column in zip(*rows, strict=True)], end
    if len(script) != 1 or not script[0].isdecimal() or not 1 <= int(script[0][:3]) <= MAX_POWER:
        raise UnreadableError("a power of a matrix")
    result = rows
    for _ in range(int(script[0]) - 1):
        result = _multiplied(result, rows)
    return result, end


def _multiplied(a: Rows, b: Rows) -> Rows:
    if len(a[0]) != len(b):
        raise UnreadableError("matrices that cannot be multiplied")
    columns = list(zip(*b, strict=True))
    return [[_folded(Mul((x, y)) for x, y in zip(row, column, strict=True)) for column in columns] for row in a]


def _added(a: Rows, b: Rows) -> Rows:
    if (len(a), len(a[0])) != (len(b), len(b[0])):
        raise UnreadableError("matrices of different shapes")
    return [[_folded((x, y)) for x, y in zip(p, q, strict=True)] for p, q in zip(a, b, strict=True)]


def _scaled(factor: Node, rows: Rows) -> Rows:
    return [[Mul((factor, entry)) for entry in row] for row in rows]


def _folded(items: Iterable[Node]) -> Node:
    """A sum, as a number where it is rational: trees would grow exponentially in a power otherwise."""
    node = Add(tuple(items))
    if _size(node, MAX_NODES) > MAX_NODES:
        raise RefusedError("matrix")
    try:
        value = exact(node)
    except UndefinedError as error:
        raise UnreadableError(str(error)) from error
    return node if value is None else Num(value)


def _size(node: Node, limit: int) -> int:
    """Nodes of a tree, counted up to a limit."""
    count, stack = 0, [node]
    while stack and count <= limit:
        item = stack.pop()
        count += 1
        if isinstance(item, Add | Mul):
            stack += item.items
        elif isinstance(item, Pow):
            stack += (item.base, item.exponent)
        elif isinstance(item, Call):
            stack += item.args
    return count
