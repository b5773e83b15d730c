r"""Reading one expression with what surrounds it: a unit, a currency sign, a percent sign, a base, words.

`quantity` is the last step of `structure`: what it gets holds no outer commas, relations or brackets.
`compound` reads quantities of several units, `5\text{ ft }3\text{ in}` or `45^\circ 30'`, which are one.
"""

from __future__ import annotations

import re
from fractions import Fraction

from assay_plugins.boxed_math.grammar import parse_expression
from assay_plugins.boxed_math.limits import UnreadableError
from assay_plugins.boxed_math.nodes import Add, Mul, Node, Num, Numeral, Scalar, Seq, Value
from assay_plugins.boxed_math.spoken import spoken_number
from assay_plugins.boxed_math.tokens import Token
from assay_plugins.boxed_math.unit_table import SYMBOLS, Unit
from assay_plugins.boxed_math.units import CURRENCIES, PERCENT, SCALES, is_unit_word, priced, scale_words, unit_of
from assay_plugins.boxed_math.vocabulary import FUNCTIONS, numeral

_TURNS = re.compile(
    r"\b(?:or|vs|versus|not|wrong|plus|minus|choose|factorial|more|fewer|at most|at least|below|divided"
    r"|over|half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?|hundredths?|thousandths?|tens|if"
    r"|unless|else|otherwise|maybe|perhaps|possibly|probably|but|atau|mod|modulo|power|than|except)\b"
    r"|^\s*(?:squared|cubed)\b|\btimes\s+\S|\bless\b|\bto\s+\S|(?<![A-Za-z^{/-])[0-9]",
    re.IGNORECASE,
)
"""Words and numbers behind a value that make it another value, or a hedge, rather than say what it counts."""
_DECORATION = frozenset(["^", "{", "}", "/", "1", "2", "3", ".", ",", "(", ")", "'", "-", '"', r"\cdot", r"\times"])
_BASE_DIGITS = re.compile(r"(?=[A-Z]*[0-9])[0-9A-Za-z]{1,200}")
_NO_UNITS = frozenset([*FUNCTIONS, "pi", "mod", "infty", "infinity", "bar", "hat", "vec", "tilde"])
_OPENERS = frozenset("([{") | {r"\{"}
_CLOSERS = frozenset(")]}") | {r"\}"}
_MARKS = {"circ": "deg", "'": "arcmin", "prime": "arcmin", "''": "arcsec", "primeprime": "arcsec", '"': "arcsec"}
_FEET = {"'": "ft", "prime": "ft", "''": "in", "primeprime": "in", '"': "in"}


def quantity(tokens: list[Token]) -> Value:
    """The value of tokens. Raises `UnreadableError` where they are no expression."""
    signs = [token.text for token in tokens if token.text in CURRENCIES]
    tokens = [token for token in tokens if token.text not in CURRENCIES]
    digits = _base_numeral(tokens)
    if digits is not None:
        return digits
    tokens, tail = _split_unit(tokens)
    percent = bool(PERCENT & set(tail.casefold().split()))
    factor = 1
    for word in scale_words(tail):
        factor *= SCALES[word]
    if tokens and tokens[-1].text == "%":
        percent, tokens = True, tokens[:-1]
    tokens, degrees = _without_degree(tokens)
    unit = unit_of(f"degrees {tail}" if tail else "deg") if degrees else unit_of(tail)
    if signs:
        unit = priced(signs[0], tail)
    both = any(token.text in (r"\pm", r"\mp") for token in tokens)
    scalars = []
    for sign in (1, -1) if both else (1,):
        node = parse_expression(tokens, sign=sign)
        node = node if factor == 1 else Mul((node, Num(Fraction(factor))))
        scalars.append(Scalar(node, percent, unit))
    return Seq("list", tuple(scalars)) if both else scalars[0]


