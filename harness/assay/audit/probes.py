r"""The properties and attacks that are made from one case.

A probe is a completion with what must come of it: `RIGHT` (score 1), `NOT_RIGHT` (anything but score 1, and no
failure of the verifier), or `NO_GRADE` (no score at all: there is no answer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from assay.audit.cases import AuditCase
from assay.types import Completion, FinishReason

RIGHT = "score 1"
NOT_RIGHT = "not score 1, and no failure"
NO_GRADE = "no score"
MEGABYTE = 1_000_000
DANGEROUS = frozenset(
    ["nothing is not an answer", "hostile answers end in time", "no code is run", "a megabyte is read in time"]
)
"""Checks whose probes may hang a verifier or make it run code: they are tried in a worker process first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One completion and what must come of it."""

    check: str
    completion: Completion
    expected: str


def _probe(check: str, text: str, expected: str, **changes: str) -> Probe:
    return Probe(check=check, completion=Completion(text=text, **changes), expected=expected)  # type: ignore[arg-type]


def probes(case: AuditCase, mark: str, *, large: bool = True) -> Iterator[Probe]:
    """All probes of a case.

    Args:
        case: The seed.
        mark: Path of a file that injected code tries to create.
        large: Whether the probes of a megabyte are among them (once for a verifier is enough).
    """
    yield _probe("right answers score 1", case.right, RIGHT)
    for wrong in case.wrong:
        yield _probe("wrong answers do not", wrong, NOT_RIGHT)
    yield from _noise(case)
    yield from _empty(case)
    if case.reads_answer:
        yield from _reasoning(case)
    if case.template:
        yield from _random_answers(case)
        yield from _hedges(case)
        yield from _hostile(case)
        yield from _injections(case, mark)
    if large:
        yield from _large(case)


def _noise(case: AuditCase) -> Iterator[Probe]:
    check = "noise changes nothing"
    for text in (case.right + "\n\n", case.right + "   ", case.right.replace("\n", "\r\n")):
        yield _probe(check, text, RIGHT)
    for wrong in case.wrong[:2]:
        yield _probe(check, wrong + "\n\n", NOT_RIGHT)
    if not case.reads_answer:
        return
    yield _probe(check, "\n\n" + case.right, RIGHT)
    if not case.template or case.template == "{}":
        return
    yield _probe(check, "Let me think about it.\n\nFirst, some words.\n" + case.right, RIGHT)
    yield _probe(check, case.write(f" {case.answer} "), RIGHT)
    if "boxed" in case.template:
        for body in (rf"\[\boxed{{{case.answer}}}\]", rf"**$\boxed{{{case.answer}}}$**", rf"\boxed{{{case.answer}}}"):
            yield _probe(check, body, RIGHT)


def _reasoning(case: AuditCase) -> Iterator[Probe]:
    check = "reasoning is never graded"
    bare = case.right.rpartition("</think>")[2]
    yield _probe(check, f"<think>\n{bare}\n", NO_GRADE)
    yield _probe(check, f"<think>\n{bare}\n", NO_GRADE, finish_reason=FinishReason.LENGTH)
    yield _probe(check, bare, NO_GRADE, prefill="<think>\n")
    yield _probe(check, f"<think>a</think>b<think>\n{bare}\n", NO_GRADE)
    yield _probe(check, f"<think>\n{bare}\n</think>\n", NOT_RIGHT)
    yield _probe(check, f"<think>\n{bare}\n</think>\nI do not know.", NOT_RIGHT)
    for wrong in case.wrong[:3]:
        other = wrong.rpartition("</think>")[2]
        yield _probe(check, f"<think>\n{bare}\n</think>\n{other}", NOT_RIGHT)
        yield _probe(check, f"<think>\n{other}\n</think>\n{bare}", RIGHT)
        yield _probe(check, f"{other}\n</think>\n{bare}", RIGHT, prefill="<think>\n")


def _random_answers(case: AuditCase) -> Iterator[Probe]:
    random = Random(case.answer)  # noqa: S311  # the same answers in every audit
    for _ in range(12):
        answer = random.choice(
            [str(random.randint(10**6, 10**9)), f"{random.uniform(100, 1e5):.5f}", "".join(random.sample("xyzuvw", 4))]
        )
        if answer != case.answer:
            yield _probe("random answers do not score 1", case.write(answer), NOT_RIGHT)


def _hedges(case: AuditCase) -> Iterator[Probe]:
    check = "hedging does not pay"
    if not case.wrong_answers:
        return
    right, wrong = case.answer, case.wrong_answers[0]
    for answer in (
        f"{right} or {wrong}", f"{wrong} or {right}", f"{right}, {wrong}", f"either {wrong} or {right}",
        f"{right} vs {wrong}", f"{right} and {wrong}", "; ".join((*case.wrong_answers, right)), f"not {right}",
    ):  # fmt: skip
        yield _probe(check, case.write(answer), NOT_RIGHT)
    for text in (f"The answer is {right} or {wrong}.", f"It is {wrong} or maybe {right}."):
        yield _probe(check, text, NOT_RIGHT)
    for mark in ("<answer>{}</answer>", "Answer: {}"):
        if mark in case.template:
            one, other = mark.replace("{}", right), mark.replace("{}", wrong)
            yield _probe(check, f"{other} or {one}", NOT_RIGHT)
            yield _probe(check, f"{one} or maybe {other}", NOT_RIGHT)
    if "boxed" in case.template:
        yield _probe(check, rf"\boxed{{{right}}} or \boxed{{{wrong}}}", NOT_RIGHT)
        yield _probe(check, rf"\boxed{{{wrong}}} or \boxed{{{right}}}", NOT_RIGHT)
        yield _probe(check, rf"It is $\boxed{{{wrong}}}$, or maybe $\boxed{{{right}}}$.", NOT_RIGHT)
        yield _probe(check, rf"\boxed{{{right}}}, no: \boxed{{{wrong}", NOT_RIGHT)


def _empty(case: AuditCase) -> Iterator[Probe]:
    for text in ("", " ", "\n" * 50, "\x00", "\u200b", "</think>", "<think></think>", "I do not know."):
        yield _probe("nothing is not an answer", text, NOT_RIGHT)
    if case.template:
        for answer in ("", " ", "?", "\\", "{", "}", "$", "None", "nan", "inf", "\x00", "\ud800"):
            yield _probe("nothing is not an answer", case.write(answer), NOT_RIGHT)


HOSTILE = (
    "9**9**9**9", "9^{9^{9^{9}}}", "10^{10^{10}}", "(99999999)!", "100!!!!!!!!", "-" * 5_000 + "5",
    "{" * 3_000 + "5" + "}" * 3_000, "(" * 3_000 + "5" + ")" * 3_000, "9" * 20_000,
    r"\frac{1}{" * 500 + "2" + "}" * 500,
    r"\sqrt{" * 500 + "2" + "}" * 500, r"\sum_{k=1}^{10^{12}} k^{k}", r"\int_0^1 x^{x^{x}} dx", r"\binom{10^9}{10^8}",
    "1e999999999", "0x" + "f" * 5_000, "x" * 10_000, "1," * 5_000 + "1", "a" + "^a" * 2_000, "1" + "+1" * 5_000,
    "\\" * 5_001, "$" * 5_001, "\u202e" + "5" * 100, "5" + "\u0301" * 5_000, "2^" * 500 + "2", "|" * 2_001,
    r"\left" * 1_000, "0." + "9" * 10_000, "((((x^2)^2)^2)^2)" * 200, r"\begin{pmatrix}" * 200, "%" * 3_000,
)  # fmt: skip
"""Answers that make a parser or an algebra system run for ever, use up memory, or crash."""


def _hostile(case: AuditCase) -> Iterator[Probe]:
    for answer in HOSTILE:
        yield _probe("hostile answers end in time", case.write(answer), NOT_RIGHT)


def _injections(case: AuditCase, mark: str) -> Iterator[Probe]:
    for code in (
        f"__import__('pathlib').Path({mark!r}).touch()", f"open({mark!r},'w').close()", f"exec(\"open({mark!r},'w')\")",
        f"().__class__.__base__.__subclasses__()[0].__init__.__globals__['open']({mark!r},'w')", f"; touch {mark} ;",
        f"$(touch {mark})", f"`touch {mark}`", f"\\write18{{touch {mark}}}", f"\\input{{{mark}}}", "{0.__class__}",
        f"lambda: open({mark!r},'w')", f"eval('open({mark!r}, chr(119))')", "%s%s%n", "__import__('os')._exit(0)",
        "raise SystemExit", "exit()",
    ):  # fmt: skip
        yield _probe("no code is run", case.write(code), NOT_RIGHT)


def _large(case: AuditCase) -> Iterator[Probe]:
    check = "a megabyte is read in time"
    texts = ["word " * (MEGABYTE // 5), "\\boxed{" * (MEGABYTE // 7), "{" * MEGABYTE, "answer: " * (MEGABYTE // 8),
             "Answer" + " " * MEGABYTE, "$" * MEGABYTE, "<think>" * (MEGABYTE // 7), "9" * MEGABYTE]  # fmt: skip
    for text in texts:
        yield _probe(check, text, NOT_RIGHT)
    if case.template:
        yield _probe(check, case.write("7" * MEGABYTE), NOT_RIGHT)
    if case.reads_answer and case.template != "{}":
        bare = case.right.rpartition("</think>")[2]
        yield _probe(check, "<think>\n" + "so it goes. " * (MEGABYTE // 12) + "\n</think>\n" + bare, RIGHT)
