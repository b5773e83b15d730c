"""What an answer is once it has been read: expression trees, and the structures around them.

All are frozen and hashable. An expression holds no Python numbers other than `Fraction`, so nothing is lost
by reading: `0.1` is one tenth, and `Num.places` remembers that it was written as a decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from assay_plugins.boxed_math.unit_table import Unit


@dataclass(frozen=True, slots=True)
class Num:
    """A numeral."""

    value: Fraction
    places: int | None = None
    """Digits after the point where it was written as a decimal, else None: such a value may be rounded.
    Negative where an exponent follows: -18 for 6.02214e23."""


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable, or anything that is only a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """One of pi, e, i, oo."""

    name: str


@dataclass(frozen=True, slots=True)
class Add:
    """A sum."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """A product; a quotient is a product with a power of -1."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Pow:
    """A power."""

    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of its arguments; `bound` is the variable that sum, prod, int, lim and diff bind."""

    name: str
    args: tuple[Node, ...]
    bound: str | None = None


Node = Num | Sym | Const | Add | Mul | Pow | Call


@dataclass(frozen=True, slots=True)
class Scalar:
    """One expression, perhaps a percentage or a quantity with a unit."""

    node: Node
    percent: bool = False
    unit: tuple[Unit, ...] = ()
    """The units that the words behind it may name: several for a word such as "pound"."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words: casefolded, with single spaces and no punctuation at the ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Seq:
    """A list without brackets, or a tuple, interval or set with them."""

    kind: str
    """"list", "tuple" (any of the brackets ( ) [ ]) or "set"."""
    items: tuple[Value, ...]
    opening: str = ""
    """The bracket; of a list the word that joins it: "and", "or", or nothing where that is a comma."""
    closing: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as a = b or 0 < x <= 1; `operators[k]` stands between `sides[k]` and `sides[k + 1]`."""

    sides: tuple[Value, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    r"""Sets joined by one of \cup, \cap, \setminus."""

    operator: str
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix or a vector."""

    rows: tuple[tuple[Value, ...], ...]
    kind: str = ""
    """"cases" for a function by cases, whose rows have no order; "norm" between double bars."""


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number written in a base: 4210_7."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """a : b : c."""

    items: tuple[Value, ...]


Value = Scalar | Text | Seq | Relation | Combination | Matrix | Numeral | Ratio
