r"""`boxed_math`: is the final answer of a response mathematically equal to the reference?

The way of an answer through the rooms of this package:

1. `extraction` finds the answer in the response (never in the reasoning) and says where it stood.
2. `cleaning` takes the typography off: Unicode, LaTeX spacing, delimiters, thousands separators.
3. `numerals` reads plain numbers, which nearly all real answers are, without any grammar.
4. `tokens`, `grammar` and `structure` read everything else into small trees (`nodes`): expressions, and
   lists, tuples, sets, intervals, unions, relations, matrices, ratios, base-n numerals, texts around them.
   `quantities` reads a number with its unit (`units`, with the table of `unit_table`), `spoken` numbers in words,
   `wording` words, dates and times.
5. `compare` decides equality: exactly over the rationals (`exact`), otherwise by evaluating both trees at several
   points (`expressions`, `evaluation`, `series`). Nothing is ever passed to `eval`, `sympify` or a shell.
6. `matrices` computes with matrices, `real_sets` with sets of real numbers; `names` knows what a relation is about
   and `trees` what an expression holds.
7. `algebra` is the last resort for the few forms that the grammar knows to be mathematics but cannot read
   (limits, derivatives, operators): latex2sympy2_extended and sympy, only in a worker process, behind caps of
   their own and a timer. None of the labelled cases needs it.

Every step is bounded by the caps in `limits`, which are checked before arithmetic: a tower of powers is
refused, it does not run into a deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import assay


@assay.hookimpl
def register_verifiers() -> Mapping[str, Callable[..., assay.Verifier]]:
    """The verifier of this package."""
    return {"boxed_math": _boxed_math}


def _boxed_math(**options: Any) -> assay.Verifier:
    from assay_plugins.boxed_math.verifier import BoxedMath

    return BoxedMath(**options)


def __getattr__(name: str) -> Any:
    """`BoxedMath` is imported when it is first asked for: listing plugins should not compile a grammar."""
    if name == "BoxedMath":
        from assay_plugins.boxed_math.verifier import BoxedMath

        return BoxedMath
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
