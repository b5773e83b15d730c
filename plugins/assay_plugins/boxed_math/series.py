r"""Sums, products and integrals as numbers: `bound_value` computes what `\sum`, `\prod` and `\int` state.

Finite sums and products are added up. Of infinite sums those are known that come up in answers: geometric ones,
those of a power of the index (zeta), and those whose terms fall fast enough to be added up. Definite integrals
go to mpmath's tanh-sinh rule. What does not settle has no value here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from assay_plugins.boxed_math import limits
from assay_plugins.boxed_math.exact import UndefinedError, exact
from assay_plugins.boxed_math.limits import RefusedError
from assay_plugins.boxed_math.nodes import Call, Node
from assay_plugins.boxed_math.trees import infinity

if TYPE_CHECKING:
    from assay_plugins.boxed_math.evaluation import Evaluator

QUADRATURE = 5
"""Degree of the tanh-sinh rule for definite integrals: some 200 values of the integrand."""
QUADRATURE_DIGITS = 36
"""Digits that an integral must settle to."""
_PROBES = 6
"""Terms from which the kind of an infinite sum is seen."""
_SLOWEST = 0.8
"""Ratio of neighbouring terms up to which an infinite sum is added up: 60 digits then need 650 of them."""
_MAX_ADDED = 1_500


def bound_value(evaluator: Evaluator, node: Call) -> Any:
    """The value of a sum, product or integral at the evaluator's point; None where it cannot be computed."""
    if len(node.args) != 3:
        return None
    if node.name == "int":
        return _integral(evaluator, node)
    if node.name not in ("sum", "prod"):
        return None
    start, stop = exact(node.args[1]), exact(node.args[2])
    if start is None or start.denominator != 1:
        return None
    if node.name == "sum" and infinity(node.args[2]) > 0:
        return _infinite(evaluator, node, int(start))
    if stop is None or stop.denominator != 1:
        return None
    if stop - start >= limits.MAX_TERMS:
        raise RefusedError("terms")
    total = evaluator.context.mpf(0 if node.name == "sum" else 1)
    for index in range(int(start), int(stop) + 1):
        term = _term(evaluator, node, index)
        total = total + term if node.name == "sum" else total * term
    return total


def _term(evaluator: Evaluator, node: Call, index: int) -> Any:
    outer = evaluator.bindings
    evaluator.bindings = {**outer, node.bound or "": evaluator.context.mpf(index)}
    try:
        return evaluator.compute(node.args[0])
    finally:
        evaluator.bindings = outer


def _infinite(evaluator: Evaluator, node: Call, start: int) -> Any:
    context = evaluator.context
    if context.prec < 100 or not -100 < start < 100:
        return None
    first = max(start, 1)
    head = [_term(evaluator, node, index) for index in range(start, first)]
    terms = [_term(evaluator, node, index) for index in range(first, first + _PROBES)]
    if not all(terms):
        return None
    tiny = context.mpf(10) ** (15 - context.dps)
    ratios = [after / before for before, after in pairwise(terms)]
    if abs(ratios[0]) < 1 and all(abs(ratio - ratios[0]) < tiny for ratio in ratios):
        return sum(head, terms[0] / (1 - ratios[0]))
    power = -context.log(abs(ratios[0])) / context.log(context.mpf(first + 1) / first)
    whole = context.nint(power)
    if whole > 1 and all(
        abs(term * (context.mpf(first + k) / first) ** whole / terms[0] - 1) < tiny for k, term in enumerate(terms)
    ):
        return sum(head, terms[0] * context.mpf(first) ** whole * context.zeta(whole, first))
    if any(abs(ratio) > _SLOWEST for ratio in ratios[-2:]):
        return None
    total, before = sum([*head, *terms], context.mpf(0)), terms[-1]
    for index in range(first + _PROBES, first + _MAX_ADDED):
        term = _term(evaluator, node, index)
        if abs(term) > _SLOWEST * abs(before):
            return None
        total, before = total + term, term
        if abs(term) < context.mpf(10) ** (-5 - context.dps):
            return total
    return None


def _integral(evaluator: Evaluator, node: Call) -> Any:
    """A definite integral, by quadrature; None inside another one or where it does not settle."""
    if evaluator.bindings:
        return None
    context = evaluator.context
    if context.prec < 100:
        raise UndefinedError("an integral in machine floats")
    try:
        ends = [_end(evaluator, arg) for arg in node.args[1:]]

        def integrand(place: Any) -> Any:
            evaluator.bindings = {node.bound or "": place}
            return evaluator.compute(node.args[0])

        degree = QUADRATURE + any(map(infinity, node.args[1:]))  # an infinite interval needs twice the places
        value, error = context.quad(integrand, ends, maxdegree=degree, error=True)
    except UndefinedError:
        return None
    finally:
        evaluator.bindings = {}
    return value if error <= max(abs(value), 1) * context.mpf(10) ** -QUADRATURE_DIGITS else None


def _end(evaluator: Evaluator, node: Node) -> Any:
    sign = infinity(node)
    return sign * evaluator.context.inf if sign else evaluator.compute(node)
