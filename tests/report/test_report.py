import copy
import csv
import io
import json

import pytest
from rich.console import Console

from assay.metrics import SampleRow, summarise
from assay.report import caveats, markdown_report, results_table, shared_caveats, to_csv, to_json
from assay.types import Outcome

MODEL = "hf:./models/SmolLM2-135M-Instruct"


def record(benchmark="aime24", scores=((1, 0, 0, 0), (0, 0, 0, 0), (1, 1, 1, 0)), metrics=("pass@1",), **changes):
    """A complete run whose samples have these scores; "T", "N", "R", "E" and "V" stand for the other outcomes."""
    kinds = {"T": Outcome.TRUNCATED, "N": Outcome.NO_ANSWER, "R": Outcome.REFUSED}
    kinds |= {"E": Outcome.ERROR, "V": Outcome.VERIFIER_TIMEOUT}
    rows = [
        SampleRow(
            problem_id=f"p{q:04}",
            sample_index=i,
            outcome=kinds.get(score, Outcome.GRADED),
            score=None if score in kinds else float(score),
            answer_class=None if score in kinds else score,
            num_tokens=100,
            truncated=score == "T",
            repetitive=score == "T",
        )
        for q, problem in enumerate(scores)
        for i, score in enumerate(problem)
    ]
    n = max(map(len, scores), default=0)
    summary = {"planned_samples": len(rows), **summarise(rows, metrics, samples=n)}
    base = {"model": MODEL, "benchmark": benchmark, "n": n, "complete": True, "summary": summary, "template": "r1",
            "prompt_sha256": "ab" * 32, "temperature": 0.6, "top_p": 0.95, "max_tokens": 1024, "revision": "cd" * 32,
            "verifiers": {"boxed_math": "1.0"}, "path": "results/runs/x"}  # fmt: skip
    return {**base, **changes}


def shown(records, width=100):
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(results_table(records))
    return console.file.getvalue()


def table_lines(text):
    return text[: text.index("n: problems ×")].splitlines()


def parsed(records):
    return list(csv.DictReader(io.StringIO(to_csv(records))))


def test_one_run_cell_by_cell():
    header, rule, line = table_lines(shown([record(metrics=["pass@1", "cons@4"])]))[1:4]
    # pass@1 is the mean of 1/4, 0 and 3/4; cons@4 of 0, 0 and 1: both by hand.
    assert header.split() == [
        "model",
        "benchmark",
        "n",
        "pass@1",
        "cons@4",
        "ans.",
        "trunc.",
        "rep.",
        "tokens",
        "(ours)",
    ]
    assert line.split() == [
        *["SmolLM2-135M-Instruct", "aime24", "¹", "3×4"],
        *["0.333", "±", "0.220", "0.333", "±", "0.333", "0%", "0%", "0%", "100", "0"],
    ]
    assert set(rule.strip()) == {"─"}


def test_markdown_of_one_run_cell_by_cell():
    page = markdown_report([record(metrics=["pass@1", "cons@64"])])
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")
    ]
    assert dict(zip(cells[0], cells[2], strict=True)) == {
        "model": "SmolLM2-135M-Instruct", "benchmark": "aime24 (1)", "n": "3×4", "pass@1": "0.333 ± 0.220",
        "cons@64": "n/a", "no answer": "0%", "truncated": "0%", "refused": "0%", "repetition": "0%",
        "mean tokens": "100",
        "errors (ours)": "0",
    }  # fmt: skip
    assert "1. aime24: n < 64: cons@64 is not defined; only 3 problems: the ± is rough." in page
    for column in cells[0][2:]:
        assert f"**{column.split('@')[0]}" in page.partition("## What the columns mean")[2], column
    assert "one standard error" in page
    assert "boxed_math 1.0" in page


def test_three_benchmarks_with_three_metrics_fit_in_100_columns():
    many = tuple((1, 0, 0, "E") for _ in range(500))
    records = [
        record("reasoning_gym:letter_counting", many, ["pass@1", "pass@2", "cons@3"]),
        record("aime24", metrics=["pass@1", "cons@64"], complete=False),
        record("math500", many, ["pass@1", "pass@3"]),
    ]
    text = shown(records, width=100)
    assert max(map(len, table_lines(text))) <= 100
    assert "±" in text
    assert "…" not in text
    assert "SmolLM2-135M-" in text


