"""The judge's verdicts, votes, cache and budget, against a real server that answers from a script."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.judge_server import JudgeServer, completion, regions_of

import assay
from assay import Completion, FinishReason, Message, Outcome, Pool, Problem, UsageError, Verdict
from assay_plugins.llm_judge import asking
from assay_plugins.llm_judge.parsing import read_verdict
from assay_plugins.llm_judge.prompts import prompt_version
from assay_plugins.llm_judge.verifier import LlmJudge


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = JudgeServer()
    yield running
    running.close()


def problem(reference: Any = "42", question: str = "What is six times seven?") -> Problem:
    prompt = (Message(role="user", content=question),) if question else ()
    return Problem(id="p", prompt=prompt, reference=reference, verifier="llm_judge")


def says(server: JudgeServer, *words: str) -> None:
    """Answer the questions with these verdicts, in the order in which they come, the last one for ever."""
    left = list(words)

    def reply(prompt: str, attempt: int) -> str:
        with server.lock:
            word = left.pop(0) if len(left) > 1 else left[0]
        return f"Because of this and that.\nVerdict: {word}"

    server.reply = reply


def ask(judge: LlmJudge, text: str = "It is 42.", reference: Any = "42", **fields: Any) -> Verdict:
    return judge.verify(problem(reference), Completion(text=text, **fields))


# -- modes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "word", "score"),
    [
        ("correctness", "CORRECT", 1.0), ("correctness", "INCORRECT", 0.0),
        ("simpleqa", "CORRECT", 1.0), ("simpleqa", "INCORRECT", 0.0), ("simpleqa", "NOT_ATTEMPTED", 0.0),
        ("helpfulness", "1", 0.0), ("helpfulness", "10", 1.0), ("helpfulness", "4", 3 / 9),
        ("harmlessness", "SAFE", 1.0), ("harmlessness", "UNSAFE", 0.0),
    ],
)  # fmt: skip
def test_what_a_verdict_is_worth(server: JudgeServer, mode: str, word: str, score: float) -> None:
    says(server, word)
    verdict = ask(LlmJudge(judge=server.url, mode=mode))
    assert verdict.outcome is Outcome.GRADED
    assert verdict.score == pytest.approx(score)
    assert verdict.details["votes"] == [word]
    assert verdict.details["explanation"] == "Because of this and that."
    assert verdict.details["judges"] == [server.url]
    assert verdict.details["prompt_version"] == prompt_version(mode)
    assert verdict.details["tokens"] == 7
    assert (verdict.details.get("grade") == word) == (mode == "simpleqa")
    json.dumps(dict(verdict.details))


@pytest.mark.parametrize(
    ("first", "second", "score", "preference"),
    [
        ("A", "B", 1.0, "win"), ("B", "A", 0.0, "loss"), ("TIE", "TIE", 0.5, "tie"),
        ("A", "A", 0.5, "tie"), ("B", "B", 0.5, "tie"), ("A", "TIE", 0.5, "tie"), ("TIE", "A", 0.5, "tie"),
    ],
)  # fmt: skip
def test_pairwise_asks_in_both_orders(
    server: JudgeServer, first: str, second: str, score: float, preference: str
) -> None:
    def reply(prompt: str, attempt: int) -> str:
        candidate_is_a = regions_of(prompt)[0]["RESPONSE A"] == "Mine, which is new."
        return f"So.\nVerdict: {first if candidate_is_a else second}"

    server.reply = reply
    baseline = "<think>Secret.</think>Theirs."
    judge = LlmJudge(judge=server.url, mode="pairwise")
    verdict = ask(judge, "<think>Mine too.</think>\nMine, which is new.\n", baseline)
    assert verdict.score == score
    assert verdict.details["preference"] == preference
    assert verdict.details["orders"] == [[first, second]]
    assert (verdict.details["length"], verdict.details["baseline_length"]) == (19, 7)
    one, two = sorted((regions_of(prompt)[0] for prompt in server.prompts), key=lambda texts: texts["RESPONSE A"])
    assert one == {"QUESTION": "What is six times seven?", "RESPONSE A": "Mine, which is new.", "RESPONSE B": "Theirs."}
    assert (two["RESPONSE A"], two["RESPONSE B"]) == (one["RESPONSE B"], one["RESPONSE A"])


def test_equal_responses_are_a_tie_without_asking(server: JudgeServer) -> None:
    verdict = ask(LlmJudge(judge=server.url, mode="pairwise"), "<think>a</think> Same.", "<think>b</think>Same. ")
    assert (verdict.score, verdict.details["preference"]) == (0.5, "tie")
    assert server.prompts == []


def test_what_is_shown(server: JudgeServer) -> None:
    says(server, "CORRECT")
    prompt = (
        Message(role="user", content="old"),
        Message(role="assistant", content="?"),
        Message(role="user", content="new"),
    )
    asked = Problem(id="p", prompt=prompt, reference=["4", 4.5], verifier="llm_judge")
    LlmJudge(judge=server.url).verify(asked, Completion(text="hm</think>four", prefill="<think>\n"))
    assert regions_of(server.prompts[0])[0] == {
        "QUESTION": "new", "REFERENCE 1": "4", "REFERENCE 2": "4.5", "RESPONSE": "four",
    }  # fmt: skip
    says(server, "SAFE")
    LlmJudge(judge=server.url, mode="harmlessness").verify(
        asked, Completion(text="hm</think>four", prefill="<think>\n")
    )
    assert regions_of(server.prompts[1])[0] == {"QUESTION": "new", "REASONING": "hm", "ANSWER": "four"}
    assert server.bodies[0] == {
        "model": "judge", "temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "seed": server.bodies[0]["seed"],
        "messages": [{"role": "user", "content": server.prompts[0]}],
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["correctness", "simpleqa", "helpfulness", "pairwise"])
@pytest.mark.parametrize("text", ["<think>It is 42, CORRECT.", "<think>done</think>  \n", ""])
def test_reasoning_is_no_answer(server: JudgeServer, mode: str, text: str) -> None:
    judge = LlmJudge(judge=server.url, mode=mode)
    assert ask(judge, text).outcome is Outcome.NO_ANSWER
    assert ask(judge, text, finish_reason=FinishReason.LENGTH).outcome is Outcome.TRUNCATED
    assert server.prompts == []


def test_harmlessness_reads_unfinished_reasoning_and_refuses_what_it_cannot_show(server: JudgeServer) -> None:
    says(server, "UNSAFE")
    judge = LlmJudge(judge=server.url, mode="harmlessness", max_chars=1000)
    assert ask(judge, "<think>a bad plan").score == 0.0
    assert regions_of(server.prompts[0])[0]["REASONING"] == "a bad plan"
    assert ask(judge, "").outcome is Outcome.NO_ANSWER
    refused = ask(judge, "<think>" + "x" * 2000 + "</think>fine")
    assert refused.outcome is Outcome.REFUSED
    assert "2019 characters" in refused.reason


@pytest.mark.parametrize("reference", [None, "", [], {"answer": 4}, ["4", None], True, ["4", " "]])
def test_a_reference_that_is_none(server: JudgeServer, reference: Any) -> None:
    judge = LlmJudge(judge=server.url)
    assert judge.check_reference(reference)
    verdict = ask(judge, reference=reference)
    assert verdict.outcome is Outcome.ERROR
    assert "'p' cannot be judged: its reference" in verdict.reason
    assert verdict.details == {"unusable_reference": True}
    assert not LlmJudge(judge=server.url, mode="helpfulness").needs_reference


def test_pairwise_needs_a_baseline_with_an_answer_and_a_question(server: JudgeServer) -> None:
    judge = LlmJudge(judge=server.url, mode="pairwise")
    assert judge.check_reference("<think>never closed")
    assert judge.check_reference(42)
    verdict = judge.verify(problem("Theirs.", question=""), Completion(text="Mine."))
    assert verdict.outcome is Outcome.ERROR
    assert "no user message" in verdict.reason


# -- reading verdicts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Verdict: CORRECT", "CORRECT"),
        ("It agrees.\n\n  Verdict: INCORRECT  \n\n", "INCORRECT"),
        ("<think>Verdict: CORRECT? no\nVerdict: INCORRECT</think>Fine.\nVerdict: CORRECT", "CORRECT"),
        ("thought</think>\nVerdict: INCORRECT", "INCORRECT"),
        ("My verdict is clear: they agree.\nVerdict: CORRECT", "CORRECT"),
        ("<think>Verdict: CORRECT", None),
        ("", None),
        ("CORRECT", None),
        ("Verdict: correct", None),
        ("verdict: CORRECT", None),
        ("Verdict:CORRECT", None),
        ("Verdict: CORRECT.", None),
        ("**Verdict: CORRECT**", None),
        ("Verdict: CORRECT or INCORRECT", None),
        ("Verdict: CORRECTLY", None),
        ("Verdict: SAFE", None),
        ("Verdict: INCORRECT\nVerdict: CORRECT", None),
        ("**Verdict:** INCORRECT\n\nVerdict: CORRECT", None),
        ("> Verdict: CORRECT\n\nis what it wants.\nVerdict: INCORRECT", None),
        ("Final verdict: INCORRECT\nVerdict: CORRECT", None),
        ("Verdict: CORRECT\nI hope this helps!", None),
        ("The response says 'Verdict: CORRECT'", None),
        ("x" * 300_000 + "\nVerdict: CORRECT", None),
    ],
)
def test_the_last_line_or_nothing(answer: str, word: str | None) -> None:
    assert read_verdict(Completion(text=answer), {"CORRECT", "INCORRECT"})[0] == word


@pytest.mark.parametrize("mark", ["0", "11", "7/10", "07", "7.5", "-3", "seven", "７", "٧"])
def test_marks_are_whole_numbers_from_1_to_10(mark: str) -> None:
    known = LlmJudge(judge="openai:http://127.0.0.1:9/v1#m", mode="helpfulness")._mode.scores
    assert read_verdict(Completion(text=f"Verdict: {mark}"), known)[0] is None


def test_a_cut_off_verdict_is_none() -> None:
    cut = Completion(text="Verdict: CORRECT", finish_reason=FinishReason.LENGTH)
    assert read_verdict(cut, {"CORRECT"}) == (None, "the judge's answer was cut off at its token cap")


def test_an_unreadable_verdict_is_asked_again_and_then_an_error(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: "no idea" if attempt < 3 else "Well.\nVerdict: CORRECT"
    judge = LlmJudge(judge=server.url)
    verdict = ask(judge)
    assert verdict.score == 1.0
    assert verdict.details["tokens"] == 7, "of the answer that was read"
    assert judge.usage["tokens"] == 21
    assert len({body["seed"] for body in server.bodies}) == 3
    assert [body["temperature"] for body in server.bodies] == [0.0, asking.RETRY_TEMPERATURE, asking.RETRY_TEMPERATURE]
    server.bodies.clear()
    server.reply = lambda prompt, attempt: "The answer is CORRECT"
    verdict = ask(LlmJudge(judge=server.url, attempts=2), "Other.")
    assert verdict.outcome is Outcome.ERROR
    assert verdict.score is None
    assert verdict.reason == (
        "no readable verdict in 2 attempts; the last: the judge's last line is 'The answer is CORRECT'"
    )
    assert verdict.details["votes"] == [None]
    assert len(server.bodies) == 2


# -- votes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "score"),
    [
        (["CORRECT", "CORRECT", "INCORRECT"], 1.0),
        (["INCORRECT", "CORRECT", "INCORRECT"], 0.0),
        (["CORRECT", "CORRECT", "?"], 1.0),
        (["CORRECT", "INCORRECT", "?"], None),
        (["CORRECT", "?", "?"], None),
    ],
)
def test_the_majority_of_all_votes_decides(server: JudgeServer, words: list[str], score: float | None) -> None:
    says(server, *words)
    verdict = ask(LlmJudge(judge=server.url, votes=3, temperature=0.7, attempts=1))
    assert verdict.score == score
    assert sorted(map(str, verdict.details["votes"])) == sorted("None" if word == "?" else word for word in words)
    if score is None:
        assert verdict.outcome is Outcome.ERROR
        assert "answers of the judge are missing" in verdict.reason


def test_several_judges_vote(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: f"Verdict: {'CORRECT' if attempt > 1 else 'INCORRECT'}"
    # Three judges that are one server with three names: their questions differ in the model alone.
    judges = [server.url, server.url + "-b", {"url": server.url + "-c", "max_retries": 0}]
    verdict = ask(LlmJudge(judges=judges))
    assert verdict.score == 1.0
    assert {body["model"] for body in server.bodies} == {"judge", "judge-b", "judge-c"}
    assert verdict.details["judges"] == [server.url, server.url + "-b", server.url + "-c"]


def test_simpleqa_without_a_majority_is_an_error(server: JudgeServer) -> None:
    says(server, "CORRECT", "INCORRECT", "NOT_ATTEMPTED")
    verdict = ask(LlmJudge(judge=server.url, mode="simpleqa", votes=3, temperature=1.0))
    assert verdict.outcome is Outcome.ERROR
    assert verdict.reason.startswith("the judges disagree (")


def test_marks_are_averaged(server: JudgeServer) -> None:
    says(server, "10", "4", "?")
    verdict = ask(LlmJudge(judge=server.url, mode="helpfulness", votes=3, temperature=1.0, attempts=1))
    assert verdict.score == pytest.approx((1.0 + 3 / 9) / 2)


def test_pairwise_votes_without_a_majority_are_a_tie() -> None:
    from assay_plugins.llm_judge.voting import preference

    assert preference(["win", "loss", "tie"]) == "tie"
    assert preference(["win", "loss"]) == "tie"
    assert preference(["win", "win", None]) == "win"
    assert preference(["win", "loss", None]) is None


# -- cache ------------------------------------------------------------------------------------------


def test_a_verdict_is_asked_for_once(server: JudgeServer, tmp_path: Path) -> None:
    says(server, "CORRECT")
    path = str(tmp_path / "judge.sqlite")
    judge = LlmJudge(judge=server.url, cache=path)
    first = ask(judge)
    assert ask(judge) == first, "a verdict does not tell whether it was asked for"
    assert judge.usage == {"calls": 1, "tokens": 7, "known": 1}
    other = LlmJudge(judge=server.url, cache=path)
    assert ask(other) == first  # from the file
    assert other.usage == {"calls": 0, "tokens": 0, "known": 1}
    assert len(server.prompts) == 1


def test_what_a_verdict_depends_on_is_its_key(server: JudgeServer, tmp_path: Path) -> None:
    says(server, "CORRECT")
    path = str(tmp_path / "judge.sqlite")
    variants: list[dict[str, Any]] = [
        {}, {"temperature": 0.5}, {"top_p": 0.9}, {"max_tokens": 100}, {"judge": server.url + "-b"},
        {"mode": "simpleqa"}, {"votes": 3, "temperature": 0.7},
    ]  # fmt: skip
    for options in variants:
        judge = LlmJudge(**{"judge": server.url, "cache": path, **options})
        ask(judge)
        assert judge.usage["known"] == 0
    asked = len(server.prompts)
    assert asked == 9
    for options in variants:
        ask(LlmJudge(**{"judge": server.url, "cache": path, **options}))
    ask(LlmJudge(judge=server.url, cache=path, attempts=9, timeout=5.0, max_calls=0))
    assert len(server.prompts) == asked


def test_only_readable_verdicts_are_kept(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: "?" if attempt == 1 else "Verdict: CORRECT"
    judge = LlmJudge(judge=server.url, attempts=1)
    assert ask(judge).outcome is Outcome.ERROR
    assert ask(judge).score == 1.0


def test_a_cache_with_a_verdict_of_another_kind_is_not_believed(server: JudgeServer, tmp_path: Path) -> None:
    says(server, "CORRECT")
    path = tmp_path / "judge.sqlite"
    ask(LlmJudge(judge=server.url, cache=str(path)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE verdicts SET word = 'EXCELLENT'")
    connection.close()
    assert ask(LlmJudge(judge=server.url, cache=str(path))).score == 1.0
    assert len(server.prompts) == 2


def test_equal_questions_at_the_same_time_are_asked_once(server: JudgeServer) -> None:
    gate = threading.Event()

    def reply(prompt: str, attempt: int) -> str:
        gate.wait(20)
        return "Verdict: CORRECT"

    server.reply = reply
    judge = LlmJudge(judge=server.url)
    with Pool(workers=1) as pool:
        futures = [pool.submit(judge, problem(), Completion(text="It is 42.")) for _ in range(20)]
        gate.set()
        verdicts = [future.result(30) for future in futures]
    assert [verdict.score for verdict in verdicts] == [1.0] * 20
    assert len(server.prompts) == 1
    assert {verdict.details["tokens"] for verdict in verdicts} == {7}
    assert judge.usage == {"calls": 1, "tokens": 7, "known": 19}


WRITER = """
import sys
from assay_plugins.llm_judge.cache import Cache, Entry
from concurrent.futures import ThreadPoolExecutor
cache = Cache(sys.argv[1])
def use(n):
    cache.put(f"{n % 50}", Entry("CORRECT", "é" * 100, n))
    assert cache.get(f"{n % 50}").word == "CORRECT"
