"""Hostile answers: each must end at once, right or refused, from any thread, and run no code."""

from __future__ import annotations

import ast
import gzip
import inspect
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay import Outcome
from assay_plugins.boxed_math import BoxedMath

ROOT = Path(__file__).parents[2]
MEGA = 10**6
REFUSED = {
    "power": ["9^{9^{9}}", "9**9**9", r"\sqrt{2}^{10^9}", r"e^{10^9}", "2^{2^{2^{2^{2^2}}}}"],
    "factorial": ["(99999999)!", "((1000!)!)!", "10^5!"],
    "binomial": [r"\binom{10^9}{5\cdot 10^8}"],
    "terms": [r"\sum_{k=1}^{10000000} \frac{1}{k^2}"],
    "argument": [r"\sin(10^{500})"],
    "digits": ["1e999999", r"1E99999 + 1", r"10^{5000} \cdot 10^{9000}"],
    "characters": ["9" * 10_000, "{" * 5000 + "5" + "}" * 4999, "-" * 5000 + "5"],
    "tokens": ["(" * 1000 + "5" + ")" * 1000],
    "depth": ["(" * 300 + "5" + ")" * 300, r"\sqrt{" * 300 + "5" + "}" * 300],
    "steps": [r"\sum_{k=1}^{2000} \sum_{j=1}^{2000} \frac{1}{kj+\sqrt2}"],
}


@pytest.mark.parametrize(("cap", "answer"), [(cap, answer) for cap, answers in REFUSED.items() for answer in answers])
def test_absurd_answers_are_refused(grade, cap: str, answer: str) -> None:
    grade(BoxedMath(), r"\boxed{\sqrt{3}}", r"\sqrt 2")  # mpmath is loaded
    started = time.thread_time()
    verdict = grade(BoxedMath(), f"\\boxed{{{answer}}}", r"\sqrt{2}")
    assert time.thread_time() - started < 0.5
    if verdict.outcome is Outcome.NO_ANSWER:
        assert cap == "characters"  # braces that do not match: no box
    else:
        assert verdict.outcome is Outcome.REFUSED, verdict
        assert verdict.details["refused"] == cap, verdict