@pytest.mark.parametrize("width", [30, 60, 80])
def test_narrow_terminals_lose_nothing(width):
    records = [record("reasoning_gym:letter_counting", metrics=["pass@1", "pass@2", "cons@3"])]
    text = shown(records, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width >= 60:
        assert "0.333" in text
        assert "0.220" in text


def test_all_wrong_shows_how_little_that_says():
    assert "0.000 +0.114" in shown([record(scores=[(0, 0)] * 30)])
    assert "1.000 -0.114" in markdown_report([record(scores=[(1, 1)] * 30)])


def test_errors_are_shown_and_said():
    run = record(scores=[(1, "E", 0, "V")] * 30)
    for text in (shown([run]), markdown_report([run])):
        assert "60 of 120 samples could not be checked; they are not in the score" in text
        assert "0.500 ± 0.000" in text  # over the checked half; were ours counted as wrong it would be 0.250
    assert table_lines(shown([run]))[3].split()[-1] == "60"
    assert parsed([run])[0]["num_errors"] == "60"


def test_refused_answers_have_a_column_of_their_own():
    run = record(scores=[(1, "R", "N", 0)] * 30)
    header, _, line = table_lines(shown([run, record()]))[1:4]
    assert header.split()[4:] == ["ans.", "trunc.", "ref.", "rep.", "tokens", "(ours)"]
    assert line.split()[-6:] == ["25%", "0%", "25%", "0%", "100", "0"]
    assert table_lines(shown([run, record()]))[4].split()[-4] == "0%"
    assert "25% of the answers were over a cap of the verifier; their reasons say which" in caveats(run)
    assert "| refused |" in markdown_report([run])
    assert {parsed([run])[0][name] for name in ("outcome refused", "outcome no_answer")} == {"30"}
    assert parsed([run])[0]["rate refused"] == "0.25"
    assert json.loads(to_json([run]))["runs"][0]["summary"]["outcomes"]["refused"] == 30


def test_runs_recorded_before_there_were_refused_answers_are_still_shown():
    run = record()
    del run["summary"]["rates"]["refused"], run["summary"]["outcomes"]["refused"]
    assert "ref." not in table_lines(shown([run]))[1].split()
    assert "|     n/a |" in markdown_report([run])
    assert parsed([run])[0]["outcome refused"] == "n/a"


def test_undefined_is_never_zero():
    run = record(scores=[("E",)], metrics=["pass@1", "pass@4"])
    assert "no sample could be checked: pass@1 is not defined" in caveats(run)
    line = parsed([run])[0]
    assert {line[name] for name in ("pass@1", "pass@1 se", "pass@4", "rate truncated", "mean_tokens")} == {"n/a"}
    assert table_lines(shown([run]))[3].split()[3:] == ["1×1", "n/a", "n/a", "n/a", "n/a", "n/a", "n/a", "1"]


def test_what_was_not_asked_for_is_not_called_undefined():
    runs = [record("aime24", metrics=["pass@1", "cons@4"]), record("math500")]
    assert table_lines(shown(runs))[4].split()[6:8] == ["0.220", "-"]
    assert [line["cons@4"] for line in parsed(runs)] == [repr(1 / 3), ""]
    assert [line["vote tie_rate"] for line in parsed(runs)] == ["0.0", ""]


@pytest.mark.parametrize(
    ("planned", "said"), [(13, "92% done"), (12_001, "0% done"), (None, "partial"), (12, "partial")]
)
def test_partial_runs_are_marked(planned, said):
    run = record(complete=False)
    run["summary"]["planned_samples"] = planned
    assert said in " ".join(table_lines(shown([run])))
    assert f"**{said}**" in markdown_report([run])
    assert "will change" in caveats(run)[0]
    assert parsed([run])[0]["complete"] == "false"


def test_a_record_that_does_not_say_it_is_complete_is_partial():
    run = record()
    del run["complete"]
    assert "partial" in shown([run])


def test_rates_that_mislead_are_said_with_the_remedy():
    run = record(scores=[(1, 0, 0, "T", "T")] * 20 + [("N",) * 5] * 20, temperature=0)
    said = caveats(run)
    assert "truncated 20%: raise max_tokens (now 1024)" in said
    assert any(note.startswith("20% of the responses end in a loop; greedy") for note in said)
    assert any(note.startswith("no answer in 50%") for note in said)
    assert caveats(record(scores=[(1, 0, 0, 1)] * 20)) == []


def test_problems_left_out_and_ties_are_said():
    run = record(scores=[(1, 0)] * 9 + [(1, "E")], metrics=["pass@1", "pass@2", "cons@2"])
    assert "pass@2 leaves out 1 of 10 problems, with fewer than 2 checked samples" in caveats(run)
    assert any(note.startswith("right and wrong answers tie in 90%") for note in caveats(run))


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1e-9, "<.1%"), (0.0123, "1.2%"), (0.0999, "10%"), (0.5, "50%"), (0.9999, "99%"), (1, "100%")],
)
def test_percentages_never_round_to_none_or_all(share, text):
    run = record()
    run["summary"]["rates"]["no_answer"] = share
    assert table_lines(shown([run]))[3].split()[7] == text


