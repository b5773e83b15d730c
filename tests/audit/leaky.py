"""Verifiers with one hole each, as a plugin file: the audit must find every one of them."""

import os
import random
import re
import sys
import time

import assay
from assay import AuditCase, Outcome, Verdict


def graded(score, extracted=None):
    return Verdict(outcome=Outcome.GRADED, score=float(score), extracted=extracted, reason="compared")


class Sound(assay.BaseVerifier):
    """Compares what stands in the last box with the reference, as strings."""

    name = "sound"
    version = "1"

    def read(self, completion):
        return assay.split_completion(completion).answer

    def verify_fast(self, problem, completion):
        text = self.read(completion)
        if text is None:
            return assay.missing_answer(completion, "the reasoning was never closed")
        boxes = re.findall(r"\\boxed\{([^{}]{0,200})\}", text[-5000:])
        before_last = re.split(r"\\boxed\{[^{}]{0,200}\}", text[-5000:])[-2] if boxes else ""
        if not boxes or not boxes[-1].strip() or assay.how_joined(before_last) == "or":
            return assay.missing_answer(completion, "there is no box")
        if text.count("\\boxed{") > len(boxes):
            return assay.missing_answer(completion, "the last box is not closed")
        return self.compare(problem, boxes[-1].strip())

    def compare(self, problem, answer):
        return graded(answer == str(problem.reference), answer)

    def verify(self, problem, completion):
        return self.verify_fast(problem, completion)


class Generous(Sound):
    """Everything is right."""

    name = "generous"

    def compare(self, problem, answer):
        return graded(1, answer)


class Thoughtful(Sound):
    """Reads the reasoning too."""

    name = "thoughtful"

    def read(self, completion):
        return completion.text


class Substring(Sound):
    """The reference anywhere in the answer will do: hedging pays."""

    name = "substring"

    def compare(self, problem, answer):
        return graded(str(problem.reference) in answer, answer)


class Executing(Sound):
    """Evaluates the answer."""

    name = "executing"

    def compare(self, problem, answer):
        try:
            value = eval(answer)
        except BaseException:
            value = answer
        return graded(str(value) == str(problem.reference), answer)


class Crashing(Sound):
    """Raises on a lone surrogate and on what is not ASCII."""

    name = "crashing"

    def compare(self, problem, answer):
        answer.encode("ascii")
        return super().compare(problem, answer)


class Slow(Sound):
    """Takes time that grows with the nesting, in the caller."""

    name = "slow"

    def compare(self, problem, answer):
        if "9**9" in answer:
            time.sleep(30)
        return super().compare(problem, answer)


class Moody(Sound):
    """Another verdict each time."""

    name = "moody"

    def compare(self, problem, answer):
        if answer != str(problem.reference):
            return Verdict(outcome=Outcome.GRADED, score=0.0, reason=f"{random.random()}")
        return super().compare(problem, answer)


class OneWay(Sound):
    """`same_answer` that is not symmetric."""

    name = "one_way"

    def same_answer(self, a, b):
        return a <= b

    def same_answer_fast(self, a, b):
        return a <= b


class Keyed(Sound):
    """Keys that merge different answers."""

    name = "keyed"

    def answer_key(self, answer):
        return "", answer[:1]


class Parting(Sound):
    """Starts a process and leaves it behind."""

    name = "parting"
    started = False

    def compare(self, problem, answer):
        if not Parting.started:
            Parting.started = True
            os.posix_spawn(sys.executable, [sys.executable, "-c", "import time; time.sleep(8)"], os.environ)
        return super().compare(problem, answer)


class MainThreadOnly(Sound):
    """Works in a worker's main thread only."""

    name = "main_thread_only"

    def verify_fast(self, problem, completion):
        return None

    def verify(self, problem, completion):
        if os.environ.get("ASSAY_LEAKY_CALLER") == str(os.getpid()):
            return super().verify_fast(problem, completion)
        return graded(0, "?")


class Silent(Sound):
    """Gives no reason for a score of 0, and details that are no JSON."""

    name = "silent"

    def compare(self, problem, answer):
        score = float(answer == str(problem.reference))
        return Verdict(outcome=Outcome.GRADED, score=score, extracted=answer, details={"set": {1}})


class Own(assay.BaseVerifier):
    """Brings its own cases; without them nobody could know how it is asked."""

    name = "own"
    version = "1"

    def verify_fast(self, problem, completion):
        answer = assay.split_completion(completion).answer
        if answer is None:
            return assay.missing_answer(completion, "the reasoning was never closed")
        return graded(answer.strip() == "#" * problem.reference["width"])

    def verify(self, problem, completion):
        return self.verify_fast(problem, completion)

    def audit_cases(self):
        return [AuditCase(reference={"width": 3}, right="###", wrong=("##", "####"))]


ALL = [
    Sound, Generous, Thoughtful, Substring, Executing, Crashing, Slow, Moody, OneWay, Keyed, Parting, MainThreadOnly,
    Silent, Own,
]  # fmt: skip


@assay.hookimpl
def register_verifiers():
    return {kind.name: kind for kind in ALL}
