"""Checks in batches on an executor: the verdicts of a pool on one machine, whatever is lost on the way."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

import assay
from assay import Completion, FinishReason, Outcome, Problem, Verdict, VerifierError, plugins
from assay.errors import UsageError
from assay.executors import Failure, LocalExecutor, open_executor
from assay.rescore import rescore
from assay.results import load_result
from assay.runs.store import SampleStore
from assay.score import score_file
from assay.verification import Pool, cluster, wire
from assay.verification.cluster import Batch, Checked, ClusterPool, check_batch
from assay.verification.pool import OUTSTANDING
from tests.executors.threads import Threads
from tests.runs.crash import PLUGIN, write_replay

HELPERS = Path(__file__).parents[1] / "verification" / "helpers.py"


@pytest.fixture(autouse=True)
def _helpers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry with what is installed and the test verifiers; the pools of the tasks end with the test."""
    fresh = plugins.Registry()
    monkeypatch.setattr(plugins, "_registry", fresh)
    fresh.load_entry_points()
    fresh.load_file(str(HELPERS))
    fresh.load_file(str(PLUGIN))
    yield
    cluster._pool.cache_clear()
    cluster._verifier.cache_clear()


def asked(count: int) -> list[tuple[Problem, Completion]]:
    """Answers of all kinds, four to a problem."""
    chance = random.Random(3)
    numbers = [r"\boxed{%d}", r"\boxed{\frac{%d}{1}}", r"\boxed{\sqrt{%d^2}}"]
    texts = [*numbers, r"<think>%d", r"%d or so", r"\boxed{9^{9^{9^%d}}}"]
    found = []
    for number in range(0, count, 4):
        problem = Problem(id=f"p{number}", prompt=(), reference=str(number), verifier="boxed_math")
        for _ in range(4):
            text = chance.choice(texts) % chance.choice([number, number + 1])
            cut = FinishReason.LENGTH if "<think>" in text else FinishReason.STOP
            found.append((problem, Completion(text=text, finish_reason=cut)))
    return found


def timeless(verdicts: list[Verdict]) -> list[Verdict]:
    return [replace(verdict, seconds=0.0) for verdict in verdicts]


def in_order(pool: Pool, verifier: assay.Verifier, checks: list[tuple[Problem, Completion]]) -> list[Verdict]:
    futures = [pool.submit(verifier, problem, completion) for problem, completion in checks]
    return timeless([future.result(60) for future in futures])


def test_the_verdicts_are_those_of_one_machine_in_batches_that_grow() -> None:
    checks, verifier, threads = asked(600), plugins.get_verifier("boxed_math"), Threads()
    with Pool(workers=1) as pool:
        here = in_order(pool, verifier, checks)
    with ClusterPool(threads, workers=1) as there:
        assert in_order(there, verifier, checks) == here
        assert there.verify(verifier, *checks[0]).outcome is here[0].outcome
        assert there.worker_pids() == [], "nothing was checked in this process"
        assert there.outstanding > 1000, "checks as cheap as these need more on their way"
    assert threads.closed
    assert {verdict.outcome for verdict in here} == {
        Outcome.GRADED, Outcome.NO_ANSWER, Outcome.TRUNCATED, Outcome.REFUSED
    }  # fmt: skip
    sizes = [len(batch.chosen) for batch in threads.items]
    assert sizes[:2] == [1, 1], "what a check costs is not known at first"
    assert max(sizes) > 100
    assert sum(sizes) == 601
    big = max(threads.items, key=lambda batch: len(batch.chosen))
    assert len({id(problem) for problem in big.problems}) <= len(big.problems) / 4 + 2, "a problem travels once"


def test_dear_checks_make_small_batches() -> None:
    verifier, threads = plugins.get_verifier("misbehave"), Threads()
    checks = [(Problem(id="p", prompt=()), Completion(text="sleep 0.1")) for _ in range(30)]
    with ClusterPool(threads, workers=1) as pool:
        assert {verdict.score for verdict in in_order(pool, verifier, checks)} == {1.0}
    assert 2 < max(len(batch.chosen) for batch in threads.items) <= 10


