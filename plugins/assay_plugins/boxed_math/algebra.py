r"""The last resort: latex2sympy2_extended reads, sympy compares. Only ever called in a worker process.

latex2sympy2_extended walks an ANTLR parse tree and calls sympy constructors; version 1.10 contains no
`eval`, `exec` or `sympify` of input (a test looks). It evaluates powers and factorials
eagerly, so `vet` refuses texts in which a numeral could grow before anything is parsed; its parser can be made
to take for ever, so a timer ends it after `SECONDS`: the answer is then refused, as over any other cap, and no
hostile answer gets out of its group in RL by running into the worker's deadline.

Both libraries come with the extra `algebra`. Without them such an answer is an `error`, ours and not the model's.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from assay_plugins.boxed_math.limits import RefusedError

MAX_CHARS = 600
SECONDS = 0.15
"""CPU time for one pair, after a first use has warmed up: a loaded machine must not change a verdict."""
_HOSTILE = (
    ("digits", re.compile(r"\d{60}|\d[eE][+-]?\d{3}")),
    ("power", re.compile(r"\^\s*\{?\s*[({]*\s*-?\d{4}|\^\s*\{[^{}]*\^|\^\s*\d+\s*\^|\^\s*\{[^{}]*!|\*\*")),
    ("factorial", re.compile(r"\d{4}\s*[)}\]]*\s*!|[)}\]]\s*!|!\s*!")),
    ("series", re.compile(r"\\(?:sum|prod|binom)\b[\s\S]*\d{4}")),
    ("integral", re.compile(r"\\i+nt\b")),
)


class NoAlgebraError(Exception):
    """The extra `algebra` is not installed."""


def vet(text: str) -> None:
    """Raise `RefusedError` where sympy might not come back from a text."""
    if len(text) > MAX_CHARS:
        raise RefusedError("characters")
    if text.count("^") > 40 or text.count("{") > 80 or text.count("(") > 60:
        raise RefusedError("depth")
    for cap, pattern in _HOSTILE:
        if pattern.search(text):
            raise RefusedError(cap)


def same_by_sympy(a: str, b: str) -> bool | None:
    """Whether sympy finds two cleaned texts equal; None where it cannot read one of them.

    Raises `RefusedError` for texts that are over a cap, and `NoAlgebraError`.
    """
    vet(a)
    vet(b)
    _warm_up()
    with _time_limit():
        left, right = _parse(a), _parse(b)
        if left is None or right is None:
            return None
        return _same(left, right)


@functools.cache
def _warm_up() -> None:
    """Import, and build the parser's tables, which takes longer than any answer: before the clock runs."""
    try:
        importlib.import_module("latex2sympy2_extended")
    except ImportError as error:
        raise NoAlgebraError from error
    _same(_parse(r"\frac{d}{dx} x^2"), _parse("2x"))
    _same(_parse(r"\lim_{x \to 0} x"), _parse("0"))


class _OverTimeError(BaseException):
    """Not an `Exception`: the broad handlers here and in sympy must not swallow it."""


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """End what runs inside after `SECONDS`. Only the main thread of a process has timers: a worker checks there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    running = True

    def ring(_signum: int, _frame: FrameType | None) -> None:
        if running:
            raise _OverTimeError

    before = signal.signal(signal.SIGPROF, ring)
    # Rings again and again: a handler that swallows the first ring does not get away.
    signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS / 3)
    try:
        yield
    except _OverTimeError as error:
        raise RefusedError("time") from error
    finally:
        running = False
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def _parse(text: str) -> Any:
    from latex2sympy2_extended import latex2sympy

    try:
        return latex2sympy(text)
    except Exception:  # noqa: BLE001  # the parser raises whatever sympy and ANTLR raise on nonsense
        return None


def _same(left: Any, right: Any) -> bool:
    import sympy

    try:
        left, right = left.doit(), right.doit()
        if left == right:
            return True
        if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr):
            return bool(sympy.simplify(left - right) == 0)
        if isinstance(left, sympy.MatrixBase) and isinstance(right, sympy.MatrixBase):
            return left.shape == right.shape and all(
                sympy.simplify(x - y) == 0 for x, y in zip(left, right, strict=True)
            )
        return bool(sympy.simplify(left) == sympy.simplify(right))
    except Exception:  # noqa: BLE001  # sympy fails in many ways on what it cannot compare
        return False
