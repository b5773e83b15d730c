"""Verifiers that wait for a server run in threads of the caller: many at a time, and never for ever on our account."""

import asyncio
import concurrent.futures
import os
import threading
import time

import pytest
from tests.verification.conftest import completion, run_script, wait_until

from assay import BaseVerifier, Outcome, Verdict, VerifierError
from assay.verification import Pool
from assay.verification.waiting import MAX_THREADS

GRADED = Outcome.GRADED


class Waiter(BaseVerifier):
    """Waits for a gate that the test opens. It could not be pickled, and need not be."""

    name = "waiter"
    version = "1"
    waits = True

    def __init__(self):
        self.gate = threading.Event()
        self.lock = threading.Lock()
        self.running = self.most_running = self.begun = 0

    def verify(self, problem, completion):
        with self.lock:
            self.begun += 1
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            assert self.gate.wait(30)
            return self.answer(completion.text)
        finally:
            with self.lock:
                self.running -= 1

    def answer(self, text):
        if text == "raise":
            raise ValueError("the server said no")
        if text == "exit":
            raise SystemExit(3)
        if text == "rubbish":
            return 0.5
        if text == "not json":
            return Verdict(outcome=GRADED, score=1.0, details={"what": object()})
        return Verdict(outcome=GRADED, score=1.0, details={"pid": os.getpid()})


@pytest.fixture
def waiter():
    made = Waiter()
    yield made
    made.gate.set()


def test_many_at_a_time_and_no_process(pool, problem, waiter):
    futures = [pool.submit(waiter, problem, completion(str(n))) for n in range(3 * MAX_THREADS)]
    wait_until(lambda: waiter.running == MAX_THREADS)
    time.sleep(0.05)
    assert waiter.begun == MAX_THREADS
    waiter.gate.set()
    verdicts = [future.result(20) for future in futures]
    assert {verdict.details["pid"] for verdict in verdicts} == {os.getpid()}
    assert waiter.most_running == MAX_THREADS
    assert all(verdict.seconds > 0 for verdict in verdicts)
    assert pool.worker_pids() == []
    wait_until(lambda: not any(thread.name == "assay-wait" for thread in threading.enumerate()))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise", "verify raised ValueError: the server said no"),
        ("exit", "verify raised SystemExit: 3"),
        ("rubbish", "verify returned float, not a Verdict"),
        ("not json", "the verdict"),
    ],
)
def test_what_goes_wrong_is_an_error(pool, problem, waiter, text, reason):
    waiter.gate.set()
    verdict = pool.verify(waiter, problem, completion(text))
    assert verdict.outcome is Outcome.ERROR
    assert verdict.reason.startswith(reason)
    assert pool.verify(waiter, problem, completion("fine")).score == 1.0


def test_the_fast_way_comes_first(pool, problem, waiter):
    waiter.verify_fast = lambda problem, completion: Verdict(outcome=Outcome.NO_ANSWER, reason="nothing there")
    assert pool.verify(waiter, problem, completion("")).outcome is Outcome.NO_ANSWER
    assert waiter.begun == 0


def test_cancelled_before_and_while_it_runs(pool, problem, waiter):
    futures = [pool.submit(waiter, problem, completion(str(n))) for n in range(MAX_THREADS + 5)]
    wait_until(lambda: waiter.running == MAX_THREADS)
    assert futures[0].cancel()
    assert all(future.cancel() for future in futures[-3:])
    waiter.gate.set()
    done, waiting = concurrent.futures.wait(futures, timeout=20)
    assert not waiting
    assert sum(future.cancelled() for future in done) == 4
    assert waiter.begun == MAX_THREADS + 2


def test_awaited(pool, problem, waiter):
    async def main():
        task = asyncio.create_task(pool.averify(waiter, problem, completion("x")))
        given_up = asyncio.create_task(pool.averify(waiter, problem, completion("y")))
        await asyncio.sleep(0.01)
        given_up.cancel()
        waiter.gate.set()
        return await task

    assert asyncio.run(main()).score == 1.0


def test_closing_waits_for_what_was_submitted(problem, waiter):
    pool = Pool(workers=1)
    futures = [pool.submit(waiter, problem, completion(str(n))) for n in range(5)]
    threading.Timer(0.1, waiter.gate.set).start()
    pool.close()
    assert [future.result(0).score for future in futures] == [1.0] * 5
    pool.close()
    with pytest.raises(VerifierError, match="closed"):
        pool.submit(waiter, problem, completion("x"))


def test_closing_can_drop_it(problem, waiter):
    pool = Pool(workers=1)
    futures = [pool.submit(waiter, problem, completion(str(n))) for n in range(MAX_THREADS + 10)]
    wait_until(lambda: waiter.running == MAX_THREADS)
    pool.close(cancel=True)
    assert all(future.cancelled() for future in futures)
    waiter.gate.set()
    wait_until(lambda: not waiter.running)
    assert waiter.begun == MAX_THREADS


def test_a_callback_may_close_the_pool(problem, waiter):
    pool = Pool(workers=1)
    closed = threading.Event()
    future = pool.submit(waiter, problem, completion("x"))
    future.add_done_callback(lambda done: (pool.close(), closed.set()))
    waiter.gate.set()
    assert closed.wait(20)


def test_in_a_forked_child():
    out = run_script(
        """
        import os, time
        from assay import BaseVerifier, Completion, Outcome, Problem, Verdict
        from assay.verification import Pool

        class Waiter(BaseVerifier):
            name, version, waits = "waiter", "1", True

            def verify(self, problem, completion):
                time.sleep(0.2)
                return Verdict(outcome=Outcome.GRADED, score=1.0)

        pool, problem = Pool(workers=1), Problem(id="p", prompt=(), reference="x")
        before = [pool.submit(Waiter(), problem, Completion(text="x")) for _ in range(3)]
        pid = os.fork()
        if pid == 0:
            assert pool.verify(Waiter(), problem, Completion(text="x")).score == 1.0
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        print([future.result(10).score for future in before])
        """
    )
    assert out == "[1.0, 1.0, 1.0]\n"