def test_what_a_check_does_to_its_worker_is_its_own_verdict() -> None:
    verifier = plugins.get_verifier("misbehave")
    texts = ["fine", "raises x", "os_exit 3", "spin", f"allocate {2**33}", "fine"]
    checks = [(Problem(id=text, prompt=()), Completion(text=text)) for text in texts]
    with ClusterPool(Threads(), workers=1, timeout=1.0) as pool:
        verdicts = in_order(pool, verifier, checks)
    outcomes = [verdict.outcome.value for verdict in verdicts]
    assert outcomes == ["graded", "error", "error", "verifier_timeout", "error", "graded"]
    assert "deliberate x" in verdicts[1].reason


def test_a_check_that_takes_nodes_down_costs_one_verdict() -> None:
    def deadly(batch: Batch) -> bool:
        return any(b"deadly" in completion for completion in batch.completions)

    threads = Threads(lose=deadly)
    texts = ["x"] * 300
    texts[200] = "deadly"
    checks = [(Problem(id="p", prompt=(), reference="x"), Completion(text=text)) for text in texts]
    with ClusterPool(threads, workers=1) as pool:
        verdicts = in_order(pool, plugins.get_verifier("echo"), checks)
    assert [number for number, verdict in enumerate(verdicts) if verdict.score != 1.0] == [200]
    assert (verdicts[200].outcome, verdicts[200].reason) == (Outcome.ERROR, "the node died")
    lost = [len(batch.chosen) for batch in threads.items if deadly(batch)]
    assert len(lost) == 2
    assert lost[0] > 1 == lost[1], "a batch that was lost is tried once more check by check"


