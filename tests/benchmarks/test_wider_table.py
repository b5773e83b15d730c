"""The wider table of the R1 reports: prompts to the letter, rows of their real schemas, gold answers that score 1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.judge_server import JudgeServer

import assay
from assay.validate import validate_benchmark

DATE = {"day": "", "month": "", "year": ""}
MMLU_ROW = {"question": "2+2?", "subject": "algebra", "choices": ["1", "4", "3", "2"], "answer": 1}
TARGET = {"span1_text": "小李", "span1_index": 0, "span2_text": "他", "span2_index": 0}
DROP_ROW = {
    "passage": "They won 3 games.", "question": "How many?", "answer": {"number": "3", "date": DATE, "spans": []},
    "validated_answers": {"number": ["", "3"], "date": [DATE, DATE], "spans": [["three games"], []]},
}  # fmt: skip
FILES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "mmlu": {"mmlu.jsonl": [MMLU_ROW, {**MMLU_ROW, "subject": "art", "answer": 3}]},
    "mmlu_redux": {"mmlu_redux.jsonl": [
        {**MMLU_ROW, "error_type": "ok"}, {**MMLU_ROW, "error_type": "wrong_groundtruth"},
    ]},
    "mmlu_pro": {"mmlu_pro.jsonl": [{
        "question_id": 7, "question": "Which?", "options": ["w", "x", "y", "z", "v"], "answer": "E", "answer_index": 4,
        "cot_content": "", "category": "law", "src": "",
    }]},
    "ceval": {"ceval_val.jsonl": [
        {"id": 0, "subject": "logic", "question": "问题____", "A": "甲", "B": "乙", "C": "丙", "D": "丁", "answer": "C",
         "explanation": ""},
    ]},
    "cluewsc": {"cluewsc2020_validation.jsonl": [
        {"text": "他来了，她走了。", "label": "true",
         "target": {"span1_text": "小王", "span1_index": 0, "span2_text": "他", "span2_index": 0}},
        {"text": "他来了。", "label": 1,
         "target": TARGET},
    ]},
    "drop": {"drop_v0_dev.jsonl": [DROP_ROW], "drop_v0_train.jsonl": [
        {"context": f"Passage: {n}\nQuestion: q\nAnswer:", "completion": f" a{n}", "ref_text": f"a{n}|b"}
        for n in range(5)
    ]},
    "simpleqa": {"simpleqa.jsonl": [{"metadata": "{}", "problem": "Capital of Australia?", "answer": "Canberra"}]},
    "chinese_simpleqa": {"chinese_simpleqa.jsonl": [{"id": "c1", "question": "首都？", "answer": "堪培拉"}]},
    "frames": {"frames.jsonl": [{"Unnamed: 0": 0, "Prompt": "Which year?", "Answer": 1999, "wiki_links": "[]"}]},
    "alpaca_eval": {"alpaca_eval.jsonl": [
        {"dataset": "koala", "instruction": "Say hi.", "output": "Hello there.", "generator": "gpt4_1106_preview"},
    ]},
    "arena_hard": {"arena_hard.jsonl": [
        {"uid": "u1", "category": "arena-hard-v0.1", "cluster": "c", "prompt": "Write.", "baseline": "I write."},
        {"question_id": "q2", "cluster": "c", "turns": [{"content": "Sing."}], "baseline": "La."},
    ]},
    "ifeval": {"ifeval.jsonl": [
        {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"],
         "kwargs": [{"num_words": None}]},
    ]},
}  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for files in FILES.values():
        for name, content in files.items():
            (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    monkeypatch.delenv("ASSAY_JUDGE", raising=False)
    return tmp_path


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    server = JudgeServer()
    monkeypatch.setenv("ASSAY_JUDGE", server.url)
    yield server
    server.close()


@pytest.mark.parametrize("name", sorted(FILES))
def test_gold_answers_score_1_and_ids_are_unique(name: str, rows: Path) -> None:
    if name == "ifeval":
        pytest.importorskip("lm_eval")
    benchmark = assay.get_benchmark(name)
    assert validate_benchmark(benchmark) == []
    assert len({problem.id for problem in benchmark.problems()}) == len(benchmark.problems())
    assert benchmark.protocol.instruction == ""
    assert all(len(problem.prompt) == 1 and problem.prompt[0].role == "user" for problem in benchmark.problems())


def prompt(name: str, number: int = 0) -> str:
    return assay.get_benchmark(name).problems()[number].prompt[0].content


def test_prompts_are_the_papers_to_the_letter(rows: Path) -> None:
    assert prompt("mmlu") == (
        "Answer the following multiple choice question. The last line of your response should be of the following "
        "format: 'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering."
        "\n\n2+2?\n\nA) 1\nB) 4\nC) 3\nD) 2"
    )
    assert prompt("mmlu_redux") == (
        "\n## Question: \n\n2+2?\n\n## Choices:\n\n- (A) 1\n- (B) 4\n- (C) 3\n- (D) 2\n\n\n## Instruction \n\nPlease "
        "answer this question by first reasoning and then selecting the correct choice. \nPresent your reasoning and "
        "solution in the following json format. \nPlease show your choice in the `answer` field with only the choice "
        'letter, e.g.,`"answer": "C"`.\n\n```json\n{\n    "reasoning": "___",\n    "answer": "___"\n}\n```\n'
    )
    assert prompt("mmlu_pro") == (
        "The following are multiple choice questions (with answers) about law. Think step by step and then output the "
        'answer in the format of "The answer is (X)" at the end.\n\nQuestion: Which?\nOptions: A. w\nB. x\nC. y\nD. z'
        "\nE. v\nAnswer: Let's think step by step.\n\n"
    )
    assert prompt("ceval").startswith("以下是中国关于逻辑学考试的单项选择题，请选出其中的正确答案。")
    assert "此处，“他”是否指代“小王”？\nA. 是\nB. 否\n" in prompt("cluewsc")
    shown = prompt("drop")
    assert shown.startswith("You will be asked to read a passage and answer a question. Some examples")
    assert shown.count("\n---\n") == 4
    assert shown.endswith(
        "\n# Your Task\n\n---\nPassage: They won 3 games.\nQuestion: How many?\nAnswer: \n\nThink step by step, then "
        'write a line of the form "Answer: $ANSWER" at the end of your response.'
    )
    assert prompt("frames") == "Which year?"
    assert prompt("arena_hard", 1) == "Sing."


def graded(name: str, response: str, number: int = 0) -> assay.Verdict:
    problem = assay.get_benchmark(name).problems()[number]
    return assay.get_verifier(problem.verifier).verify_fast(problem, assay.Completion(text=response))


def test_zero_evals_json_is_read(rows: Path) -> None:
    right = '<think>It is A.</think>```json\n{\n    "reasoning": "so, B",\n    "answer": "B"\n}\n```'
    assert graded("mmlu_redux", right).score == 1.0
    assert graded("mmlu_redux", right.replace('"B"', '"C"')).score == 0.0
    assert graded("mmlu_redux", right.replace('"B"', '"(B) 4"')).score == 1.0
    assert graded("mmlu_redux", right.replace('"B"', '"___"')).score is None
    assert graded("mmlu_pro", "I think so. The answer is (E).").score == 1.0
    assert graded("ceval", "先想一想。\n答案：C").score == 1.0
    assert len(assay.get_benchmark("mmlu_redux").problems()) == 1, "rows with wrong labels are left out"


def test_drops_f1_is_the_authors(rows: Path) -> None:
    theirs = pytest.importorskip("lm_eval.tasks.drop.utils")
    from assay_benchmarks._drop_f1 import score

    texts = [
        "3",
        "three games",
        "the 3 games",
        "3.0 games",
        "Tom Brady",
        "tom-brady",
        "a",
        "12 March 1998",
        "",
        "1,200",
    ]
    for said in texts:
        for accepted in texts:
            if accepted:
                exact, f1 = theirs.get_metrics(said, accepted)
                assert score(said, accepted)[1] == exact
                assert round(score(said, accepted)[0], 2) == pytest.approx(f1, abs=0.0051)
    assert graded("drop", "It is so.\n**Answer:** 3 games").score == pytest.approx(0.6667)
    assert graded("drop", "Answer: 4 games").score == pytest.approx(0.5), "'three games' is accepted too"
    assert graded("drop", "<think>Answer: 3").outcome == "no_answer"


def test_examples_of_drop_are_different_and_the_same_every_time(rows: Path) -> None:
    first, again = prompt("drop"), prompt("drop")
    assert first == again
    examples = first.split("\n---\n")[1:4]
    assert len(set(examples)) == 3


def replay(rows: Path, name: str, responses: list[str]) -> dict[str, Any]:
    problems = assay.get_benchmark(name).problems()
    lines = [{"problem_id": problems[n % len(problems)].id, "response": text} for n, text in enumerate(responses)]
    (rows / "replay.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    samples = len(responses) // len(problems)
    [result] = assay.evaluate(f"replay:{rows / 'replay.jsonl'}", f"{name}:{samples}", out=rows / "runs")
    return result.summary


def test_subjects_are_averaged(rows: Path) -> None:
    summary = replay(rows, "mmlu", ["Answer: B", "Answer: B", "Answer: C", "Answer: B"])
    assert summary["metrics"]["pass@1"]["value"] == 0.25
    assert summary["aggregates"] == {"mean over 2 subjects": 0.25}


def test_a_judged_set_without_a_judge_is_refused_with_the_remedy(rows: Path) -> None:
    with pytest.raises(assay.UsageError, match="name the judge"):
        replay(rows, "simpleqa", ["Canberra"])
    assert validate_benchmark(assay.get_benchmark("simpleqa")) == []


def test_simpleqa_has_its_figures(rows: Path, judge: JudgeServer) -> None:
    def reply(shown: str, attempt: int) -> str:
        said = shown.partition("<<<BEGIN RESPONSE")[2]
        word = "CORRECT" if "Canberra" in said else "NOT_ATTEMPTED" if "know" in said else "INCORRECT"
        return f"So.\nVerdict: {word}"

    judge.reply = reply
    summary = replay(rows, "simpleqa", ["Canberra", "<think>Canberra</think>I do not know", "Sydney", "Canberra!"])
    assert summary["metrics"]["pass@1"]["value"] == 0.5
    figures = summary["aggregates"]
    assert (figures["correct"], figures["incorrect"], figures["not attempted"]) == (0.5, 0.25, 0.25)
    assert figures["correct given attempted"] == pytest.approx(2 / 3)
    assert figures["F-score"] == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))
    assert validate_benchmark(assay.get_benchmark("simpleqa")) == []
    judge.reply = lambda shown, attempt: "Verdict: INCORRECT"
    flaws = validate_benchmark(assay.get_benchmark("frames"))
    assert "does not score 1" in flaws[0].reason, "with a judge, gold answers are held to it"


def test_a_preference_sees_the_summary_only_and_lengths_are_controlled(rows: Path, judge: JudgeServer) -> None:
    def reply(shown: str, attempt: int) -> str:
        assert "secret thought" not in shown
        texts = [part.split(">>>\n", 1)[1].partition("\n<<<END")[0] for part in shown.split("<<<BEGIN RESPONSE")[1:]]
        return f"Verdict: {'A' if len(texts[0]) > len(texts[1]) else 'B'}"

    judge.reply = reply
    long = "<think>secret thought</think>" + "Hello, " * 20
    summary = replay(rows, "alpaca_eval", [long, "Hi.", long + "!", "<think>never closed"])
    assert summary["metrics"]["pass@1"]["value"] == 0.5
    assert summary["aggregates"]["win rate"] == pytest.approx(0.5)
    assert 0 < summary["aggregates"]["length-controlled win rate"] < 0.5
    assert summary["aggregates"]["length effect"] > 0


def test_ifeval_checks_strictly_after_the_reasoning(rows: Path) -> None:
    pytest.importorskip("lm_eval")
    from assay_benchmarks._nltk_data import REMEDY, find_punkt

    if not find_punkt():
        pytest.skip(f"NLTK's punkt_tab is missing. {REMEDY}")
    summary = replay(
        rows, "ifeval", ["<think>a, b</think>Fine.", "Yes, sir.", "Here, now:\nFine", "<think>Fine", "  ", "ok"]
    )
    assert summary["metrics"]["pass@1"]["value"] == pytest.approx(2 / 6)
    assert summary["outcomes"]["no_answer"] == 1
    figures = summary["aggregates"]
    assert figures["prompt-level strict"] == figures["instruction-level strict"] == pytest.approx(2 / 6)
    assert figures["prompt-level loose"] == pytest.approx(3 / 6), "loosely, the first line may be left out"


def test_nltk_finds_its_tables_without_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nltk = pytest.importorskip("nltk")
    pytest.importorskip("punkt")
    from nltk.tokenize.punkt import PunktTokenizer

    from assay_benchmarks._nltk_data import find_punkt

    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    assert find_punkt()
    splitter = PunktTokenizer("english")
    # The sizes of NLTK's own tables.
    sizes = [len(getattr(splitter._params, name)) for name in ("abbrev_types", "collocations", "sent_starters")]
    assert sizes == [156, 37, 39]
    assert len(splitter._params.ortho_context) == 20366
    assert splitter.tokenize("Dr. Smith paid $5.50 to J. Doe. He left.") == [
        "Dr. Smith paid $5.50 to J. Doe.", "He left."
    ]  # fmt: skip
    assert find_punkt(), "the second call finds what the first has written"


def test_ifeval_counts_the_sign_that_was_asked_for(rows: Path) -> None:
    pytest.importorskip("lm_eval")
    from assay_benchmarks._nltk_data import REMEDY, find_punkt

    if not find_punkt():
        pytest.skip(f"NLTK's punkt_tab is missing. {REMEDY}")
    arguments = {"letter": "!", "let_frequency": 2, "let_relation": "at least"}
    row = {"key": 3, "prompt": "p", "instruction_id_list": ["keywords:letter_frequency"], "kwargs": [arguments]}
    (rows / "ifeval.jsonl").write_text(json.dumps(row) + "\n")
    assert (
        replay(rows, "ifeval", ["So! Yes!", "yyyyyyyy abcdefghijklmnopqrstuvwxyz" * 9])["metrics"]["pass@1"]["value"]
        == 0.5
    )


def test_ifeval_keeps_zeros_and_drops_nulls(rows: Path) -> None:
    row = {
        "key": 2, "prompt": "p", "instruction_id_list": ["keywords:frequency", "punctuation:no_comma"],
        "kwargs": [{"keyword": "x", "frequency": 0, "relation": "less than", "num_words": None}, {}],
    }  # fmt: skip
    (rows / "ifeval.jsonl").write_text(json.dumps(row) + "\n")
    first, second = assay.get_benchmark("ifeval").problems()[0].reference["instructions"]
    assert first["arguments"] == {"keyword": "x", "frequency": 0, "relation": "less than"}
    assert second["arguments"] == {}


@pytest.mark.parametrize(
    ("name", "file", "row", "message"),
    [
        ("mmlu", "mmlu.jsonl", {**MMLU_ROW, "answer": 4}, "one of 4 options"),
        ("mmlu", "mmlu.jsonl", {**MMLU_ROW, "choices": "abcd"}, "list of options"),
        ("ceval", "ceval_val.jsonl", {"subject": "cooking"}, "names no exam"),
        ("cluewsc", "cluewsc2020_validation.jsonl", {"text": "t", "label": "maybe", "target": {}}, "span1_text"),
        ("drop", "drop_v0_dev.jsonl", {"passage": "p", "question": "q", "answer": 3}, "must hold objects"),
        ("ifeval", "ifeval.jsonl", {"prompt": "p", "instruction_id_list": ["a"], "kwargs": []}, "lists of one length"),
        ("frames", "frames.jsonl", {"Prompt": "", "Answer": "x"}, "none of the fields"),
        ("arena_hard", "arena_hard.jsonl", {"question_id": "q", "turns": [], "baseline": "b"}, "one turn"),
        ("cluewsc", "cluewsc2020_validation.jsonl", {"text": "t", "label": 2, "target": TARGET}, "true or false"),
    ],
)  # fmt: skip
def test_damaged_rows_are_named(name: str, file: str, row: dict[str, Any], message: str, rows: Path) -> None:
    (rows / file).write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(assay.DataError, match=message) as found:
        assay.get_benchmark(name).problems()
    assert file in str(found.value)


OFFICIAL_RESPONSES = "input_response_data_gpt4_20231107_145030.jsonl"


def test_gpt4s_official_responses_score_as_in_the_paper(tmp_path: Path, real_data: Path) -> None:
    pytest.importorskip("lm_eval")
    official = real_data / OFFICIAL_RESPONSES
    if not official.is_file():
        pytest.skip(f"no {OFFICIAL_RESPONSES} (google-research/instruction_following_eval/data) in {real_data}")
    rows = map(json.loads, official.read_text(encoding="utf-8").splitlines())
    responses = {row["prompt"]: row["response"] for row in rows}
    problems = assay.get_benchmark("ifeval").problems()
    with open(tmp_path / "gpt4.jsonl", "w", encoding="utf-8") as file:
        for problem in problems:
            text = responses[problem.reference["prompt"]]
            file.write(json.dumps({"problem_id": problem.id, "sample_index": 0, "text": text}) + "\n")
    (result,) = assay.evaluate(f"replay:{tmp_path}/gpt4.jsonl", "ifeval:1", out=tmp_path / "runs")
    # Zhou et al. 2023: 76.89. A letter drawn for the signs of two prompts makes theirs 415 to 417 of 541.
    assert result.summary["aggregates"]["prompt-level strict"] == 417 / 541
    assert pytest.approx(0.7689, abs=0.002) == 417 / 541


def test_labels_of_cluewsc_are_the_hubs_classes(rows: Path) -> None:
    row = {"text": "他来了。", "target": TARGET}
    labels = [
        "true",
        "false",
        0,
        1,
        True,
        False,
    ]  # the hub's ClassLabel has the names "true" and "false", in this order
    lines = (json.dumps({**row, "label": label}) + "\n" for label in labels)
    (rows / "cluewsc2020_validation.jsonl").write_text("".join(lines), encoding="utf-8")
    problems = assay.get_benchmark("cluewsc").problems()
    assert [problem.reference["answer"] for problem in problems] == ["A", "B", "A", "B", "A", "B"]


def test_answers_of_arena_hards_baseline_may_lie_in_a_second_file(rows: Path) -> None:
    asked = [{"uid": "u1", "prompt": "Write."}, {"question_id": "q2", "turns": [{"content": "Sing."}]}]
    content = {"answer": "I write.", "reasoning": ""}
    answered = [
        {"question_id": "q2", "choices": [{"index": 0, "turns": [{"content": "La.", "token_len": 2}]}]},
        {"uid": "u1", "model": "gpt-4-0314", "messages": [{"role": "user", "content": "Write."},
                                                         {"role": "assistant", "content": content}]},
    ]  # fmt: skip
    for name, lines in (("arena_hard.jsonl", asked), ("gpt-4-0314.jsonl", answered)):
        (rows / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    benchmark = assay.get_benchmark("arena_hard")
    assert [(problem.id, problem.reference) for problem in benchmark.problems()] == [("u1", "I write."), ("q2", "La.")]
    assert len(benchmark.provenance["files"]) == 2
    (rows / "gpt-4-0314.jsonl").write_text(json.dumps(answered[0]) + "\n", encoding="utf-8")
    with pytest.raises(assay.DataError, match=r"line 1: the field 'baseline' is missing"):
        assay.get_benchmark("arena_hard").problems()
    (rows / "gpt-4-0314.jsonl").write_text(json.dumps({"uid": "u1", "messages": []}) + "\n", encoding="utf-8")
    with pytest.raises(assay.DataError, match=r"gpt-4-0314\.jsonl, line 1: no answer"):
        assay.get_benchmark("arena_hard").problems()


def test_real_rows(real_data: Path) -> None:
    assert len(assay.get_benchmark("mmlu_pro").problems()) == 1400
    assert len(assay.get_benchmark("simpleqa").problems()) == 1000
    assert len(assay.get_benchmark("ifeval").problems()) == 541
    assert validate_benchmark(assay.get_benchmark("mmlu_pro")) == []


def test_real_responses_to_mmlu_pro_score_as_labelled(real_data: Path) -> None:
    problems = {problem.id.rpartition("/")[2]: problem for problem in assay.get_benchmark("mmlu_pro").problems()}
    verifier = assay.get_verifier("multiple_choice")
    agree, seen = 0, 0
    for line in (real_data / "responses_ru_mmlu.jsonl").read_text(encoding="utf-8").split("\n"):
        row = json.loads(line) if line else {}
        problem = problems.get(str(row.get("problem_id")).rpartition("/")[2])
        if problem is not None and "Answer:" in row["response"]:
            verdict = verifier.verify_fast(problem, assay.Completion(text=row["response"]))
            seen += 1
            agree += (verdict.score == 1.0) == bool(row.get("correct", row.get("is_correct")))
    assert seen > 100
    assert agree / seen > 0.97
