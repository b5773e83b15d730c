"""A plugin file with verifiers that misbehave in every way that the pool must survive."""

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import time

import assay
from assay import BaseVerifier, Outcome, Verdict

GRADED = Outcome.GRADED


class Echo(BaseVerifier):
    """Scores 1 where the text equals the reference; always in a worker."""

    name = "echo"
    version = "1"

    def __init__(self, *, suffix: str = "") -> None:
        self.suffix = suffix

    def verify(self, problem, completion):
        same = completion.text + self.suffix == problem.reference
        return Verdict(outcome=GRADED, score=float(same), extracted=completion.text, details={"pid": os.getpid()})

    def same_answer_fast(self, a, b):
        return None

    def same_answer(self, a, b):
        return a.casefold() == b.casefold()


class Fast(BaseVerifier):
    """Decides numbers in the caller; raises and returns rubbish there on request."""

    name = "fast"
    version = "1"

    def verify_fast(self, problem, completion):
        if completion.text == "slow":
            return None
        if completion.text == "raise":
            raise ValueError("no fast answer")
        if completion.text == "rubbish":
            return 0.5
        return Verdict(outcome=GRADED, score=float(completion.text == problem.reference))

    def verify(self, problem, completion):
        return Verdict(outcome=GRADED, score=1.0, reason="in a worker")


class Sleeper(BaseVerifier):
    """Takes a while, and says how long a check may take."""

    name = "sleeper"
    version = "1"

    def __init__(self, *, seconds, needed):
        self.seconds, self.needed = seconds, needed

    def time_needed(self, problem):
        return self.needed

    def verify(self, problem, completion):
        time.sleep(self.seconds)
        return Verdict(outcome=GRADED, score=1.0)


class Misbehave(BaseVerifier):
    """Does what the completion's text says."""

    name = "misbehave"
    version = "1"

    def verify(self, problem, completion):
        what, _, argument = completion.text.partition(" ")
        result = getattr(self, what)(argument)
        return result if result is not None or what == "rubbish_none" else self.fine()

    def same_answer_fast(self, a, b):
        return None

    def same_answer(self, a, b):
        return getattr(self, a)(b)

    def fine(self, argument=""):
        return Verdict(outcome=GRADED, score=1.0, details={"pid": os.getpid(), "pgid": os.getpgrp()})

    def sleep(self, argument):
        time.sleep(float(argument))

    def spin(self, argument):
        while True:
            pass

    def spin_in_c(self, argument):
        return 10 ** (10**9)  # holds the interpreter for hours

    def announce_and_spin(self, argument):
        with open(argument, "a") as file:
            file.write(f"{os.getpid()}\n")
        return self.spin_in_c("")

    def allocate(self, argument):
        return len(bytearray(int(argument)))

    def hoard(self, argument):
        kept = []
        while True:
            kept.append([0] * 1000)

    def exit(self, argument):
        sys.exit(int(argument))

    def os_exit(self, argument):
        os._exit(int(argument))

    def segfault(self, argument):
        ctypes.string_at(0)

    def kill_parent(self, argument):
        os.kill(os.getppid(), 9)
        time.sleep(60)

    def raises(self, argument):
        raise RuntimeError(f"deliberate {argument}")

    def interrupt(self, argument):
        raise KeyboardInterrupt

    def unreadable(self, argument):
        class Unreadable(Exception):
            def __str__(self):
                raise ValueError

        raise Unreadable

    def recurse(self, argument):
        return self.recurse(argument)

    def rubbish_none(self, argument):
        return None

    def rubbish_number(self, argument):
        return 1.0

    def nan(self, argument):
        verdict = self.fine()
        object.__setattr__(verdict, "score", float("nan"))
        return verdict

    def bad_details(self, argument):
        return Verdict(outcome=GRADED, score=1.0, details={"set": {1}})

    def bad_extracted(self, argument):
        return Verdict(outcome=GRADED, score=1.0, extracted=3)

    def huge_verdict(self, argument):
        return Verdict(outcome=GRADED, score=1.0, reason="x" * (80 * 2**20))

    def prints(self, argument):
        print("to standard output " * 1000)
        os.write(1, b"and by the descriptor\n")

    def close_everything(self, argument):
        os.closerange(0, 256)
        time.sleep(60)

    def write_garbage(self, argument):
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"\xff" * 64)
        time.sleep(60)

    def children(self, argument):
        """Starts a child in its group, one that left it and one that is orphaned, writes their pids, and hangs."""
        idle = [sys.executable, "-c", "import time; time.sleep(600)"]
        pids = [subprocess.Popen(idle).pid, subprocess.Popen(idle, start_new_session=True).pid]
        script = (
            "import subprocess; null = subprocess.DEVNULL; "
            f"print(subprocess.Popen({idle!r}, start_new_session=True, stdout=null, stderr=null).pid)"
        )
        pids.append(int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout))
        with open(argument + ".tmp", "w") as file:
            file.write(" ".join(map(str, pids)))
        os.rename(argument + ".tmp", argument)
        time.sleep(600)

    def fork_and_return(self, argument):
        os.fork()

    def alarm_later(self, argument):
        import signal

        signal.alarm(1)

    def limits(self, argument):
        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        return Verdict(outcome=GRADED, score=1.0, details={"address_space": soft})


class Unbuildable(BaseVerifier):
    """Is built in the caller and not in a worker."""

    name = "unbuildable"
    version = "1"

    def __init__(self):
        if "assay.verification.zygote" in sys.modules:
            raise RuntimeError("not here")

    def verify(self, problem, completion):
        raise AssertionError


class Versioned(BaseVerifier):
    """Has another version in a worker."""

    name = "versioned"

    def __init__(self):
        self.version = "worker" if "assay.verification.zygote" in sys.modules else "caller"

    def verify(self, problem, completion):
        raise AssertionError


class SlowImport(BaseVerifier):
    """Needs a module whose import takes longer than the deadline of its checks."""

    name = "slow_import"
    version = "1"
    preload = ("slow_module_of_the_pool_tests",)

    def verify(self, problem, completion):
        import slow_module_of_the_pool_tests as slow

        return Verdict(outcome=GRADED, score=1.0, details={"imported_in": slow.PID, "pid": os.getpid()})


class Bare:
    """The least that the contract asks for."""

    name = "bare"
    version = "1"

    def verify(self, problem, completion):
        return Verdict(outcome=GRADED, score=float(completion.text == problem.reference))


@assay.hookimpl
def register_verifiers():
    return {kind.name: kind for kind in (Bare, Echo, Fast, Misbehave, SlowImport, Unbuildable, Versioned)}
