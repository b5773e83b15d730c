"""Tasks of lm-eval with local rows and stored responses, for running each twice: by lm-eval and by us.

Rows and responses are the real ones of the data folder where it has them, else made here in the task's schema. The
rows are written to a folder as JSONL and never to the repository.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(kw_only=True)
class Case:
    task: str
    splits: dict[str, list[dict[str, Any]]]
    """Rows by split, as the task's data set has them."""
    respond: Callable[[str, int, dict[str, Any]], list[str]]
    """The responses to a row: its task, its number and the row, as lm-eval hands it out."""
    options: str = ""
    scores: bool = False
    """A log-likelihood task: a response is a JSON list of `[logprob, greedy]`."""
    folder: Path = field(default_factory=Path)


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").split("\n") if line]


def answered(text: str) -> str:
    """The part after the reasoning: lm-eval grades reasoning unless it is told how it ends, and we never do."""
    return text.rpartition("</think>")[2].replace("<think>", "")


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make(name: str, data: Path, folder: Path, limit: int | None) -> Case:
    """A case with at most `limit` rows (of each subject for mmlu_pro), its rows written below `folder`."""
    case = BUILDERS[name](data, limit)
    case.folder = folder / case.task
    for split, rows in case.splits.items():
        write(case.folder / f"{split}.jsonl", rows)
    return case


def gsm8k(data: Path, limit: int | None) -> Case:
    """Real rows, four real responses of GPT-3 models each; half of them end as the strict filter wants it."""
    rows = read(data, "gsm8k_test.jsonl")
    stored: dict[str, list[str]] = {}
    for number, row in enumerate(read(data, "responses_gsm8k_gpt3_4x1319.jsonl")):
        marked = number % 2 and row["answer"]
        stored.setdefault(row["problem_id"], []).append(row["response"] + (f"\n#### {row['answer']}" if marked else ""))
    asked = [{"question": row["problem"], "answer": row["solution"]} for row in rows]
    return Case(
        task="gsm8k",
        splits={"test": asked[:limit], "train": asked[-20:]},
        respond=lambda _task, number, _doc: stored[rows[number]["id"]],
    )


def drop(_data: Path, limit: int | None) -> Case:
    """Made in DROP's schema: numbers, spans, several spans, dates, several validated answers."""
    draw = random.Random(1)
    names = ["Tom Brady", "the Bears", "A. J. Green", "Raiders", "New York", "a field goal"]
    rows = []
    for number in range(60 if limit is None else min(limit, 60)):
        kind = number % 4
        empty = {"number": "", "spans": [], "date": {"day": "", "month": "", "year": ""}}
        answer: dict[str, Any] = json.loads(json.dumps(empty))
        if kind == 0:
            answer["number"] = str(draw.choice([3, 17, 2.5, "1,200"]))
        elif kind == 1:
            answer["spans"] = [draw.choice(names)]
        elif kind == 2:
            answer["spans"] = draw.sample(names, 2)
        else:
            answer["date"] = {"day": str(draw.randint(1, 28)), "month": "March", "year": "1998"}
        second = {"number": "", "spans": [[draw.choice(names)]], "date": [empty["date"]]}
        rows.append({
            "section_id": "s", "query_id": f"q{number}", "passage": f"Passage {number}.", "question": "How many?",
            "answer": {**answer, "hit_id": "", "worker_id": ""},
            "validated_answers": {"number": [""], **{key: second[key] for key in ("spans", "date")}},
        })  # fmt: skip

    def respond(_task: str, number: int, doc: dict[str, Any]) -> list[str]:
        gold = ", ".join(doc["answers"][0])
        wrong = doc["answers"][-1][0]
        return [gold, f"It was {gold}", f"{wrong} and {gold.split(' ')[-1]}", "17", ""][number % 3 :][:3]

    return Case(task="drop", splits={"validation": rows, "train": rows[:5]}, respond=respond)


def ifeval(data: Path, limit: int | None) -> Case:
    """Real prompts; responses are real texts changed the way the instructions ask, right and wrong by turns.

    Left out are the two prompts whose "letter" is a sign: the checker draws a letter in its place, at random.
    """
    signs = ("#", "!")
    rows = [{"key": row["id"], **{k: row[k] for k in ("prompt", "instruction_id_list", "kwargs")}}
            for row in read(data, "ifeval.jsonl")
            if not any(given.get("letter") in signs for given in row["kwargs"])][:limit]  # fmt: skip
    texts = [answered(row["response"]) for row in read(data, "responses_thinking_vs_base.jsonl")]
    texts = [text for text in texts if len(text) > 400]
    chinese = [row["response"] for row in read(data, "text_zh_instructions.jsonl")]

    def respond(_task: str, number: int, doc: dict[str, Any]) -> list[str]:
        plain = texts[number % len(texts)]
        shaped = (
            "<<A title>>\n\n*first part* and *second part* and *third part*\n\n***\n\n"
            + plain.replace(",", ";")[:1500]
            + "\n\n* one\n* two\n* three\n[address] [name] [place]\n"
            + "P.S. That is all. Is there anything else I can help with?"
        )
        keywords = " ".join(str(word) for kw in doc["kwargs"] for word in kw.get("keywords") or [])
        quoted = f'"{plain.lower()[:900]} {keywords}"'
        return [
            plain,
            shaped,
            quoted,
            shaped.upper(),
            chinese[number % len(chinese)],
            json.dumps({"a": plain[:200]}),
            "",
        ]

    return Case(task="ifeval", splits={"train": rows}, respond=respond)