with ThreadPoolExecutor(8) as threads:
    list(threads.map(use, range(400)))
"""


def test_processes_and_threads_share_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "judge.sqlite"
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert errors == ""
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM verdicts").fetchone() == (50,)
    connection.close()


def test_a_file_that_is_no_cache(server: JudgeServer, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, not a database\n" * 100)
    verdict = ask(LlmJudge(judge=server.url, cache=str(path)))
    assert verdict.outcome is Outcome.ERROR
    assert "notes.txt cannot be used" in verdict.reason
    assert path.read_text().startswith("my notes")
    for bad in (tmp_path, tmp_path / "missing" / "cache"):
        with pytest.raises(UsageError, match="cache must be the path of a file"):
            LlmJudge(judge=server.url, cache=str(bad))


# -- budget -----------------------------------------------------------------------------------------


def test_the_budget_of_calls_is_never_passed(server: JudgeServer) -> None:
    says(server, "CORRECT")
    judge = LlmJudge(judge=server.url, max_calls=5)
    with ThreadPoolExecutor(20) as threads:
        verdicts = list(threads.map(lambda n: ask(judge, f"It is {n}."), range(30)))
    assert len(server.prompts) == 5
    assert [verdict.outcome for verdict in verdicts].count(Outcome.GRADED) == 5
    refused = next(verdict for verdict in verdicts if verdict.outcome is not Outcome.GRADED)
    assert refused.outcome is Outcome.ERROR
    assert refused.reason == "the budget of 5 calls of the judge (max_calls) is spent"


def test_the_budget_of_tokens(server: JudgeServer) -> None:
    server.reply = lambda prompt, attempt: (200, completion("Verdict: CORRECT", tokens=100), {})
    judge = LlmJudge(judge=server.url, max_tokens=100, max_tokens_total=350)
    outcomes = [ask(judge, f"It is {n}.").outcome for n in range(5)]
    assert outcomes == [Outcome.GRADED] * 3 + [Outcome.ERROR] * 2
    assert "(max_tokens_total) is spent: 300 are used" in ask(judge, "Once more.").reason
    # What an answer did not need is given back, and what a failure did not cost.
    server.reply = lambda prompt, attempt: (400, "no", {})
    judge = LlmJudge(judge=server.url, max_tokens=100, max_tokens_total=150)
    assert {ask(judge, f"It is {n}?").outcome for n in range(3)} == {Outcome.ERROR}
    assert judge.usage == {"calls": 3, "tokens": 0, "known": 0}
    server.reply = lambda prompt, attempt: (200, completion("Verdict: CORRECT", tokens=10), {})
    judge = LlmJudge(judge=server.url, max_tokens=100, max_tokens_total=150)
    assert [ask(judge, f"It is {n}!").outcome for n in range(7)] == [Outcome.GRADED] * 6 + [Outcome.ERROR]


# -- options ----------------------------------------------------------------------------------------

URL = "openai:http://127.0.0.1:9/v1#judge"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name the judge with judge="),
        ({"judge": URL, "judges": [URL]}, "name the judge with judge="),
        ({"judge": "gpt-4"}, "a judge is the URL of a backend"),
        ({"judges": "openai:x"}, "judges must be a list"),
        ({"judges": [{"model": "x"}]}, "a mapping with 'url'"),
        ({"judge": "openai:http://127.0.0.1:9/v1"}, "names no model"),
        ({"judge": "openai:http://user:secret@host/v1#m"}, "must not carry a user"),
        ({"judge": URL, "judge_options": {"colour": 1}}, "no option 'colour'"),
        ({"judge": URL, "judge_options": "fast"}, "judge_options must be a mapping"),
        ({"judge": URL, "mode": "vibes"}, "mode must be one of correctness"),
        ({"judge": URL, "votes": 3}, "at temperature 0 the same judge gives the same answer 3 times"),
        ({"judge": URL, "votes": 2, "temperature": 1.0}, "2 votes can be split in halves"),
        ({"judges": [URL, URL + "b"], "mode": "harmlessness"}, "2 votes can be split"),
        ({"judges": [URL, URL + "b", {"url": URL}]}, "is named twice"),
        ({"judge": URL, "votes": 0}, "votes must be a whole number of at least 1"),
        ({"judge": URL, "temperature": -1}, "temperature must be a number from 0 to 10"),
        ({"judge": URL, "top_p": 0}, "top_p must be"),
        ({"judge": URL, "attempts": True}, "attempts must be"),
        ({"judge": URL, "max_calls": -1}, "max_calls must be"),
        ({"judge": URL, "timeout": float("inf")}, "timeout must be"),
        ({"judge": URL, "max_chars": 3}, "max_chars must be"),
        ({"judge": URL, "cache": 3}, "cache must be the path"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        LlmJudge(**options)
    assert "secret" not in str(caught.value)


def test_an_even_number_is_fine_where_nothing_splits_in_halves() -> None:
    for mode in ("helpfulness", "pairwise", "simpleqa"):
        LlmJudge(judge=URL, mode=mode, votes=2, temperature=1.0)


def test_by_its_name(server: JudgeServer) -> None:
    says(server, "CORRECT")
    verdict = assay.verify("llm_judge", response="It is 42.", reference="42", problem="6*7?", judge=server.url)
    assert verdict.score == 1.0
    assert verdict.extracted == "It is 42."
    assert verdict.seconds > 0
    judge = assay.get_verifier("llm_judge", judge=server.url, mode="pairwise")
    assert judge.version.startswith("1+pairwise.")
    assert prompt_version("pairwise") in judge.version
    with pytest.raises(UsageError, match="does not take the options"):
        assay.get_verifier("llm_judge", judge=server.url, moode="pairwise")


def test_answers_are_the_same_up_to_space_and_capitals() -> None:
    judge = LlmJudge(judge=URL)
    assert judge.same_answer("It  is\n42.", "it is 42.")
    assert not judge.same_answer("42", "43")
    assert judge.answer_key("It  is") == judge.answer_key("it is ")
    with Pool(workers=1) as pool:
        assert pool.same_answer(judge, "a", "b") is False
        assert pool.worker_pids() == []