def test_runs_under_different_protocols_are_not_compared_silently():
    other = record(model="hf:org/other", max_tokens=32768, verifiers={"boxed_math": "2.0"})
    note = "aime24: the runs differ in max_tokens (1024, 32768), verifier (boxed_math 1.0, boxed_math 2.0)"
    assert shared_caveats([record(), other, record("math500", max_tokens=7)]) == [f"{note} and are not comparable"]
    assert "not comparable" in shown([record(), other])
    assert "**Not comparable.**" in markdown_report([record(), other])
    assert shared_caveats([record(), record(model="hf:org/other")]) == []


def test_models_that_end_alike_are_told_apart():
    runs = [record(model=f"hf:runs/{name}/checkpoint-500") for name in "ab"]
    runs.append(record(model="openai:http://host:8000/v1#deepseek-ai/R1"))
    text = markdown_report(runs)
    for name in ("| a/checkpoint-500 ", "| b/checkpoint-500 ", "| R1 "):
        assert name in text


HOSTILE = "hf:x/[red]a|b\n| forged | 1.000 |\r\x1b[2J\u202e<script>`*_q_*" + "\ud800"


def test_hostile_names_in_the_terminal():
    clean, text = shown([record()]), shown([record(model=HOSTILE, benchmark="[bold]=1+1\x07")])
    assert "[red]" in text.replace("\n", "")
    assert not set("\x1b\r\x07\u202e") & set(text)
    assert len([line for line in table_lines(text) if "±" in line]) == 1
    assert len([line for line in table_lines(clean) if "±" in line]) == 1


def test_hostile_names_in_markdown():
    page = markdown_report([record(model=HOSTILE, template="a|b\nc", metrics=["pass@1"])])
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 6  # two tables of header, rule and one row: nothing was forged
    for row in rows[3:]:
        assert row.replace("\\|", "").count("|") == 10  # nine columns
    assert "<script>" not in page
    page.encode()


def test_hostile_names_in_csv():
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", 'a,"b"\nc']
    lines = parsed([record(model="x", benchmark=name) for name in names])
    assert [line["benchmark"] for line in lines] == [
        "'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", "\\t=1", 'a,"b"\\nc',
    ]  # fmt: skip
    assert to_csv([record(model=HOSTILE)]).encode().count(b"\n") == 2


def test_json_round_trips_and_says_the_caveats():
    run = record(metrics=["pass@1", "pass@64"])
    run["summary"]["extra"] = float("nan")
    value = json.loads(to_json([run, record(model=HOSTILE)]))
    assert value["runs"][0]["summary"]["metrics"] == run["summary"]["metrics"]
    assert value["runs"][0]["summary"]["extra"] is None
    assert "n < 64: pass@64 is not defined" in value["runs"][0]["caveats"]


@pytest.mark.parametrize(
    "junk", [None, "x", [], {"metrics": 3}, {"metrics": {"pass@1": "high"}, "rates": [1]}, {"num_errors": True}]
)
def test_damaged_summaries_show_as_undefined(junk):
    run = {**record(), "summary": junk}
    assert "n/a" in shown([run])
    assert "n/a" in markdown_report([run])
    assert parsed([run])[0]["num_errors"] == "n/a"
    json.loads(to_json([run]))


def test_no_runs_and_empty_records():
    assert shown([]).strip() == "no runs"
    assert markdown_report([]).startswith("# Results")
    assert parsed([]) == []
    assert "unknown model" in markdown_report([{}])


def test_records_are_left_as_they_were():
    runs = [record(model=HOSTILE), record()]
    before = copy.deepcopy(runs)
    shown(runs)
    for render in (markdown_report, to_csv, to_json):
        render(runs)
    assert runs == before
