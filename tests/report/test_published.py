"""Published scores: the shipped table against the numbers of the reports, and beside measured scores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.plugins import list_benchmarks
from assay.published import published_models, published_records, published_scores, with_published
from assay.report import caveats, markdown_report, to_csv
from tests.report.test_report import parsed, record, shown

R1 = "hf:deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"


def test_the_shipped_table_holds_the_printed_numbers(shared: Path) -> None:
    printed = [json.loads(line) for line in (shared / "paper" / "published.jsonl").read_text().splitlines()]
    ours = [
        {"table": s.table, "model": s.model, "benchmark": s.benchmark, "metric": s.metric, "value": s.value}
        for s in published_scores()
    ]
    assert ours == printed
    assert {(s.unit, s.metric == "rating") for s in published_scores()} == {("percent", False), ("rating", True)}
    assert all(0 <= s.value <= 100 or s.unit == "rating" for s in published_scores())


def test_one_model_has_one_value_a_metric_whatever_the_table() -> None:
    values: dict[tuple[str, str, str], set[float]] = {}
    for score in published_scores():
        values.setdefault((score.model, score.benchmark, score.metric), set()).add(score.value)
    assert {key: found for key, found in values.items() if len(found) > 1} == {}


def test_benchmarks_have_the_names_that_they_have_here() -> None:
    ours = set(list_benchmarks())
    assert {"aime24", "math500", "gpqa_diamond", "livecodebench", "codeforces", "cnmo24"} <= {
        score.benchmark for score in published_scores()
    } & ours


def test_a_model_of_the_same_name_is_shown_beside_it() -> None:
    measured = [record("aime24", model=R1), record("math500", model=R1), record("sums", model=R1)]
    rows = with_published(measured)
    assert [(row["benchmark"], bool(row.get("published"))) for row in rows] == [
        ("aime24", False), ("aime24", True), ("math500", False), ("math500", True), ("sums", False),
    ]  # fmt: skip
    printed = rows[1]["summary"]["metrics"]
    assert printed["pass@1"]["value"] == pytest.approx(0.555)
    assert printed["cons@64"]["value"] == pytest.approx(0.833)
    assert caveats(rows[1]) == ["published, not measured here: DeepSeek-R1, arXiv:2501.12948, table 5"]
    assert published_records([record("aime24")]) == []
    assert published_records([record("aime24", model=f"{R1}@main")]), "a revision has the same name"


def test_the_tables_mark_it(tmp_path: Path) -> None:
    rows = with_published([record("codeforces", model="hf:other")], ["deepseek-r1"])
    text = shown(rows, width=140)
    line = next(line for line in text.splitlines() if line.startswith("DeepSeek-R1 "))
    assert "published" in line
    assert "rating 2029" in text
    assert "percentile 0.963" in text
    assert "n/a" not in line
    assert "published, not measured here: DeepSeek-R1, arXiv:2501.12948, table 4" in text
    page = markdown_report(rows)
    assert "| published |" in " ".join(page.split())
    assert page.count("DeepSeek-R1 ") == 1, "no row of its own under how it was measured"
    table = parsed(rows)
    assert (table[0]["published"], table[1]["published"]) == ("", "DeepSeek-R1, arXiv:2501.12948, table 4")
    assert float(table[1]["rating"]) == 2029
    assert to_csv(rows).count("\n") == 3


def test_a_model_that_no_report_names_is_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean DeepSeek-R1"):
        published_records([record()], ["DeepSeek-R11"])
    assert published_models() == sorted(published_models(), key=str.casefold)


def test_the_command_and_the_page(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text(
        "".join(json.dumps({"problem_id": str(i), "sample_index": 0, "text": f"\\boxed{{{i}}}"}) + "\n" for i in (1, 2))
    )
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import assay\n"
        "class Short(assay.BaseBenchmark):\n"
        "    name = 'math500'\n"
        "    protocol = assay.EvalProtocol(samples=1)\n"
        "    def problems(self):\n"
        "        ask = (assay.Message(role='user', content='?'),)\n"
        "        return [assay.Problem(id=i, prompt=ask, reference='1', verifier='boxed_math') for i in '12']\n"
    )
    script = (
        "import sys, assay; sys.path.insert(0, '.'); import plugin\n"
        "assay.evaluate('replay:answers.jsonl', plugin.Short(), out='runs')\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)

    def report(*options: str) -> str:
        command = [sys.executable, "-m", "assay", "report", "runs", *options]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert "published" not in report()
    both = report("--published", "DeepSeek-R1,QwQ-32B-Preview", "--csv")
    assert "DeepSeek-R1" in both
    assert "0.973" in both
    assert "0.906" in both
    report("--published", "DeepSeek-R1", "--html", "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "0.973" in page
    assert "published, not measured here" in page
    assert "published" not in report("--published", "none", "--csv").partition("\n")[2]