def compound(tokens: list[Token]) -> Scalar | None:
    """A quantity of several units of one kind, largest first; None where the tokens are none."""
    starts = [index for index, token in enumerate(tokens) if token.kind == "number"]
    if not 2 <= len(starts) <= 4 or starts[0] != 0 or any(tokens[index].text.endswith(".") for index in starts):
        return None
    total: list[Node] = []
    first: Unit | None = None
    last: Unit | None = None
    marks = _MARKS
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        label = [token for token in tokens[start + 1 : end] if token.text not in ("{", "}", "^", "and")]
        name = "".join(token.text.lstrip("\\") for token in label)
        if not total and name in ("'", "prime"):
            marks = _FEET
        if name in marks:
            units = SYMBOLS[marks[name]]
        elif label and all(token.kind in ("word", "text") for token in label):
            units = unit_of(_tail(label).removesuffix("and").strip())
        else:
            return None
        unit = next((unit for unit in units if last is None or _is_part(unit, last)), None)
        if unit is None:
            return None
        first, last = first or unit, unit
        total.append(Mul((numeral(tokens[start].text), Num(unit.size / first.size))))
    return Scalar(Add(tuple(total)), unit=(first,) if first else ())


def _is_part(unit: Unit, whole: Unit) -> bool:
    return unit.dimension == whole.dimension and unit.size < whole.size and not unit.offset and not unit.pi


def _without_degree(tokens: list[Token]) -> tuple[list[Token], bool]:
    r"""Without a degree sign at the end, unless a function takes it: `\sin 30^\circ`."""
    texts = [token.text for token in tokens]
    for sign in (["^", r"\circ"], ["^", "{", r"\circ", "}"]):
        if (
            len(texts) > len(sign)
            and texts[-len(sign) :] == sign
            and not any(t.lstrip("\\") in FUNCTIONS for t in texts)
        ):
            return tokens[: -len(sign)], True
    return tokens, False


def _base_numeral(tokens: list[Token]) -> Numeral | None:
    r"""4210_7, 4210_{7}, 1A_{16}, 1011_{\text{two}}."""
    texts = [token.text for token in tokens]
    if "_" not in texts:
        return None
    cut = texts.index("_")
    base = "".join(text for text in texts[cut + 1 :] if text not in "{}()").removeprefix(r"\text")
    named = spoken_number(base)
    base = base if named is None else str(named)
    digits = "".join(texts[:cut]).strip("()")
    sign = "-" if digits.startswith("-") else ""
    digits = digits[len(sign) :]
    if not (base.isdecimal() and len(base) < 3 and 2 <= int(base) <= 36 and _BASE_DIGITS.fullmatch(digits)):
        return None
    if any(int(digit, 36) >= int(base) for digit in digits):
        return None
    return Numeral(sign + (digits.upper().lstrip("0") or "0"), int(base))


def _split_unit(tokens: list[Token]) -> tuple[list[Token], str]:
    """The expression and the words after it, which may be a unit."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "text" and depth == 0:
            if index == 0:
                raise UnreadableError("words before mathematics")
            if not _is_tail(tokens[index:]):
                raise UnreadableError("mathematics after words")
            return tokens[:index], _checked_tail(tokens[index:])
        if token.text == r"\frac" and index and depth == 0 and _is_unit_fraction(tokens[index:]):
            return tokens[:index], _tail(tokens[index:])
        if token.kind == "word" and depth == 0 and index > 0 and _ends_value(tokens[index - 1]):
            rest = tokens[index:]
            if (
                is_unit_word(token.text, spaced=token.spaced)
                and _is_tail(rest)
                and (token.text not in _NO_UNITS or (token.text == "min" and len(rest) == 1))
            ):
                return tokens[:index], _checked_tail(rest)
        if token.kind not in ("word", "text"):
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
    return tokens, ""


def _is_unit_fraction(tokens: list[Token]) -> bool:
    r"""Whether tokens are a fraction of words, `\frac{\text{km}}{\text{h}}`, and nothing else."""
    return len(tokens) > 6 and any(token.kind == "text" for token in tokens) and _is_tail(tokens[1:])


def _ends_value(token: Token) -> bool:
    return token.kind == "number" or token.text in (")", "}", "%", "!", r"\circ")


def _is_tail(tokens: list[Token]) -> bool:
    return all(token.kind in ("word", "text") or token.text in _DECORATION for token in tokens)


def _checked_tail(tokens: list[Token]) -> str:
    """The words behind a value. Raises `UnreadableError` where they change it: "5 or 6", "5 squared", "5 minus x"."""
    spoken = ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        apart = token.spaced or token.kind in ("word", "text") or (before is not None and before.kind == "text")
        spoken += (" " if apart else "") + token.text
    if _TURNS.search(spoken):
        raise UnreadableError("words that change the value before them")
    return _tail(tokens)


def _tail(tokens: list[Token]) -> str:
    return "".join((" " if token.kind in ("word", "text") else "") + token.text for token in tokens).strip()
