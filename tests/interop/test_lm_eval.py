"""Assay inside lm-eval, and lm-eval's tasks on our backends: with the real lm-eval, offline."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval")

import assay
from assay.cli import main
from tests.backends.conftest import build_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # lm-eval and datasets warn of themselves
SAMPLES = 4
ANSWERS = [r"\boxed{1}", r"so \boxed{2}", r"<think>\boxed{2}</think>\boxed{1}", "none"]
ROWS = [{"id": f"a{n}", "problem": f"What is {n}?", "answer": str(n % 3)} for n in range(6)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with six problems under the name of AIME 2024, an empty cache, and no hub."""
    write(tmp_path / "aime_2024.jsonl", ROWS)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def responses(path: Path, name: str) -> Path:
    """A replay file with four samples of each problem, each problem's in another order."""
    rows = [
        {"problem_id": name.format(number, row["id"]), "sample_index": i, "response": ANSWERS[(i * (number + 1)) % 4]}
        for number, row in enumerate(ROWS) for i in range(SAMPLES)
    ]  # fmt: skip
    write(path, rows)
    return path


def lm_eval_path(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["lm-eval-path", *arguments])
    assert ended.value.code == 0
    return capsys.readouterr().out.strip()


def test_our_benchmark_in_lm_eval_reports_what_assay_run_reports(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import lm_eval
    from lm_eval.tasks import TaskManager

    from assay.interop.lm_eval.model import AssayLM

    folder = lm_eval_path(capsys, "-n", str(SAMPLES), "aime24")
    assert folder == lm_eval_path(capsys, "-n", str(SAMPLES), "aime24")
    theirs = responses(place / "theirs.jsonl", "assay_aime24/{0}")
    found = lm_eval.simple_evaluate(
        model=AssayLM(backend=f"replay:{theirs}", think="keep"), tasks=["assay_aime24"], apply_chat_template=True,
        task_manager=TaskManager(include_path=folder, include_defaults=False), bootstrap_iters=0,
    )  # fmt: skip
    figures = found["results"]["assay_aime24"]
    ours = responses(place / "ours.jsonl", "{1}")
    [result] = assay.evaluate(f"replay:{ours}", f"aime24:{SAMPLES}", out=place / "runs")
    metrics = {name: row["value"] for name, row in result.summary["metrics"].items()}
    assert figures["pass@1,all"] == metrics["pass@1"] == pytest.approx(7 / 24)
    assert figures["cons@4,all"] == metrics["cons@n"]
    assert figures["pass@4,all"] == metrics["pass@n"]
    assert {len(row["resps"][0]) for row in found["samples"]["assay_aime24"]} == {SAMPLES}, "all repeats are kept"


def test_samples_that_see_other_prompts_have_rows_of_their_own(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import lm_eval
    from lm_eval.tasks import TaskManager

    header = "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
    (place / "gpqa_diamond.csv").write_text(header + "r1,Why?,right,w1,w2,w3\nr2,How?,right,w1,w2,w3\n")
    folder = lm_eval_path(capsys, "-n", "3", "gpqa_diamond")

    from assay.interop.lm_eval.model import AssayLM

    class RightTwice:
        """Answers two of three samples of a question rightly, reading the order of the choices off the prompt."""

        url, fingerprint = "test:right", "right"

        def generate(self, requests, sampling):
            for request in requests:
                letter = next(line[0] for line in request.prompt[-1].content.split("\n") if line.endswith(") right"))
                wrong = "BCDA"["ABCD".index(letter)]
                row = int(request.problem_id.rpartition("/")[2])
                text = f"Answer: {letter if row % 3 else wrong}"
                yield assay.Generated(request=request, completion=assay.Completion(text=text))

        def render(self, request):
            return None

        def preflight(self, requests, sampling):
            return []

        def resolve_prefill(self, prefill):
            return ""

        def close(self):
            pass

    found = lm_eval.simple_evaluate(
        model=AssayLM(backend=RightTwice()), tasks=["assay_gpqa_diamond"], apply_chat_template=True,
        task_manager=TaskManager(include_path=folder, include_defaults=False), bootstrap_iters=0,
    )  # fmt: skip
    assert found["results"]["assay_gpqa_diamond"]["pass@1,all"] == pytest.approx(2 / 3)
    assert found["results"]["assay_gpqa_diamond"]["cons@3,all"] == 1.0


def test_lm_evals_command_line_with_our_model_and_our_task(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lm_eval_path(capsys, "-n", str(SAMPLES), "aime24")
    replay = responses(place / "theirs.jsonl", "assay_aime24/{0}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "assay.interop.lm_eval", "run", "--model", "assay", "--model_args",
         f"backend=replay:{replay}", "--tasks", "assay_aime24", "--include_path", folder, "--apply_chat_template",
         "--output_path", str(place / "out"), "--log_samples"],
        capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"}, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    written = json.loads(next((place / "out").rglob("results_*.json")).read_text())
    assert written["results"]["assay_aime24"]["pass@1,all"] == pytest.approx(7 / 24)
    assert "cons@4" in done.stdout


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


PAIRS = [
    ("What is it? ", "yes"), ("What is it?", " no"), ("", "hello"), ("a b c", " d e f g"), ("x" * 300, " end"),
    ("What is it?", " yes and no and yes"),
]  # fmt: skip


def test_log_likelihoods_are_those_of_lm_evals_hf_model(tiny: Path) -> None:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    theirs = HFLM(pretrained=str(tiny), device="cpu", dtype="float32", batch_size=2)
    requests = [Instance("loglikelihood", {}, pair, 0, ("t", n, 1)) for n, pair in enumerate(PAIRS)]
    wanted = theirs.loglikelihood(requests, disable_tqdm=True)
    backend = assay.open_backend(f"hf:{tiny}", device="cpu", batch_size=4)
    found = backend.loglikelihood([assay.Continuation(context=a, text=b) for a, b in PAIRS])
    assert [answer.greedy for answer in found] == [greedy for _, greedy in wanted]
    for answer, (logprob, _) in zip(found, wanted, strict=True):
        assert answer.logprob == pytest.approx(logprob, abs=1e-4)
    assert len({round(answer.logprob, 3) for answer in found}) == len(PAIRS)


def test_a_continuation_without_tokens_is_an_error(tiny: Path) -> None:
    backend = assay.open_backend(f"hf:{tiny}", device="cpu")
    with pytest.raises(assay.BackendError, match="no tokens"):
        backend.loglikelihood([assay.Continuation(context="a", text="")])


def test_a_log_likelihood_task_runs_on_hf_and_resumes(tiny: Path, place: Path) -> None:
    choices = {"text": ["yes", "no", "it is so"], "label": ["A", "B", "C"]}
    rows = [{"id": str(n), "question": f"Is {n} so?", "choices": choices, "answerKey": "ABC"[n % 3]} for n in range(5)]
    (place / "arc").mkdir()
    write(place / "arc" / "test.jsonl", rows)
    write(place / "arc" / "train.jsonl", rows)
    write(place / "arc" / "validation.jsonl", rows)
    name = f"lm-eval:arc_easy,data={place / 'arc'}"
    [result] = assay.evaluate(f"hf:{tiny}", name, out=place / "runs", backend_options={"device": "cpu"})
    assert result.summary["num_errors"] == 0
    accuracy = result.summary["aggregates"]["acc,none"]
    assert accuracy == result.summary["metrics"]["pass@1"]["value"]

    import lm_eval
    from lm_eval.tasks import TaskManager

    from assay.interop.lm_eval.model import AssayLM
    from tests.interop.lm_eval_both import _their_files
    from tests.interop.lm_eval_cases import Case

    case = Case(task="arc_easy", splits={"test": rows, "train": rows, "validation": rows}, respond=lambda *_: [])
    case.folder = place / "arc"
    theirs = lm_eval.simple_evaluate(
        model=AssayLM(backend=f"hf:{tiny}", backend_device="cpu"), tasks=["arc_easy"], bootstrap_iters=0,
        task_manager=TaskManager(include_path=str(_their_files(case, place)), include_defaults=False),
    )  # fmt: skip
    assert theirs["results"]["arc_easy"]["acc,none"] == accuracy

    class Silent:
        """Knows the model's fingerprint and cannot say anything: everything is in the store."""

        url = f"hf:{tiny}"
        fingerprint = result.manifest["model_fingerprint"]

        def __getattr__(self, name):
            raise AssertionError(name)

        def loglikelihood(self, pairs):
            raise AssertionError("asked again")

        generate = preflight = close = loglikelihood

        def resolve_prefill(self, prefill):
            return ""

        def render(self, request):
            return "x"

    [again] = assay.evaluate(Silent(), name, out=place / "runs")
    assert again.summary["aggregates"] == result.summary["aggregates"]


def test_a_backend_that_cannot_score_is_refused_before_anything_is_spent(place: Path) -> None:
    (place / "arc").mkdir()
    row = {"id": "1", "question": "?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "A"}
    for split in ("test", "train", "validation"):
        write(place / "arc" / f"{split}.jsonl", [row])
    with pytest.raises(assay.UsageError, match="cannot say"):
        assay.evaluate("openai:http://127.0.0.1:9/v1#m", f"lm-eval:arc_easy,data={place / 'arc'}", out=place / "runs")


TASK = """
task: mine
dataset_path: nowhere/at_all
output_type: generate_until
test_split: test
description: "Be brief."
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
num_fewshot: 0
repeats: 2
generation_kwargs: {until: ["STOP"], do_sample: true, temperature: 0.7, top_p: 0.9, max_gen_toks: 50}
filter_list:
  - name: first
    filter: [{function: take_first}]
  - name: vote
    filter: [{function: take_first_k, k: 2}, {function: majority_vote}, {function: take_first}]
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


@pytest.fixture
def mine(place: Path) -> str:
    (place / "tasks").mkdir()
    (place / "tasks" / "mine.yaml").write_text(TASK)
    (place / "rows").mkdir()
    write(place / "rows" / "test.jsonl", [{"q": "1+1?", "a": "2"}, {"q": "1+2?", "a": "3"}])
    return f"lm-eval:mine,include_path={place / 'tasks'},data={place / 'rows'}"


def test_a_users_task_keeps_its_prompt_settings_and_repeats(mine: str, place: Path) -> None:
    benchmark = assay.get_benchmark(mine)
    protocol = benchmark.protocol
    assert (protocol.samples, protocol.sampling.temperature, protocol.sampling.top_p) == (2, 0.7, 0.9)
    assert (protocol.sampling.max_tokens, protocol.sampling.stop) == (50, ("STOP",))
    assert [(m.role, m.content) for m in benchmark.problems()[0].prompt] == [("system", "Be brief."), ("user", "1+1?")]
    raw = assay.get_benchmark(mine + ",chat=false")
    assert raw.protocol.template == "raw"
    assert [m.content for m in raw.problems()[0].prompt] == ["Be brief.1+1?"]
    assert assay.get_benchmark(mine + ",stop=answer").protocol.sampling.stop == ()
    rows = [
        {"problem_id": "mine/0", "response": "2"}, {"problem_id": "mine/0", "response": "<think>2STOP</think>2STOP 3"},
        {"problem_id": "mine/1", "response": "<think>3"}, {"problem_id": "mine/1", "response": "4"},
    ]  # fmt: skip
    write(place / "replay.jsonl", rows)
    [result] = assay.evaluate(f"replay:{place / 'replay.jsonl'}", mine + ",stop=answer", out=place / "runs")
    assert result.summary["metrics"]["pass@1"]["value"] == 0.5
    assert result.summary["outcomes"]["no_answer"] == 1, "reasoning that never ended is no answer"
    assert result.summary["aggregates"] == {"exact_match,first": 0.5}, (
        "the filter that votes is no filter of one sample"
    )


def test_seeds_differ_between_repeats_and_are_the_same_next_time(mine: str) -> None:
    from lm_eval.api.instance import Instance

    from assay.interop.lm_eval.model import AssayLM

    seen: list[list[int]] = []

    class Recording:
        url, fingerprint = "test:seeds", "seeds"

        def generate(self, requests, sampling):
            seen.append([request.seed for request in requests])
            for request in reversed(requests):
                yield assay.Generated(request=request, completion=assay.Completion(text=str(request.seed)))

        render = preflight = resolve_prefill = close = None

    settings = {"until": ["x"], "do_sample": True, "temperature": 1.0}
    instance = Instance("generate_until", {}, ("q", settings), 0, ("t", 0, 3))
    other = Instance("generate_until", {}, ("q", settings), 0, ("t", 1, 1))
    model = AssayLM(backend=Recording())
    answers = model.generate_until([instance, instance, instance, other])
    assert answers == [str(seed) for seed in seen[0]]
    assert len(set(seen[0])) == 4
    model.generate_until([instance, instance, instance, other])
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lm-eval:", "family"),
        ("lm-eval:gsm8kk_no_task_like_this,include_path=/tmp/none_there", "does not exist"),
        ("lm-eval:gsm8k,shots=3", "no option 'shots'"),
        ("lm-eval:gsm8k,chat=maybe", "true or false"),
        ("lm-eval:gsm8k,num_fewshot=-1", "whole number"),
        ("lm-eval:gsm8k,chat=true,chat=true", "twice"),
    ],
)
def test_malformed_names_are_usage_errors(name: str, message: str) -> None:
    with pytest.raises(assay.UsageError, match=message):
        assay.get_benchmark(name)


def test_unsafe_code_and_missing_data_are_said(place: Path) -> None:
    with pytest.raises(assay.DataError, match="data=FOLDER"):
        assay.get_benchmark("lm-eval:gsm8k").problems()
    (place / "he").mkdir()
    write(place / "he" / "test.jsonl", [{"task_id": "1", "prompt": "def f():", "entry_point": "f", "test": ""}])
    with pytest.raises(assay.UsageError, match="without a sandbox"):
        assay.get_benchmark(f"lm-eval:humaneval,data={place / 'he'}").problems()


def test_a_metric_outside_0_to_1_is_our_error_and_names_the_metrics() -> None:
    from assay_benchmarks._lm_eval_verifier import LmEvalVerifier

    class Task:
        task_name = "t"

        def aggregation(self):
            return {"perplexity": None}

    with pytest.raises(assay.UsageError, match="perplexity"):
        LmEvalVerifier(task="t")._score(Task(), {"none": ("x", {"perplexity": 12.0})})
    assert math.isclose(1.0, LmEvalVerifier(task="t")._score(Task(), {"none": ("x", {"perplexity": 1})})[2])
