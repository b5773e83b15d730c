"""The main loop through the Python door: resume, top-up, retries of our own failures, rescoring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import assay
from assay import Completion, FinishReason, Generated, Message, Outcome, Problem, Verdict
from assay.rescore import rescore
from assay.results import load_result
from assay.runs.store import SEALED, SampleStore


class Counting:
    """A backend that answers each problem with its id and counts what it is asked."""

    url = "counting:model"
    fingerprint = "f" * 64

    def __init__(self, fail: set[str] = frozenset(), interrupt_after: int | None = None) -> None:  # type: ignore[assignment]
        self.asked: list[tuple[str, int]] = []
        self._fail = fail
        self._interrupt_after = interrupt_after

    def generate(self, requests, sampling):
        # The last request first: stores must not depend on the order of finishing.
        for number, request in enumerate(reversed(requests)):
            if number == self._interrupt_after:
                raise KeyboardInterrupt
            self.asked.append((request.problem_id, request.sample_index))
            if request.problem_id in self._fail:
                completion = Completion(text="", finish_reason=FinishReason.ERROR, error="server said no")
            else:
                completion = Completion(text=f"{request.problem_id}-{request.sample_index % 2}", num_tokens=2)
            yield Generated(request=request, completion=completion)

    def render(self, request):
        return None

    def preflight(self, requests, sampling):
        return []

    def resolve_prefill(self, prefill):
        return ""

    def close(self):
        pass


class Same(assay.BaseVerifier):
    """Sample 0 of a problem is right. Class attributes steer it, so that tests can break and mend it."""

    name = "same"
    version = "1"
    broken_for: str | None = None
    right = "0"
    details: Any = None

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict:
        if problem.id == Same.broken_for:
            raise RuntimeError("verifier bug")
        return Verdict(
            outcome=Outcome.GRADED,
            score=float(completion.text.endswith(Same.right)),
            extracted=completion.text,
            details=Same.details or {},
        )

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        return self.verify_fast(problem, completion)


class Letters(assay.BaseBenchmark):
    name = "letters"
    protocol = assay.EvalProtocol(samples=2)
    metrics = ("pass@1", "pass@2", "cons@n")

    def problems(self) -> list[Problem]:
        return [
            Problem(id=letter, prompt=(Message(role="user", content=letter),), verifier="same") for letter in "abcde"
        ]


class Plugin:
    @assay.hookimpl
    def register_verifiers(self):
        return {"same": Same}

    @assay.hookimpl
    def register_benchmarks(self):
        return {"letters": Letters}


@pytest.fixture(scope="module", autouse=True)
def plugin() -> None:
    assay.load_plugin(Plugin())


@pytest.fixture(autouse=True)
def working_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Same, "broken_for", None)
    monkeypatch.setattr(Same, "right", "0")
    monkeypatch.setattr(Same, "version", "1")
    monkeypatch.setattr(Same, "details", None)


def run(backend: Counting, out: Path, **settings: Any) -> assay.RunResult:
    (result,) = assay.evaluate(backend, "letters", out=out, **settings)
    return result


def rows(result: assay.RunResult) -> list[tuple[str, int]]:
    return [(row["problem_id"], row["sample_index"]) for row in pq.read_table(result.path / SEALED).to_pylist()]


def test_a_run_and_its_numbers(tmp_path: Path) -> None:
    result = run(Counting(), tmp_path)
    assert result.summary["metrics"]["pass@1"]["value"] == 0.5
    assert result.summary["metrics"]["pass@2"]["value"] == 1.0
    assert result.summary["metrics"]["cons@n"]["value"] == 0.5
    assert rows(result) == [(letter, index) for letter in "abcde" for index in range(2)]


def test_the_same_command_asks_for_nothing_again(tmp_path: Path) -> None:
    first = run(Counting(), tmp_path)
    again = Counting()
    second = run(again, tmp_path)
    assert again.asked == []
    assert second.path == first.path
    assert second.summary["metrics"] == first.summary["metrics"]


def test_more_samples_and_problems_pay_only_for_the_new_ones(tmp_path: Path) -> None:
    run(Counting(), tmp_path, limit=3)
    more = Counting()
    result = run(more, tmp_path, samples=4, limit=3)
    assert sorted(more.asked) == [(letter, index) for letter in "abc" for index in (2, 3)]
    all_of_them = Counting()
    result = run(all_of_them, tmp_path, samples=4)
    assert sorted(all_of_them.asked) == [(letter, index) for letter in "de" for index in range(4)]
    assert rows(result) == [(letter, index) for letter in "abcde" for index in range(4)]


def test_fewer_samples_count_only_those_asked_for(tmp_path: Path) -> None:
    full = run(Counting(), tmp_path, samples=4)
    fewer = run(Counting(), tmp_path, samples=1, limit=2)
    assert fewer.path == full.path
    assert fewer.summary["num_samples"] == 2
    assert fewer.summary["metrics"]["pass@1"]["value"] == 1.0
    assert len(rows(fewer)) == 20
    assert load_result(fewer.path).summary["num_samples"] == 2


def test_other_sampling_is_another_run(tmp_path: Path) -> None:
    paths = {
        run(Counting(), tmp_path, **settings).path
        for settings in ({}, {"temperature": 1.0}, {"seed": 1}, {"template": "plain"}, {"max_tokens": 9})
    }
    # `plain` differs from `r1` only in name here, and the name is part of what is recorded.
    assert len(paths) == 5


def test_seeds_are_those_of_the_keys_in_every_process(tmp_path: Path) -> None:
    result = run(Counting(), tmp_path)
    with SampleStore.open(result.path) as store:
        seeds = [record.seed for record in store.records(list(store.rows))]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Counting(interrupt_after=3), tmp_path)
    rest = Counting()
    result = run(rest, tmp_path)
    assert len(rest.asked) == 7
    assert len(rows(result)) == 10


def test_our_own_failures_are_in_no_score_and_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Same, "broken_for", "b")
    broken = run(Counting(), tmp_path)
    assert broken.summary["outcomes"]["error"] == 2
    assert broken.summary["num_errors"] == 2
    assert broken.summary["metrics"]["pass@1"]["num_problems"] == 4
    assert broken.summary["metrics"]["pass@1"]["value"] == 0.5
    monkeypatch.setattr(Same, "broken_for", None)
    backend = Counting()
    mended = run(backend, tmp_path)
    assert backend.asked == []  # the completions were kept: only the check is done again
    assert mended.summary["num_errors"] == 0
    assert mended.summary["metrics"]["pass@1"]["num_problems"] == 5
    assert len(rows(mended)) == 10


def test_failed_completions_are_drawn_again(tmp_path: Path) -> None:
    failed = run(Counting(fail={"c"}), tmp_path)
    assert failed.summary["outcomes"]["error"] == 2
    again = Counting()
    mended = run(again, tmp_path)
    assert sorted(again.asked) == [("c", 0), ("c", 1)]
    assert mended.summary["num_errors"] == 0


def test_a_model_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(
        assay.BackendError, match=r"the first 10 completions all failed; the last one with: server said no"
    ):
        run(Counting(fail=set("abcde")), tmp_path)


def test_a_prompt_that_is_refused_does_not_stop_the_run(tmp_path: Path) -> None:
    # The last problem comes first here, as what a backend refuses does.
    result = run(Counting(fail={"e"}), tmp_path, samples=25)
    assert result.summary["outcomes"]["error"] == 25
    assert result.summary["num_errors"] == 25
    assert result.summary["num_samples"] == 125
    with pytest.raises(assay.BackendError, match="the first 101 completions all failed"):
        run(Counting(fail=set("abcde")), tmp_path / "dead", samples=25)


def test_a_misspelt_second_benchmark_costs_nothing(tmp_path: Path) -> None:
    backend = Counting()
    with pytest.raises(assay.UsageError, match="no benchmark is called 'lettres'"):
        assay.evaluate(backend, ["letters", "lettres"], out=tmp_path)
    assert backend.asked == []


def test_events_reach_listeners_in_order(tmp_path: Path) -> None:
    heard: list[str] = []

    class Listener:
        @assay.hookimpl
        def run_started(self, total, done):
            heard.append(f"started {done}/{total}")

        @assay.hookimpl
        def sample_recorded(self, problem, verdict):
            heard.append(f"{problem.id} {verdict.score:g}")

        @assay.hookimpl
        def run_finished(self, summary):
            heard.append(f"finished {summary['num_samples']}")

    from assay.plugins import registry

    listener = Listener()
    assay.load_plugin(listener)
    try:
        run(Counting(), tmp_path, limit=1)
    finally:
        registry().manager.unregister(listener)
    assert heard == ["started 0/2", "a 0", "a 1", "finished 2"]


def test_rescoring_lists_what_flipped_and_asks_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(Counting(), tmp_path, samples=3)
    monkeypatch.setattr(Same, "right", "1")
    monkeypatch.setattr(Same, "version", "2")
    with pytest.raises(assay.StoreError, match=r"was scored with same 1, installed is same 2.*assay rescore"):
        run(Counting(), tmp_path, samples=3)
    after, flips = rescore(before.path)
    assert len(flips) == 15
    assert {(flip.before, flip.after) for flip in flips} == {("graded 0", "graded 1"), ("graded 1", "graded 0")}
    assert before.summary["metrics"]["pass@1"]["value"] == pytest.approx(2 / 3)
    assert after.summary["metrics"]["pass@1"]["value"] == pytest.approx(1 / 3)
    assert after.manifest["verifiers"] == {"same": "2"}
    assert len((before.path / "flips.jsonl").read_bytes().splitlines()) == 15
    assert rescore(before.path)[1] == []
    assert run(Counting(), tmp_path, samples=3).summary["metrics"] == after.summary["metrics"]


def test_an_unfinished_run_is_reported_as_such(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Counting(interrupt_after=4), tmp_path)
    (folder,) = {path.parent for path in tmp_path.rglob("manifest.json")}
    result = load_result(folder)
    assert result.summary["complete"] is False
    assert result.summary["num_samples"] == 4


def test_the_manifest_records_what_a_score_depends_on(tmp_path: Path) -> None:
    manifest = json.loads((run(Counting(), tmp_path).path / "manifest.json").read_text())
    assert manifest["verifiers"] == {"same": "1"}
    assert len(manifest["prompt_sha256"]) == len(manifest["benchmark_revision"]) == 64
    assert manifest["sampling"]["temperature"] == 0.6
    session = manifest["sessions"][0]
    assert session["packages"]["assay"] == assay.__version__
    assert session["machine"]["cpus"]


@pytest.mark.parametrize("details", [{"big": 2**70}, {"set": {1}}, {3: "key"}], ids=["big", "set", "key"])
def test_a_verdict_that_cannot_be_stored_is_our_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, details: Any
) -> None:
    monkeypatch.setattr(Same, "details", details)
    result = run(Counting(), tmp_path)
    assert result.summary["outcomes"]["error"] == 10
    with SampleStore.open(result.path) as store:
        (reason,) = {record.verdict.reason for record in store.records(list(store.rows))}
    assert "the verdict cannot be stored: its details are not JSON" in reason


def test_a_backend_that_stops_early_is_said(tmp_path: Path) -> None:
    class Short(Counting):
        def generate(self, requests, sampling):
            for number, generated in enumerate(super().generate(requests, sampling)):
                if number == 4:
                    return
                yield generated

    with pytest.raises(assay.BackendError, match="answered 4 of 10 requests and stopped without an error"):
        run(Short(), tmp_path)
    assert len(rows(run(Counting(), tmp_path))) == 10


def test_a_broken_backend_does_not_hang_the_run(tmp_path: Path) -> None:
    class Broken(Counting):
        def generate(self, requests, sampling):
            for request in requests:
                yield Generated(request=request, completion=Completion(text=None))  # type: ignore[arg-type]

    with pytest.raises((AttributeError, TypeError)):
        run(Broken(), tmp_path)


def test_a_pool_that_is_closed_under_the_run_does_not_hang_it(tmp_path: Path) -> None:
    pool = assay.Pool(workers=1)
    pool.close()
    with pytest.raises(assay.VerifierError, match="pool is closed"):
        run(Counting(), tmp_path, pool=pool)


def test_a_smaller_limit_is_what_report_and_rescore_count(tmp_path: Path) -> None:
    run(Counting(), tmp_path)
    small = run(Counting(), tmp_path, limit=2)
    assert small.summary["num_samples"] == 4
    (small.path / "summary.json").unlink()
    assert load_result(small.path).summary["num_samples"] == 4
    assert rescore(small.path, force=True)[0].summary["num_samples"] == 4
    assert run(Counting(), tmp_path).summary["num_samples"] == 10


def test_rescoring_leaves_failed_completions_alone(tmp_path: Path) -> None:
    class Mute(Counting):
        def generate(self, requests, sampling):
            for generated in super().generate(requests, sampling):
                silent = Completion(text="0", finish_reason=FinishReason.ERROR)
                yield Generated(
                    request=generated.request,
                    completion=silent if generated.request.problem_id == "c" else generated.completion,
                )

    failed = run(Mute(), tmp_path)
    assert failed.summary["outcomes"]["error"] == 2
    assert rescore(failed.path, force=True)[0].summary["outcomes"]["error"] == 2


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    for settings, message in (
        ({"samples": 0}, "the number of samples must be at least 1"),
        ({"samples": 2.5}, "the number of samples must be at least 1"),
        ({"stop": "abc"}, "stop takes a sequence of strings"),
        ({"seed": -1}, "the seed must be a whole number"),
        ({"limit": 10**30}, "the limit must be at least 1 and at most"),
        ({"tempreature": 1.0}, "no setting called tempreature"),
    ):
        with pytest.raises(assay.UsageError, match=message):
            run(Counting(), tmp_path, **settings)
    with pytest.raises(assay.UsageError, match="a model is a url"):
        assay.evaluate(None, "letters", out=tmp_path)  # type: ignore[arg-type]


def test_one_and_one_point_zero_are_the_same_temperature(tmp_path: Path) -> None:
    assert run(Counting(), tmp_path, temperature=1).path == run(Counting(), tmp_path, temperature=1.0).path


def test_finished_results_are_handed_out_before_a_later_benchmark_fails(tmp_path: Path) -> None:
    class Second(Letters):
        name = "second"

        def problems(self) -> list[Problem]:
            return [
                Problem(id=letter, prompt=(Message(role="user", content=letter),), verifier="same") for letter in "xy"
            ]

    finished: list[assay.RunResult] = []
    with pytest.raises(assay.BackendError):
        assay.evaluate(Counting(fail={"x", "y"}), [Letters(), Second()], out=tmp_path, finished=finished.append)
    assert [result.summary["num_samples"] for result in finished] == [10]
