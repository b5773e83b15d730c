"""Mutants of the comparison code that change nothing that anyone could see, each with the reason."""

from __future__ import annotations

_CAP = "a cap chosen by hand, one more or less"
_POINT = "numbers have the same value at every point, and a proof of difference holds at any"
EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (
        "expressions",
        "for point in range(1 if not names else INTEGER_POINT + 1 if rough else 3):",
        "1",
        "1 -> 2",
    ): "one more point, at which equal values are equal too",
    (
        "expressions",
        "if span < digits - _DIGITS:",
        "if span < digits - _DIGITS:",
        "condition always false",
    ): "the values are computed once more, with as many digits as they had",
    ("expressions", "values = _at(a, b, 0, 0)", "0", "0 -> 1"): _POINT,
    ("expressions", "_MAX_SPAN = 3000", "3000", "3000 -> 3001"): _CAP,
    ("expressions", "_FINE_DIGITS = 200", "200", "200 -> 201"): "a digit more than are looked at",
    ("expressions", "_DIGITS = 60", "60", "60 -> 61"): "a digit more than are looked at",
    (
        "expressions",
        "right = None if left is None else value_at(b, point, digits, width)",
        "None if left is None else value_at(b, point, digits, width)",
        "condition always false",
    ): "the other value is computed and not used",
    (
        "expressions",
        "if len(ratios) < 2 or any((abs(ratio - ratios[0]) > alike * abs(ratio) for ratio in ratios)):",
        "0",
        "0 -> 1",
    ): "any of the ratios will do to compare the others with",
    (
        "numerals",
        "if _PLAIN.fullmatch(text):",
        "if _PLAIN.fullmatch(text):",
        "condition always false",
    ): "a short cut: the pattern after it reads the same",
    (
        "numerals",
        "if len(whole) + len(decimals or '') > MAX_NUMERAL or abs(exponent) * 4 > MAX_BITS:",
        "len(whole) + len(decimals or '')",
        "Add -> Sub",
    ): "no text that gets here has more characters",
    (
        "real_sets",
        "return None if solved is None else real_set(solved)",
        "None if solved is None else real_set(solved)",
        "condition always false",
    ): "real_set of nothing is None",
    (
        "real_sets",
        "if _variable(relation):",
        "if _variable(relation):",
        "condition always false",
    ): "a relation that is about a name alone is solved for it: it stays as it is",
    (
        "real_sets",
        "return _interval((Scalar(MINUS_INFINITY), bound), False, operator == '<=')",
        "False",
        "False -> True",
    ): "no infinite end is closed, whatever is asked for",
    (
        "trees",
        "return -1 if isinstance(head, Num) and head.value < 0 else 0",
        "1",
        "1 -> 2",
    ): "only the sign counts",
    ("units", "MAX_PIECES = 40", "40", "40 -> 41"): _CAP,
    (
        "decide",
        "if not cleaned:",
        "if not cleaned:",
        "condition always false",
    ): "the pattern of what cannot be read matches the empty text too",
    (
        "expressions",
        "if not (has_decimal(a) or has_decimal(b)) and _differ_coarsely(a, b):",
        "if not (has_decimal(a) or has_decimal(b)) and _differ_coarsely(a, b):",
        "condition always false",
    ): "a short cut: what machine floats prove different is different to 200 digits",
    ("real_sets", "result = value_at(node, 0, _DIGITS)", "0", "0 -> 1"): _POINT,
}
"""File, statement, the code in it that is changed (both as `ast.unparse` writes them, first line), the change."""


def why_equivalent(file: str, statement: str, code: str, change: str) -> str | None:
    """Why a mutant is none; None where it is a real one."""
    return EQUIVALENT.get((file, statement, code, change))
