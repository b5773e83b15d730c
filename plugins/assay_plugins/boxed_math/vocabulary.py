"""The words of the grammar, and how a numeral is read: what `grammar` knows without being a parser."""

from __future__ import annotations

from fractions import Fraction

from assay_plugins.boxed_math.limits import MAX_BITS, RefusedError, UnreadableError
from assay_plugins.boxed_math.nodes import Call, Const, Node, Num, Pow

MINUS_ONE = Num(Fraction(-1))
HALF = Num(Fraction(1, 2))
CIRCULAR = frozenset("sin cos tan cot sec csc".split())  # noqa: SIM905
HYPERBOLIC = frozenset("sinh cosh tanh coth sech csch".split())  # noqa: SIM905
INVERSE = frozenset("asin acos atan acot asec acsc asinh acosh atanh".split())  # noqa: SIM905
DIRECT = CIRCULAR | HYPERBOLIC | INVERSE
"""Functions of one argument that mpmath knows under the same name."""
ALIASES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc",
    "sign": "sgn",
}  # fmt: skip
FUNCTIONS = frozenset(
    [*DIRECT, *ALIASES, *"ln log lg exp max min gcd lcm floor ceil abs sqrt cbrt arg det Re Im sgn".split()]  # noqa: SIM905
)
"""Everything that is read as a function of what follows it."""
UNKNOWN_FUNCTIONS = frozenset("fgh")
"""Letters that are a function before a bracket: f(2) is not 2f."""
LETTERS = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "ell",
        "hbar",
    ]
)
WORDS = FUNCTIONS | {"pi", "infty", "oo", "inf", "infinity", "binom"}
PROSE = frozenset(
    "all and any are but for is maybe never no none nor not or per than that the vs was with yes".split()  # noqa: SIM905
)
"""Words that are no product of letters: `not 0` is not n·o·t·0, which is 0."""
CLOSERS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
TIMES = frozenset({"*", r"\cdot", r"\times", r"\bullet"})
OVER = frozenset({"/", r"\div"})
SIGNS = frozenset({"+", "-", r"\pm", r"\mp"})
ACCENTS = frozenset(
    [
        r"\overline", r"\bar", r"\hat", r"\vec", r"\tilde", r"\widehat", r"\overrightarrow", r"\overset", r"\mathbb"
    ]
)  # fmt: skip
BIG = {r"\sum": "sum", r"\prod": "prod", r"\int": "int", r"\lim": "lim"}


def numeral(text: str) -> Num:
    """An unsigned integer or decimal, with an exponent perhaps. Raises `RefusedError` where it is too long."""
    mantissa, _, exponent = text.upper().partition("E")
    whole, point, decimals = mantissa.partition(".")
    scale = 0
    if exponent:
        if len(exponent) > 5:
            raise RefusedError("digits")
        scale = int(exponent)
    if (len(whole) + len(decimals) + abs(scale)) * 3.33 > MAX_BITS or len(mantissa) > 4_000:
        raise RefusedError("digits")
    digits = whole + decimals
    if not (digits.isascii() and digits.isdecimal()):
        raise UnreadableError("digits of another script")
    scale -= len(decimals)
    value = Fraction(int(digits))
    value = value * 10**scale if scale >= 0 else value / 10**-scale
    return Num(value, -scale if point else None)


def apply_function(name: str, args: tuple[Node, ...], base: Node | None) -> Node:
    """A named function of its arguments, in the terms of `nodes`; `base` is its subscript."""
    if name == "sqrt":
        return Pow(args[0], HALF)
    if name == "cbrt":
        return Pow(args[0], Num(Fraction(1, 3)))
    if name == "exp":
        return Pow(Const("e"), args[0])
    if name in ("log", "ln", "lg"):
        if name == "lg":
            base = Num(Fraction(10))
        return Call("log", args[:1] if base is None else (args[0], base))
    return Call(ALIASES.get(name, name), args)
