"""References: which answers one accepts, and why one cannot be used at all.

A reference that cannot be read, or that is itself over a cap, would make every answer wrong or refused, and the
model would be blamed for what is wrong with the data. So `why_unusable` looks at a reference alone, as far as any
comparison with it could: `check_reference` asks it before a model runs, and a verdict asks it before it refuses an
answer. Integers of any length are usable: they are compared digit by digit.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from assay import UsageError
from assay_plugins.boxed_math.cleaning import clean
from assay_plugins.boxed_math.decide import is_readable, readings
from assay_plugins.boxed_math.evaluation import begin
from assay_plugins.boxed_math.expressions import same_expression
from assay_plugins.boxed_math.extraction import Found, find_box
from assay_plugins.boxed_math.limits import MAX_CHARS, MAX_ITEMS, RefusedError
from assay_plugins.boxed_math.nodes import Combination, Matrix, Num, Ratio, Relation, Scalar, Seq, Value
from assay_plugins.boxed_math.numerals import long_numeral, read_number
from assay_plugins.boxed_math.real_sets import real_set

_SHARE = 0.6
"""A box that makes up more of a reference than this is the whole of it, not a symbol in it."""
_OTHER = Num(Fraction(999_983, 1_000_003))
"""A number that no reference is: what is compared with it has to be evaluated."""


def accepted_answers(reference: Any) -> list[str]:
    """The accepted answers of a reference: a string, a number, or a list of them; boxes in them are opened.

    Raises `UsageError` for anything else.
    """
    items = list(reference) if isinstance(reference, list | tuple) else [reference]
    answers: list[str] = []
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            raise UsageError(
                "boxed_math needs a string, a number or a list of them as reference, "
                f"got {type(item).__name__}: {item!r:.80}"
            )
        answers.append(_unboxed(item if isinstance(item, str) else _number_text(item)))
    if not answers:
        raise UsageError("boxed_math needs at least one accepted answer, got an empty list")
    return answers


def why_unusable(answer: str) -> str | None:
    """Why nothing can be compared with an accepted answer, as a sentence; None where it can be used."""
    if len(answer) <= MAX_CHARS:
        return _why_unusable(answer)
    if long_numeral(answer.strip()) is not None:
        return None
    return f"{answer!r:.80}… is over the cap on characters ({MAX_CHARS:,}) and no integer"


@lru_cache(maxsize=4096)
def _why_unusable(answer: str) -> str | None:
    if read_number(answer) is not None:
        return None
    begin()
    try:
        values = readings(clean(answer))
        if not is_readable(answer):
            return f"{answer!r:.80} is no mathematics or words that can be read"
        _measure(values[0])
    except RefusedError as error:
        return f"{answer!r:.80} is over the cap on {error.cap}"
    except RecursionError:
        return f"{answer!r:.80} is over the cap on depth"
    except ArithmeticError:
        return f"{answer!r:.80} is over the cap on magnitude"
    return None


def _measure(value: Value) -> None:
    """Do all that a comparison with a value might do. Raises `RefusedError` over a cap."""
    real_set(value)
    if isinstance(value, Scalar):
        same_expression(value.node, _OTHER)
    elif isinstance(value, Seq | Ratio | Combination):
        if len(value.items) > MAX_ITEMS and not (isinstance(value, Seq) and value.kind == "tuple"):
            raise RefusedError("items")
        _measure_all(value.items)
    elif isinstance(value, Relation):
        _measure_all(value.sides)
    elif isinstance(value, Matrix):
        for row in value.rows:
            _measure_all(row)


def _measure_all(values: tuple[Value, ...]) -> None:
    for value in values:
        _measure(value)


def _number_text(value: float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    try:
        return str(value)
    except ValueError:  # an int over Python's limit for conversion to a string
        raise UsageError("the reference is an integer of more than 4,300 digits; give it as a string") from None


def _unboxed(text: str) -> str:
    if "box" not in text:
        return text
    found = find_box(text, "joined")  # several boxes of a reference are a list: its author hedges nothing
    whole = clean(text) if len(text) <= MAX_CHARS else ""
    if isinstance(found, Found) and (found.end - found.start > _SHARE * len(text.strip()) or r"\in" not in whole):
        return found.text
    return text
