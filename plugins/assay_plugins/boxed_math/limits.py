"""Caps on what an answer may ask of us, and the exceptions that say that it asked too much or is no mathematics.

The numbers were chosen so that each gold answer of MATH, AIME, CNMO and GSM8K lies at least a factor of ten
below them, and that an input just under all of them is decided in well under 0.2 s on one core.
"""

from __future__ import annotations

MAX_CHARS = 3_000
"""Characters of an answer that is parsed; longer ones are compared as strings only."""
MAX_TOKENS = 1_200
MAX_DEPTH = 48
"""Nested groups; a recursion of the parser costs about eight Python frames a level."""
MAX_ITEMS = 64
"""Members of a list that is compared regardless of order (quadratic)."""
MAX_BITS = 40_000
"""Size of the numerator or denominator of an exact value: about 12,000 decimal digits."""
MAX_LOG2 = 1_000_000.0
"""|log2| of a value that is not exact."""
MAX_FACTORIAL = 3_000
MAX_TERMS = 2_000
"""Terms of a sum or product with explicit bounds."""
MAX_STEPS = 15_000
"""Nodes visited while one expression is evaluated at one point."""
MAX_WORK = 60_000
"""Nodes visited in one decision, however many expressions it compares; see `evaluation` for what counts for more."""
MAX_SYMBOLS = 16


class RefusedError(Exception):
    """The answer is over a cap; `cap` names which one."""

    def __init__(self, cap: str) -> None:
        super().__init__(cap)
        self.cap = cap


class UnreadableError(Exception):
    """The text is not mathematics that the grammar knows."""
