import assay
import pytest


@pytest.mark.parametrize(
    ("response", "outcome", "score"),
    [
        ("It is on the Seine.\nAnswer: Paris", "graded", 1.0),
        ("Answer: Rome", "graded", 0.0),
        ("<think>Answer: Paris</think>\nAnswer: Rome", "graded", 0.0),
        ("<think>\nAnswer: Paris", "no_answer", None),
        ("Answer: Paris\nAnswer: Rome", "no_answer", None),
        ("Answer: " + "Paris" * 1000, "refused", None),
        ("", "no_answer", None),
    ],
)
def test_verdicts(response, outcome, score):
    verdict = assay.verify("my_plugin", response=response, reference="paris")
    assert (verdict.outcome, verdict.score) == (outcome, score)


def test_options():
    strict = assay.verify("my_plugin", response="Answer: Paris", reference="paris", ignore_case=False)
    assert strict.score == 0.0


def test_votes():
    assert assay.same_answer("my_plugin", "Paris", "PARIS")
    assert not assay.same_answer("my_plugin", "Paris", "Rome")


def test_nothing_fools_it():
    """The conformance kit: attacks, huge and broken responses, properties that every verifier must have."""
    card = assay.audit_verifier(assay.get_verifier("my_plugin"))
    assert card.holes == []
