"""The audit finds what is wrong with verifiers that have one hole each, and nothing with sound ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import UsageError, audit_verifier, get_verifier, plugins
from assay.audit import AuditCase, read_cases
from assay.cli import main
from assay.errors import DataError

LEAKY = Path(__file__).with_name("leaky.py")
CASE = AuditCase(
    reference="42",
    right=r"so \boxed{42}",
    wrong=(r"so \boxed{41}", r"so \boxed{43}", r"so \boxed{420}"),
    template=r"so \boxed{{}}",
    answer="42",
    wrong_answers=("41", "43", "420"),
)
MARKED = AuditCase(
    reference="42",
    right="so\nAnswer: 42",
    wrong=("so\nAnswer: 41", "so\nAnswer: 43"),
    template="so\nAnswer: {}",
    answer="42",
    wrong_answers=("41", "43"),
)


@pytest.fixture(scope="module", autouse=True)
def leaky() -> None:
    """A registry with the installed plugins and the leaky ones."""
    fresh = plugins.Registry()
    fresh.load_entry_points()
    fresh.load_file(str(LEAKY))
    before, plugins._registry = plugins._registry, fresh
    yield
    plugins._registry = before


def holes(name: str, **options) -> set[str]:
    return {hole.check for hole in audit_verifier(get_verifier(name), cases=[CASE], **options).holes}


def test_a_sound_verifier_has_no_holes() -> None:
    card = audit_verifier(get_verifier("sound"), cases=[CASE])
    assert card.holes == []
    assert "no hole in" in card.text()
    assert set(card.checks) == {
        "right answers score 1", "wrong answers do not", "noise changes nothing", "reasoning is never graded",
        "random answers do not score 1", "hedging does not pay", "nothing is not an answer",
        "hostile answers end in time",
        "no code is run", "a megabyte is read in time", "verdicts keep the contract", "same_answer is an equivalence",
        "threads agree", "workers agree", "no process is left behind",
    }  # fmt: skip
    assert all(check.probes > 0 for check in card.checks.values())


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("generous", "wrong answers do not"),
        ("generous", "random answers do not score 1"),
        ("thoughtful", "reasoning is never graded"),
        ("substring", "hedging does not pay"),
        ("executing", "no code is run"),
        ("crashing", "nothing is not an answer"),
        ("moody", "verdicts keep the contract"),
        ("silent", "verdicts keep the contract"),
        ("one_way", "same_answer is an equivalence"),
        ("keyed", "same_answer is an equivalence"),
        ("parting", "no process is left behind"),
    ],
)
def test_each_hole_is_found(name: str, check: str) -> None:
    assert check in holes(name)


def test_a_fast_path_that_does_not_return_is_found() -> None:
    card = audit_verifier(get_verifier("slow"), cases=[CASE], deadline=0.2)
    (hole,) = [hole for hole in card.holes if hole.check == "hostile answers end in time"]
    assert "verify_fast does not return" in hole.found
    assert "9**9**9**9" in hole.response


def test_workers_that_disagree_are_found(monkeypatch) -> None:
    """Asked in a worker it says 0 to everything, so that not even its right answer is right."""
    assert "right answers score 1" in holes("main_thread_only")


def test_a_verifier_may_bring_its_own_cases() -> None:
    card = audit_verifier(get_verifier("own"))
    assert card.cases == 1
    assert card.holes == []
    cases = [AuditCase(reference={"width": 2}, right="###", wrong=("##",))]
    assert {hole.check for hole in audit_verifier(get_verifier("own"), cases=cases).holes} >= {
        "right answers score 1", "wrong answers do not",
    }  # fmt: skip


BUNDLED = [
    ("boxed_math", {}, None),
    ("boxed_math", {"extraction": "strict"}, [CASE]),
    ("boxed_math", {"extraction": "marker"}, [CASE, MARKED]),
    ("boxed_math", {"extraction": "lenient"}, [CASE, MARKED]),
    ("boxed_math", {"boxes": "joined"}, [CASE]),
    ("multiple_choice", {}, None),
    ("reasoning_gym", {}, None),
    ("format_tags", {}, None),
    ("format_tags", {"answer_tags": True, "graded": True}, None),
]


@pytest.mark.parametrize(("name", "options", "cases"), BUNDLED)
def test_our_own_verifiers_are_sound(name: str, options: dict, cases: list[AuditCase] | None) -> None:
    card = audit_verifier(get_verifier(name, **options), cases=cases)
    assert not card.holes, card.text()


def test_a_verifier_that_cannot_be_asked_is_a_usage_error(monkeypatch) -> None:
    monkeypatch.delattr(type(get_verifier("own")), "audit_cases")
    with pytest.raises(UsageError, match="audit does not know how right answers for the verifier 'own' are written"):
        audit_verifier(get_verifier("own"))


# -- files and the command line --------------------------------------------------------------------


def test_cases_from_a_file(tmp_path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('\n{"reference": {"width": 3}, "right": "###", "wrong": ["#"]}\n')
    assert read_cases(path) == [AuditCase(reference={"width": 3}, right="###", wrong=("#",))]
    for broken in ("", '{"right": "###"}', "{", '{"reference": 1, "right": "x", "wrong": "y"}'):
        path.write_text(broken)
        with pytest.raises(DataError, match=r"cases\.jsonl"):
            read_cases(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_cases(tmp_path / "nowhere.jsonl")


def audited(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["audit", *arguments])
    return left.value.code or 0, capsys.readouterr().out


def test_the_command_exits_1_on_a_hole_and_prints_it(capsys, tmp_path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(json.dumps({"reference": "5", "right": r"\boxed{5}", "wrong": [r"\boxed{6}"]}))
    code, out = audited(capsys, "generous", "--cases", str(cases))
    assert code == 1
    assert "HOLE wrong answers do not: expected not score 1" in out
    assert r"\\boxed{6}" in out
    code, out = audited(capsys, "sound", "--cases", str(cases))
    assert code == 0
    assert "no hole in" in out


def test_the_command_speaks_json(capsys, tmp_path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(json.dumps({"reference": "5", "right": r"\boxed{5}", "wrong": [r"\boxed{6}"]}))
    code, out = audited(capsys, "boxed_math", "-o", "extraction=strict", "--cases", str(cases), "--json")
    card = json.loads(out)
    assert code == 0
    assert card["sound"] is True
    assert card["verifier"] == "boxed_math"
    assert sum(check["probes"] for check in card["checks"]) > 50
