"""Evaluations, trackers and figures of a run: what is measured, that resuming measures nothing twice, and that watching
changes nothing in what is learned."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

import assay
from assay import DataError, Problem, Request, Sampling, UsageError
from assay.results import find_runs
from assay.runs.store import SampleStore
from assay_trainers.common.stopping import StopTrainingError
from assay_trainers.common.world import World
from assay_trainers.grpo import evaluator
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.curves import draw
from assay_trainers.grpo.held_out import split_samples
from assay_trainers.grpo.policy_backend import PolicyBackend, spread, weights_fingerprint
from assay_trainers.grpo.progress import StepLine
from assay_trainers.grpo.rollouts import TransformersEngine
from assay_trainers.grpo.trainer import Trainer, train
from tests.trainers.conftest import DigitReward
from tests.trainers.models import tiny_model, tokenizer

Make = Callable[..., TrainConfig]

PLUGIN = '''
import assay


class FirstDigit(assay.BaseVerifier):
    """Right where the response begins with a digit; votes for it."""

    name, version, needs_reference = "first_digit", "1", False

    def verify(self, problem, completion):
        return self.verify_fast(problem, completion)

    def verify_fast(self, problem, completion):
        first = completion.text[:1]
        score = float(first.isdigit())
        return assay.Verdict(outcome=assay.Outcome.GRADED, score=score, extracted=first, reason="looked at " + first)


class Cubes(assay.BaseBenchmark):
    name = "cubes"
    protocol = assay.EvalProtocol(sampling=assay.Sampling(temperature=0.5, max_tokens=64))

    def problems(self):
        return [
            assay.Problem(
                id=str(n), prompt=(assay.Message(role="user", content=f"{n}^3="),), verifier="first_digit"
            )
            for n in range(2)
        ]


@assay.hookimpl
def register_verifiers():
    return {"first_digit": FirstDigit}


@assay.hookimpl
def register_benchmarks():
    return {"cubes": Cubes}
'''


@pytest.fixture(scope="module", autouse=True)
def first_digit(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("plugin") / "first_digit.py"
    file.write_text(PLUGIN)
    assay.load_plugin(str(file))


@pytest.fixture
def held_out(tmp_path: Path) -> str:
    rows = [{"id": f"h{n}", "prompt": f"{n}*{n}=", "answer": str(n * n), "verifier": "first_digit"} for n in range(5)]
    path = tmp_path / "squares.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def watched(make_config: Make, held_out: str) -> Make:
    def make(**changes: Any) -> TrainConfig:
        base: dict[str, Any] = {"evaluation__benchmarks": [f"{held_out}:3"], "evaluation__every": 2, "steps": 3}
        return make_config(**base | changes)

    return make


def rows(config: TrainConfig, name: str = "evaluations.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(config.output) / name).read_text().splitlines()]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder).state_dict())


def comparable(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


def test_the_policy_is_evaluated_before_between_and_after(watched: Make, problems: list[Problem]) -> None:
    config = watched()
    seen: dict[int, dict[str, Any]] = {}
    train(
        config, reward=DigitReward(), problems=problems, on_step=lambda step, metrics, _: seen.update({step: metrics})
    )
    found = rows(config)
    assert [row["step"] for row in found] == [0, 2, 3]
    for row in found:
        assert 0 <= row["eval/squares/pass@1"] <= 1
        assert row["eval/squares/pass@1/se"] is not None
        assert {"eval/squares/cons@n", "eval/squares/length", "eval/squares/truncated"} <= set(row)
    # Listeners see them with the step's own metrics; metrics.jsonl keeps to the step.
    assert seen[2]["eval/squares/pass@1"] == found[1]["eval/squares/pass@1"]
    assert "eval/squares/pass@1" not in seen[1]
    assert not any(name.startswith("eval/") for row in rows(config, "metrics.jsonl") for name in row)
    # They are ordinary runs.
    runs = find_runs([Path(config.output) / "evaluations"])
    assert [run.parent.name for run in runs] == ["step-000000", "step-000002", "step-000003"]
    for row, run in zip(found, runs, strict=True):
        result = assay.load_result(run)
        assert result.summary["metrics"]["pass@1"]["value"] == row["eval/squares/pass@1"]
        assert result.summary["num_samples"] == 15
        assert result.manifest["template"] == "raw"
        assert (Path(config.output) / row["runs"]["squares"]).resolve() == run


def test_an_evaluation_measures_what_was_saved(watched: Make, problems: list[Problem]) -> None:
    """The same benchmark through the `hf` backend, greedily, on the checkpoint of the same step."""
    config = watched(evaluation__temperature=0.0, checkpoints__every=2)
    train(config, reward=DigitReward(), problems=problems)
    (ours,) = find_runs([Path(config.output) / "evaluations" / "step-000002"])
    benchmark = evaluator.held_out(config)[0][0]
    (theirs,) = assay.evaluate(
        f"hf:{config.output}/checkpoints/step-000002", benchmark, out=Path(config.output) / "again",
        samples=3, temperature=0.0,
    )  # fmt: skip

    def texts(folder: Path) -> dict[tuple[str, int], str]:
        with SampleStore.open(folder) as store:
            return {(r.problem_id, r.sample_index): r.completion.text for r in store.records(store.rows)}

    assert texts(ours) == texts(theirs.path)


def test_watching_changes_nothing(watched: Make, make_config: Make, problems: list[Problem], tmp_path: Path) -> None:
    plain = train(make_config(output=str(tmp_path / "plain"), steps=3), reward=DigitReward(), problems=problems)
    seen = train(
        watched(output=str(tmp_path / "seen"), logging__tensorboard=True), reward=DigitReward(), problems=problems
    )
    other = weights(seen.model)
    assert all(torch.equal(value, other[name]) for name, value in weights(plain.model).items())


class Slow(PolicyBackend):
    """Asks the run to stop after a few completions of its second evaluation."""

    def _draw(self, requests: Sequence[Request], sampling: Sampling) -> Any:
        for number, done in enumerate(super()._draw(requests, sampling)):
            if self.url.endswith("step-000002") and number == 7 and not Slow.stopped:
                Slow.stopped = True
                os.kill(os.getpid(), signal.SIGTERM)
            Slow.drawn += 1
            yield done

    stopped = False
    drawn = 0


def test_an_evaluation_that_was_stopped_goes_on_where_it_was(
    watched: Make, problems: list[Problem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = watched(output=str(tmp_path / "run"))
    train(whole, reward=DigitReward(), problems=problems)
    expected = comparable(rows(whole))
    metrics = rows(whole, "metrics.jsonl")

    monkeypatch.setattr("assay_trainers.grpo.trainer.PolicyBackend", Slow)
    Slow.stopped, Slow.drawn = False, 0
    parts = watched(output=str(tmp_path / "other" / "run"))
    first = train(parts, reward=DigitReward(), problems=problems)
    assert (first.steps, first.finished) == (2, False)
    assert [row["step"] for row in rows(parts)] == [0]
    drawn = Slow.drawn
    assert drawn == 15 + 8
    second = train(parts, reward=DigitReward(), problems=problems)
    assert second.finished
    # Fifteen samples each; the one that was drawn when the signal came was not recorded.
    assert Slow.drawn - drawn == 15 - 7 + 15
    assert comparable(rows(parts)) == expected
    assert [row["reward"] for row in rows(parts, "metrics.jsonl")] == [row["reward"] for row in metrics]
    # A run that is finished has nothing left to draw.
    train(parts, reward=DigitReward(), problems=problems)
    assert Slow.drawn == drawn + 23


def test_evaluations_after_the_checkpoint_are_made_again(watched: Make, problems: list[Problem]) -> None:
    """A kill between an evaluation and its checkpoint: the step is repeated, its evaluation found in the store."""
    config = watched(steps=4, checkpoints__every=3)

    class KilledError(BaseException):
        pass

    def die(step: int, *_: Any) -> None:
        if step == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train(config, reward=DigitReward(), problems=problems, on_step=die)
    before = comparable(rows(config))
    assert [row["step"] for row in before] == [0, 2]
    train(config, reward=DigitReward(), problems=problems)
    after = comparable(rows(config))
    assert after[:2] == before
    assert [row["step"] for row in after] == [0, 2, 4]
    assert len(find_runs([Path(config.output) / "evaluations"])) == 3


def test_registered_benchmarks_keep_their_protocol(make_config: Make, problems: list[Problem]) -> None:
    config = make_config(
        steps=1, evaluation__benchmarks=["cubes:2"], evaluation__max_tokens=4, evaluation__at_start=False
    )
    train(config, reward=DigitReward(), problems=problems)
    (row,) = rows(config)
    assert 0 <= row["eval/cubes/pass@1"] <= 1
    (run,) = find_runs([Path(config.output) / "evaluations"])
    manifest = assay.load_result(run).manifest
    assert (manifest["sampling"]["temperature"], manifest["sampling"]["max_tokens"]) == (0.5, 4)
    assert (manifest["template"], manifest["sessions"][0]["samples_per_problem"]) == ("r1", 2)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"evaluation__benchmarks": ["aime2"]}, UsageError, "no benchmark is called 'aime2'"),
        ({"evaluation__benchmarks": ["nowhere.jsonl"]}, DataError, "nowhere.jsonl"),
        ({"evaluation__benchmarks": ["nowhere.jsonl:0"]}, UsageError, "asks for no sample"),
    ],
)
def test_what_cannot_be_evaluated_is_said_before_training(
    changes: dict[str, Any], kind: type[Exception], message: str, make_config: Make, problems: list[Problem]
) -> None:
    config = make_config(**changes)
    with pytest.raises(kind, match=re.escape(message)):
        train(config, reward=DigitReward(), problems=problems)
    assert not (Path(config.output) / "metrics.jsonl").exists()


def test_the_same_file_twice_is_refused(watched: Make, held_out: str, problems: list[Problem]) -> None:
    config = watched(evaluation__benchmarks=[f"{held_out}:2", held_out])
    with pytest.raises(UsageError, match="squares twice"):
        train(config, reward=DigitReward(), problems=problems)


def test_training_on_held_out_problems_is_said(
    watched: Make, problems: list[Problem], caplog: pytest.LogCaptureFixture
) -> None:
    same = replace(problems[0], id="other", prompt=(assay.Message(role="user", content="3*3= "),))
    train(watched(steps=1), reward=DigitReward(), problems=[*problems, same])
    assert "1 problems of squares are among those trained on" in caplog.text


def test_a_prompt_that_does_not_fit_is_our_error_and_an_alarm(
    watched: Make, problems: list[Problem], held_out: str
) -> None:
    with open(held_out, "a") as file:
        file.write(json.dumps({"id": "long", "prompt": "9" * 80, "answer": "9", "verifier": "first_digit"}) + "\n")
    config = watched(steps=1, alarms__verifier_errors=0.01)
    train(config, reward=DigitReward(), problems=problems)
    for row in rows(config):
        assert row["alarms"] == ["verifier_errors"]
        assert row["eval/squares/pass@1"] is not None
    stopping = watched(alarms__verifier_errors=0.01, alarms__stop_on=["verifier_errors"])
    with pytest.raises(StopTrainingError, match="stopped by the alarm verifier_errors"):
        train(replace(stopping, output=stopping.output + "-stopped"), reward=DigitReward(), problems=problems)


def test_a_backend_over_the_policy_keeps_the_contract() -> None:
    model, words = tiny_model(), tokenizer()
    engine = TransformersEngine(model, words)
    world = World(cpu=True, dtype="float32")
    backend = PolicyBackend(engine, words, world, url="policy:x", fingerprint="f", context=64)
    assert isinstance(backend, assay.Backend)
    requests = [
        Request(key=f"{p}{i}", prompt=f"{p}+{p}=", seed=i, problem_id=str(p), sample_index=i)
        for p in range(3) for i in range(4)
    ]  # fmt: skip
    requests.append(Request(key="empty", prompt="", seed=0, problem_id="empty"))
    sampling = Sampling(temperature=1.0, top_p=0.9, max_tokens=5)
    once = {done.request.key: done.completion for done in backend.generate(requests, sampling)}
    assert set(once) == {request.key for request in requests}
    assert engine._loop.prompts_read == 3  # the samples of a problem share one reading
    assert once["empty"].error == "the prompt is empty: it has no tokens"
    fewer = {done.request.key: done.completion for done in backend.generate(requests[5:7], sampling)}
    assert {key: each.text for key, each in fewer.items()} == {key: once[key].text for key in fewer}
    assert len({once[f"0{i}"].text for i in range(4)}) > 1
    assert backend.render(requests[0]) == "0+0="


def test_the_fingerprint_tells_weights_and_settings_apart() -> None:
    model = tiny_model()
    before = weights_fingerprint(model, "float32")
    assert weights_fingerprint(tiny_model(), "float32") == before
    assert weights_fingerprint(model, "bfloat16") != before
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight.mul_(1 + 1e-6)
    assert weights_fingerprint(model, "float32") != before


def test_tensorboard_reads_what_is_written_and_no_step_twice(watched: Make, problems: list[Problem]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = watched(steps=2, logging__tensorboard=True, checkpoints__every=5)
    train(config, reward=DigitReward(), problems=problems)
    longer = replace(config, steps=3)
    train(longer, reward=DigitReward(), problems=problems)
    events = EventAccumulator(str(Path(config.output) / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("reward")] == [1, 2, 3]
    logged = [event.value for event in events.Scalars("reward")]
    assert logged == pytest.approx([row["reward"] for row in rows(config, "metrics.jsonl")])
    assert [event.step for event in events.Scalars("eval/squares/pass@1")] == [0, 2, 3]


def test_wandb_writes_offline_into_the_run(
    watched: Make, problems: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    config = watched(steps=1, logging__wandb="offline")
    train(config, reward=DigitReward(), problems=problems)
    (written,) = Path(config.output).glob("wandb/offline-run-*/*.wandb")
    content = written.read_bytes()
    assert b"eval/squares/pass@1" in content
    assert b"grad_norm" in content


def test_off_is_no_boolean(make_config: Make) -> None:
    assert make_config(logging__wandb=False).logging.wandb == "off"
    with pytest.raises(UsageError, match=r"logging\.wandb: .*'off', 'offline' or 'online'"):
        make_config(logging__wandb="no")
    with pytest.raises(UsageError, match="Did you mean tensorboard"):
        make_config(logging__tensorbord=True)


def test_the_figure_shows_the_evaluations(watched: Make, problems: list[Problem]) -> None:
    config = watched(logging__figure=True)
    train(config, reward=DigitReward(), problems=problems)
    figure = (Path(config.output) / "curves.svg").read_text()
    assert "<svg" in figure
    steps, evaluations = rows(config, "metrics.jsonl"), rows(config)
    again = draw(steps, evaluations, Path(config.output) / "again.svg", title="run").read_text()
    assert again == figure
    fewer = draw(steps, evaluations[:-1], Path(config.output) / "fewer.svg", title="run").read_text()
    assert fewer != figure
    draw([], [], Path(config.output) / "empty.png")


def test_the_line_of_a_step_says_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("assay_trainers.grpo.progress.time.monotonic", lambda: now[0])
    line = StepLine(100)
    metrics = {"reward": 0.5, "kl": None, "seconds": 2.0, "tokens_per_second": 50.0}
    now[0] = 103.0
    shown = line.describe(1, metrics | {"eval/aime24/pass@1": 0.25, "eval/aime24/pass@1/se": 0.1})
    assert shown == "step 1/100  reward 0.500  held out aime24 0.250 (step 1)  2.0 s, 50 tok/s  5 min left"
    now[0] = 104.0
    assert "held out aime24 0.250 (step 1)  2.0 s, 50 tok/s  3 min left" in line.describe(2, metrics)
    assert "left" not in line.describe(100, metrics)


def test_names_and_samples() -> None:
    assert split_samples("aime24") == ("aime24", None)
    assert split_samples("a/b.jsonl:16") == ("a/b.jsonl", 16)


def test_a_trainer_evaluates_its_own_weights(watched: Make, problems: list[Problem]) -> None:
    trainer = Trainer(watched(), problems, DigitReward(), World(cpu=True, dtype="float32"))
    before = trainer._backend(0).fingerprint
    trainer.run()
    assert trainer._backend(3).fingerprint != before


@pytest.mark.parametrize("length", [0, 1, 5, 1024, 1025, 2**24 + 1, 28_311_552, 10**11])
def test_places_of_a_fingerprint_lie_inside_the_tensor(length: int) -> None:
    places = spread(length)
    assert len(places) == min(length, 1024)
    assert all(0 <= place < length for place in places.tolist())
    assert len(set(places.tolist())) == len(places)
