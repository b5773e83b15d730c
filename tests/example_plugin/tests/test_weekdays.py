import json

import pytest
from assay_weekdays import log

import assay


def test_nothing_fools_the_verifier():
    """A conformance kit: attacks, huge and broken responses, properties that every verifier must have."""
    assert assay.audit_verifier(assay.get_verifier("weekday")).holes == []


def test_every_gold_answer_scores_1():
    """A conformance kit: ids are unique, references are usable, and the verifier agrees with every gold answer."""
    assert assay.validate_benchmark(assay.get_benchmark("weekdays")) == []


def test_the_backend_keeps_the_contract():
    """A conformance kit: answered once, seeded, capped, stopped, closed."""
    assert assay.check_backend(assay.open_backend("almanac:0.5")) == []


@pytest.mark.parametrize(
    ("response", "outcome", "score"),
    [
        ("A leap year.\nAnswer: Thursday", "graded", 1.0),
        ("Answer: **Thu**", "graded", 1.0),
        ("Answer: Friday", "graded", 0.0),
        ("<think>Answer: Thursday</think>\nAnswer: Friday", "graded", 0.0),
        ("<think>\nAnswer: Thursday", "no_answer", None),
        ("Answer: Thursday\nAnswer: Friday", "no_answer", None),
        ("Answer: " + "Thursday" * 1000, "refused", None),
        ("", "no_answer", None),
    ],
)
def test_verdicts(response, outcome, score):
    verdict = assay.verify("weekday", response=response, reference="2024-02-29")
    assert (verdict.outcome, verdict.score) == (outcome, score)


def test_options():
    full = assay.verify("weekday", response="Answer: Thu", reference="2024-02-29", abbreviations=False)
    assert full.score == 0.0
    with pytest.raises(assay.UsageError, match="from 0 to 1"):
        assay.open_backend("almanac:often")


@pytest.mark.parametrize("reference", ["2023-02-29", "", 5, None])
def test_an_unusable_reference_is_said(reference):
    assert "no date" in assay.get_verifier("weekday").check_reference(reference)


def test_a_run_and_its_events(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_WEEKDAYS_LOG", str(tmp_path / "events.jsonl"))
    (result,) = assay.evaluate("almanac:0.3", "weekdays:8", out=tmp_path / "runs")
    metrics = {name: metric["value"] for name, metric in result.summary["metrics"].items()}
    assert 0.6 < metrics["pass@1"] < 0.8, "three slips in ten"
    assert metrics["cons@n"] > metrics["pass@1"], "the vote of eight is better than one"
    assert 0.5 < result.summary["aggregates"]["before 2000"] < 0.9
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert events[0] == {"event": "run_started", "total": 480, "done": 0}
    assert events[-1] == {"event": "run_finished", "metrics": metrics}
    assert [event["event"] for event in events[1:-1]] == ["sample_recorded"] * 480


def test_a_step_of_a_training(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_WEEKDAYS_LOG", str(tmp_path / "events.jsonl"))
    log.training_step(3, {"loss": 0.5})
    assert json.loads((tmp_path / "events.jsonl").read_text()) == {
        "event": "training_step", "step": 3, "metrics": {"loss": 0.5}
    }  # fmt: skip