def test_a_cluster_on_which_all_is_lost_fails_the_caller() -> None:
    verifier, check = plugins.get_verifier("echo"), (Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
    with ClusterPool(Threads(lose=lambda _batch: True), workers=1) as pool:
        verdicts = [pool.verify(verifier, *check) for _ in range(2)]
        assert [verdict.outcome for verdict in verdicts] == [Outcome.ERROR] * 2
        for _ in range(2):
            with pytest.raises(VerifierError, match="3 tasks in a row were lost, the cluster is given up: the node"):
                pool.verify(verifier, *check)


def test_a_node_with_other_plugins_or_versions_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    check = (Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
    verifier = plugins.get_verifier("echo")
    monkeypatch.setattr(type(verifier), "version", "2")  # of the class that this process has; a node loads the file
    with ClusterPool(Threads(), workers=1) as pool:
        batch = pool._batch([_as_check(pool, verifier, check)])
        monkeypatch.undo()
        with pytest.raises(VerifierError, match=r"this node has version '1' of 'echo', the process that asks has '2'"):
            check_batch(batch)
    broken = replace(batch, verifiers=((wire.dumps({"preload": [], "files": ["/no/such.py"], "path": []}, ""), "1"),))

    class Elsewhere(Threads):
        def _one(self, function, item):
            return super()._one(function, broken)

    with ClusterPool(Elsewhere(), workers=1) as pool, pytest.raises(VerifierError, match=r"a node .*/no/such\.py"):
        pool.verify(verifier, *check)

    class Foreign(Threads):
        def _one(self, function, item):
            fields = {"outcome": "splendid", "score": 1.0, "extracted": None, "reason": "", "details": {}, "seconds": 0}
            return Checked(verdicts=(wire.dumps(fields, ""),), refusals={})

    with ClusterPool(Foreign(), workers=1) as pool, pytest.raises(VerifierError, match=r"sent no verdicts: .*splendid"):
        pool.verify(verifier, *check)


def _as_check(pool: ClusterPool, verifier: assay.Verifier, check: tuple[Problem, Completion]) -> cluster._Check:
    return cluster._Check(
        spec=cluster.spec_of(verifier),
        problem=wire.dumps(check[0], ""),
        completion=wire.dumps(check[1], ""),
        timeout=None,
    )


def test_closing_drops_or_finishes_what_waits() -> None:
    verifier = plugins.get_verifier("misbehave")
    check = (Problem(id="p", prompt=()), Completion(text="sleep 0.05"))
    pool = ClusterPool(Threads(), workers=1)
    futures = [pool.submit(verifier, *check) for _ in range(8)]
    pool.close()
    assert {future.result(0).score for future in futures} == {1.0}
    with pytest.raises(VerifierError, match="closed"):
        pool.submit(verifier, *check)
    pool = ClusterPool(Threads(), workers=1)
    futures = [pool.submit(verifier, *check) for _ in range(400)]
    started = time.monotonic()
    pool.close(cancel=True)
    assert time.monotonic() - started < 10
    assert sum(future.cancelled() for future in futures) > 300


class Held(Threads):
    """Runs nothing before `go` is set, and takes nothing ahead."""

    room = 2

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def _one(self, function, item):
        assert self.go.wait(60)
        return super()._one(function, item)


def test_closing_does_not_wait_for_checks_that_were_cancelled() -> None:
    verifier, check = plugins.get_verifier("echo"), (Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
    held = Held()

    class Late(ClusterPool):
        """Whoever closes sees what waits before a task that ended does."""

        def _begin_tasks(self) -> None:
            time.sleep(0.2 if held.go.is_set() else 0.0)
            super()._begin_tasks()

    pool = Late(held, workers=1)
    futures = [pool.submit(verifier, *check) for _ in range(6)]
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    waiting = [future for future in futures if future.cancel()][2:]  # those of the tasks that run come first
    assert len(waiting) == 4
    held.go.set()
    closing.join(10)
    assert not closing.is_alive()
    assert held.closed
    assert not wait(futures, 0).not_done, "whoever waits for them is told"


def test_dropped_checks_wake_those_who_wait_for_them() -> None:
    verifier, check = plugins.get_verifier("echo"), (Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
    held = Held()
    pool = ClusterPool(held, workers=1)
    futures = [pool.submit(verifier, *check) for _ in range(8)]
    with ThreadPoolExecutor(1) as waiter:
        waits = waiter.submit(wait, futures[2:], 30)
        while not futures[-1]._waiters:  # type: ignore[attr-defined]
            time.sleep(0.01)
        threading.Timer(0.2, held.go.set).start()
        pool.close(cancel=True)
        done, missed = waits.result()
    assert not missed
    assert all(future.cancelled() for future in done)


def test_a_bad_timeout_is_refused_where_it_is_given() -> None:
    verifier, check = plugins.get_verifier("echo"), (Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
    with ClusterPool(Threads(), workers=1) as pool:
        for timeout in (-1, 0, float("nan"), True):
            with pytest.raises(UsageError, match="a timeout must be a positive finite number of seconds"):
                pool.submit(verifier, *check, timeout=timeout)
        assert pool.verify(verifier, *check, timeout=5).score == 1.0


def test_callbacks_must_not_wait_for_their_pool() -> None:
    verifier, check = plugins.get_verifier("echo"), (Problem(id="p", prompt=(), reference="x"), Completion(text="x"))
    said: SimpleQueue[str] = SimpleQueue()
    held = Held()

    def callback(_future: object) -> None:
        for mistake in (lambda: pool.verify(verifier, *check), pool.close):
            try:
                mistake()
            except VerifierError as error:
                said.put(str(error))
        pool.submit(verifier, *check).add_done_callback(lambda future: said.put(str(future.result().score)))

    with ClusterPool(held, workers=1) as pool:
        pool.submit(verifier, *check).add_done_callback(callback)
        held.go.set()
        assert "a callback of a verdict waits for the pool" in said.get(timeout=30)
        assert "a callback of a verdict closes the pool" in said.get(timeout=30)
        assert said.get(timeout=30) == "1.0"
        assert pool.verify(verifier, *check).score == 1.0


def test_long_completions_are_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_MOST_BYTES", 10_000_000)
    verifier, problem = plugins.get_verifier("echo"), Problem(id="p", prompt=(), reference="x")
    with ClusterPool(Threads(), workers=1) as pool:
        assert pool.outstanding == OUTSTANDING
        pool.verify(verifier, problem, Completion(text="x" * 100_000))
        assert 90 <= pool.outstanding <= 100
        for _ in range(700):
            pool.submit(verifier, problem, Completion(text="x"))
        assert pool.outstanding >= OUTSTANDING
        for _ in range(300):
            pool.submit(verifier, problem, Completion(text="x" * 100_000))
        assert 100 <= pool.outstanding <= 110


class Asking(assay.BaseVerifier):
    """Waits for a server, as a judge does."""

    name, version, waits = "asking", "1", True

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        return Verdict(outcome=Outcome.GRADED, score=1.0, extracted=threading.current_thread().name)


def test_a_verifier_that_waits_for_a_server_is_run_here() -> None:
    threads = Threads()
    with ClusterPool(threads, workers=1) as pool:
        assert pool.verify(Asking(), Problem(id="p", prompt=()), Completion(text="x")).score == 1.0
        assert pool.same_answer(plugins.get_verifier("echo"), "a", "A")
    assert not threads.items


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 320 samples, all of which a forced rescore checks again."""
    write_replay(tmp_path / "replay.jsonl")
    (result,) = assay.evaluate(f"replay:{tmp_path}/replay.jsonl", "sums:8", out=tmp_path / "out")
    return result.path


def records(folder: Path) -> list[tuple]:
    with SampleStore.open(folder) as store:
        return [
            (record.key, record.completion.text, replace(record.verdict, seconds=0.0))
            for record in store.records(list(store.rows))
        ]


def test_a_rescore_elsewhere_is_the_rescore_here(run: Path) -> None:
    before = records(run)
    threads = Threads()
    with ClusterPool(threads, workers=1) as pool:
        result, flips = rescore(run, force=True, pool=pool)
    assert sum(len(batch.chosen) for batch in threads.items) == 320
    assert (records(run), flips) == (before, [])
    assert result.summary["metrics"] == load_result(run).summary["metrics"]


def test_a_rescore_keeps_what_was_checked_before_the_cluster_was_gone(run: Path) -> None:
    done: list[Batch] = []

    def lose(batch: Batch) -> bool:
        done.append(batch)
        return len(done) > 4

    before = records(run)
    assert not (run / "journal.jsonl").stat().st_size
    with ClusterPool(Threads(lose=lose), workers=1) as pool, pytest.raises(VerifierError, match="is given up"):
        rescore(run, force=True, pool=pool)
    kept = [json.loads(line)["outcome"] for line in (run / "journal.jsonl").read_bytes().splitlines()]
    assert len(kept) - kept.count("error") == sum(len(batch.chosen) for batch in done[:4]) > 4
    rescore(run, force=True)
    assert records(run) == before


def test_a_file_is_scored_elsewhere_as_it_is_here(tmp_path: Path) -> None:
    chance = random.Random(5)
    file = tmp_path / "rows.jsonl"
    with open(file, "w") as out:
        for problem, completion in asked(400):
            row = {"id": problem.id, "response": completion.text, "answer": problem.reference}
            out.write(json.dumps({**row, "correct": chance.random() < 0.5}) + "\n")
    with Pool(workers=1) as pool:
        here = score_file(file, "boxed_math", pool=pool)
    with ClusterPool(Threads(), workers=1) as there:
        elsewhere = score_file(file, "boxed_math", pool=there)
    assert (elsewhere.outcomes, elsewhere.mean_score) == (here.outcomes, here.mean_score)
    rows = [[replace(row, verdict=replace(row.verdict, seconds=0.0)) for row in report.disagreements]
            for report in (here, elsewhere)]  # fmt: skip
    assert rows[0] == rows[1]
    assert len(rows[0]) > 100


def test_executors_have_names() -> None:
    assert isinstance(open_executor("local"), LocalExecutor)
    with pytest.raises(UsageError, match="no executor 'dask': local, ray or ray:ADDRESS"):
        open_executor("dask")
    assert list(LocalExecutor().run(int, ["1", "x"])) == [
        ("1", 1), ("x", Failure(reason="ValueError: invalid literal for int() with base 10: 'x'"))
    ]  # fmt: skip