LARGE = [
    r"\boxed{" * (MEGA // 7), "{" * MEGA, r"\boxed{" + "{" * MEGA, r"\boxed{}" * (MEGA // 8),
    r"\boxed{1}, " * (MEGA // 11),
    "answer: " * (MEGA // 8), "$" * MEGA, r"\(" * (MEGA // 2), " " * MEGA, "answer" + " " * MEGA + "5",
    "answer: " + "a " * (MEGA // 2), r"\boxed " * (MEGA // 7), "A:" * (MEGA // 2), "1 is " * (MEGA // 5),
    r"\boxed{" + "9" * MEGA + "}", "the answer is " * (MEGA // 14), "**" * (MEGA // 2),
]  # fmt: skip


@pytest.mark.parametrize("text", LARGE, ids=lambda text: repr(text[:16]))
@pytest.mark.parametrize("mode", ["strict", "marker", "lenient"])
def test_a_megabyte_takes_under_a_second(grade, text: str, mode: str) -> None:
    started = time.thread_time()
    verdict = grade(BoxedMath(extraction=mode), text, "42")
    assert time.thread_time() - started < 1.0
    assert not verdict.score


def test_long_integers_are_compared_as_strings(grade) -> None:
    digits = "1" * 100_000
    assert grade(BoxedMath(), f"\\boxed{{{digits}}}", digits).score == 1
    assert grade(BoxedMath(), f"\\boxed{{{digits}}}", digits + "1").score == 0


def test_shared_adversarial_cases(grade, shared) -> None:
    with gzip.open(shared("cases/math_adversarial.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            text = case["pred"] if case["pred_kind"] == "response" else f"\\boxed{{{case['pred']}}}"
            for mode in ("strict", "marker", "lenient"):
                started = time.thread_time()
                verdict = grade(BoxedMath(extraction=mode), text, case["gold"])
                assert time.thread_time() - started < 1.0, case["name"]
                right = (verdict.score == 1) == case["expected"]
                assert right or "refused" in verdict.details or verdict.score is None, case["name"]


def test_no_text_is_ever_evaluated() -> None:
    for file in Path(inspect.getfile(BoxedMath)).parent.glob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not names & {"eval", "exec", "compile", "sympify", "parse_expr", "__import__"}, file.name
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        algebra = {"sympy", "latex2sympy2_extended"} if file.name != "algebra.py" else set()
        assert not {name.partition(".")[0] for name in imported} & {"subprocess", "os", *algebra}


_INTEGRAL = r"\int_0^1 \frac{\sin(x^x)}{\sqrt{1+x^{17}}} dx"
_SYMBOLIC = (
    r"\begin{pmatrix}"
    + r"\\ ".join("&".join(f"\\sin({i}{j}x)" for j in "12345678") for i in "12345678")
    + r"\end{pmatrix}"
)
OWN = {
    "integral": _INTEGRAL,
    "integrals": "+".join([_INTEGRAL] * 8),
    "nested integral": r"\int_0^1 \int_0^1 \int_0^1 x^y dx dy dz",
    "integral oscillating": r"\int_0^{1000000} \sin(x^2) dx",
    "integral of powers": r"\int_0^1 (x^{1000})^{x^{1000}} dx",
    "integral to infinity": r"\int_0^\infty e^{-x^2} dx",
    "integral of factorial": r"\int_0^{3000} x! dx",
    "matrix power": _SYMBOLIC + "^8",
    "matrix product": _SYMBOLIC * 3,
    "matrix row": r"\begin{pmatrix}" + "1&" * 400 + r"1\end{pmatrix}",
    "inequalities": " or ".join(f"x<{k}" for k in range(200)),
    "intersections": r"\cap".join(f"(-{k},{k})" for k in range(1, 150)),
    "differences": r"\mathbb{R}" + "".join(f"\\setminus\\{{{k}\\}}" for k in range(150)),
    "costly ends": r"(\sum_{k=1}^{1999} \frac{1}{k^{k}}, 5) \cup (6,7)",
    "set": r"\{" + ",".join(rf"\sqrt{{{k}}}" for k in range(300)) + r"\}",
    "repeating": "0." + "12" * 1000 + "...",
    "repeating zeros": "1." + "0" * 2900 + "...",
    "dots": "0.1" * 900 + "...",
    "digits apart": "1 " * 1400,
    "grouped": "1,234" * 500,
    "copulas": "it is " * 400 + "5",
    "numbered words": "word 1 " * 400,
    "wide": "答" * 1400 + "5",
    "calls": "x(" * 700,
    "signs": r"\pm 1 " * 400,
    "points": "A(" * 700 + "1,2" + ")" * 700,
    "modulus": "(mod " * 500 + "7" + ")" * 500,
    "times": "12:30 p.m." * 250,
    "product": r"\prod_{k=1}^{1999} (1+\frac{1}{k^{2}}+\sqrt{k})",
    "tower of names": "x^{x^{x^{x^x}}}",
    "logarithms": r"\ln " * 200 + "x",
    "sines": r"\sin(" * 40 + "x" + ")" * 40,
    "polynomial": "+".join(f"{k}x^{k}" for k in range(1, 200)),
    "surds": "+".join(rf"\sqrt{{{k}}}" for k in range(2, 150)),
    "cancelling": r"\sqrt{10^{800}+1}-10^{400}",
    "fractions": "+".join(rf"\frac{{1}}{{{10**9 + k}}}" for k in range(120)),
    "gcd": r"\gcd(" + ",".join(str(10**30 + k) for k in range(60)) + ")",
    "texts": r"\text{" * 500 + "5" + "}" * 500,
    "list": ",".join(rf"\sqrt{{{k}}}" for k in range(2, 64)),
    "boxes": r"\boxed{" * 400 + "5" + "}" * 400,
}


@pytest.mark.parametrize("name", OWN)
def test_own_hostile_answers_end(grade, name: str) -> None:
    boxed = BoxedMath(extraction="lenient")
    grade(boxed, r"\boxed{\int_0^1 x dx}", r"\sqrt{3}")  # mpmath is loaded, the nodes of the quadrature are computed
    for reference in ("987654", "x^2+1", r"(0,1)\cup(2,3)"):
        started = time.thread_time()
        verdict = grade(boxed, f"\\boxed{{{OWN[name]}}}", reference)
        # A hang, not a slow machine: what they take is in results/perf/math.json.
        assert time.thread_time() - started < 2.0
        assert verdict.score != 1


def test_memory_stays_small() -> None:
    script = (
        "from assay import Completion, Problem\nfrom assay_plugins.boxed_math import BoxedMath\n"
        "from tests.plugins.test_boxed_math_hostile import LARGE, OWN, REFUSED\n"
        "texts = [*LARGE, *OWN.values(), *(text for texts in REFUSED.values() for text in texts)]\n"
        "for text in [*texts, *(f'\\\\boxed{{{text}}}' for text in texts)]:\n"
        "    problem = Problem(id='p', prompt=(), reference='42', verifier='boxed_math')\n"
        "    BoxedMath(extraction='lenient').verify(problem, Completion(text=text))\n"
        # Not ru_maxrss: it starts with what the process that forked this one held.
        "status = open('/proc/self/status').read()\n"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(run.stdout) < 512