def mmlu_pro(data: Path, limit: int | None) -> Case:
    """Real questions of all 14 subjects (a group of tasks), with real responses of two models where there are some."""
    per_subject: dict[str, list[dict[str, Any]]] = {}
    for row in read(data, "mmlu_pro_1400.jsonl"):
        per_subject.setdefault(row["subject"].replace("computerscience", "computer science"), []).append(row)
    real: dict[str, list[str]] = {}
    for row in read(data, "responses_ru_mmlu.jsonl"):
        real.setdefault(row["problem_id"], []).append(row["response"])
    rows = []
    for subject, asked in sorted(per_subject.items()):
        asked.sort(key=lambda row: row["id"].split("mmlupro-")[-1] not in real)
        rows += [
            {
                "question_id": row["id"].split("mmlupro-")[-1], "question": row["problem"],
                "options": list(row["options"].values()), "answer": row["answer"],
                "answer_index": "ABCDEFGHIJ".index(row["answer"]), "category": subject, "src": "",
                "cot_content": "A: Let's think step by step. It is so. The answer is (A).",
            }
            for row in asked[:limit]
        ]  # fmt: skip

    def respond(_task: str, number: int, doc: dict[str, Any]) -> list[str]:
        said = [re.sub(r"Answer: *", "the answer is ", text) for text in real.get(doc["question_id"], [])[:1]]
        right, other = doc["answer"], "ABCDEFGHIJ"[(number * 7) % len(doc["options"])]
        return [
            *said,
            f"So the answer is ({right}).",
            f"The answer is {other}",
            f"answer is ({other}) Question: what?",
        ][:3]

    few = [dict(row) for row in rows[:5]]
    validation = [{**row, "category": category} for category in {row["category"] for row in rows} for row in few]
    return Case(task="mmlu_pro", splits={"test": rows, "validation": validation}, respond=respond)


def math500(data: Path, limit: int | None) -> Case:
    """Real problems; real responses of models to those that there are some for, else the solution or a wrong one."""
    rows = read(data, "math500.jsonl")[:limit]
    real: dict[str, list[str]] = {}
    for row in read(data, "responses_thinking_vs_base.jsonl"):
        real.setdefault(row["problem"], []).append(answered(row["response"]))
    asked = [{key: row[key] for key in ("problem", "solution", "answer", "subject", "level")} for row in rows]

    def respond(_task: str, number: int, doc: dict[str, Any]) -> list[str]:
        said = real.get(doc["problem"], [])[:1]
        return [*said, doc["solution"], f"${doc['answer']}$", f"the answer is {number}"][:3]

    return Case(task="hendrycks_math500", splits={"test": asked}, respond=respond)


def aime24(data: Path, limit: int | None) -> Case:
    """Real problems and real responses of base and reasoning models."""
    rows = read(data, "aime_2024.jsonl")[:limit]
    real: dict[str, list[str]] = {}
    for row in read(data, "responses_thinking_vs_base.jsonl"):
        real.setdefault(str(row["answer"]), []).append(answered(row["response"]))
    asked = [{"Problem": row["problem"], "Answer": row["answer"], "ID": row["id"], "Solution": ""} for row in rows]

    def respond(_task: str, _number: int, doc: dict[str, Any]) -> list[str]:
        return [*real.get(doc["Answer"], [])[:1], f"so \\boxed{{{doc['Answer']}}}", f"${doc['Answer']}$", "12"][:3]

    return Case(task="aime24", splits={"train": asked}, respond=respond)


def arc_easy(_data: Path, limit: int | None) -> Case:
    """A log-likelihood task, made in ARC's schema; the responses are what a model might find the choices worth."""
    draw = random.Random(2)
    rows = []
    for number in range(80 if limit is None else min(limit, 80)):
        size = draw.choice([3, 4, 5])
        choices = {
            "text": [f"choice {'x' * draw.randint(1, 9)} {i}" for i in range(size)],
            "label": list("ABCDE"[:size]),
        }
        rows.append({"id": str(number), "question": f"Which of {number}?", "choices": choices,
                     "answerKey": draw.choice(choices["label"])})  # fmt: skip

    def respond(_task: str, number: int, doc: dict[str, Any]) -> list[str]:
        chance = random.Random(number)
        return [json.dumps([[-chance.expovariate(0.1), chance.random() < 0.3] for _ in doc["choices"]["text"]])]

    return Case(task="arc_easy", splits={"test": rows, "train": rows[:5], "validation": rows[:5]}, respond=respond,
                scores=True)  # fmt: skip


BUILDERS: dict[str, Callable[[Path, int | None], Case]] = {
    build.__name__: build for build in (gsm8k, drop, ifeval, mmlu_pro, math500, aime24, arc_easy)
}
