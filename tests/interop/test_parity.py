r"""The same completions get the same verdicts through every way into the house."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import assay
from assay import BaseBenchmark, Completion, Message, Outcome, Problem, Reward
from assay.interop import openrlhf, trl, verl
from assay.runs.store import SampleStore

ROWS = [
    ("2+2?", "4", "so \\boxed{4}"),
    ("2+2?", "4", "<think>\\boxed{5}</think>so \\boxed{4.0}"),
    ("2+2?", "4", "so \\boxed{5}"),
    ("2+2?", "4", "so 4"),
    ("2+2?", "4", "<think>it is \\boxed{4}, no"),
    ("half?", "\\frac{1}{2}", "\\boxed{50\\%}"),
    ("half?", "\\frac{1}{2}", "\\boxed{9^{9^{9^{9}}}}"),
    ("root?", "\\sqrt{8}", "\\boxed{2\\sqrt2}"),
    ("limit?", "2", "\\boxed{\\lim_{x\\to 1}\\frac{x^2-1}{x-1}}"),
    ("empty?", "4", ""),
]
PROBLEMS = [
    Problem(id=str(n), prompt=(Message(role="user", content=ask),), reference=gold, verifier="boxed_math")
    for n, (ask, gold, _) in enumerate(ROWS)
]
TEXTS = [text for _, _, text in ROWS]


def by_verify() -> list[float]:
    verdicts = [assay.verify("boxed_math", response=text, reference=gold) for _, gold, text in ROWS]
    assert {verdict.outcome for verdict in verdicts} > {Outcome.GRADED, Outcome.NO_ANSWER}
    return [verdict.score or 0.0 for verdict in verdicts]


def by_reward() -> list[float | None]:
    return Reward({"terms": [{"name": "accuracy"}]})(PROBLEMS, [Completion(text=text) for text in TEXTS])


def by_trl() -> list[float | None]:
    columns = {"prompts": [row[0] for row in ROWS], "completions": TEXTS, "answer": [row[1] for row in ROWS]}
    plain = trl.reward_function("boxed_math")(**columns)
    chats = [[{"role": "assistant", "content": text}] for text in TEXTS]
    assert asyncio.run(trl.async_reward_function("boxed_math")(**{**columns, "completions": chats})) == plain
    return plain


def by_verl() -> list[float]:
    golds = [row[1] for row in ROWS]
    batch = verl.compute_scores(["d"] * len(ROWS), TEXTS, golds, [{}] * len(ROWS), reward="boxed_math")
    single = [verl.compute_score("d", text, gold, reward="boxed_math") for text, gold in zip(TEXTS, golds, strict=True)]
    assert batch == single
    return [score["score"] for score in batch]


def by_openrlhf() -> list[float]:
    prompts = [row[0] for row in ROWS]
    queries = [f"<s>{ask}{text}<|im_end|>" for ask, text in zip(prompts, TEXTS, strict=True)]
    reward = Reward({"terms": [{"name": "accuracy", "verifier": "boxed_math"}]})
    return list(openrlhf.score_queries(reward, queries, prompts, [row[1] for row in ROWS])["rewards"])


def by_server() -> list[float]:
    pytest.importorskip("uvicorn")
    from assay.serving import Client
    from tests.serving.conftest import running_server

    items = [{"response": text, "reference": gold} for _, gold, text in ROWS]
    with running_server("--reward", "boxed_math", "--workers", "1") as server, Client(server.url) as client:
        verdicts = client.verify_many("boxed_math", items)
        assert client.reward(items) == [verdict.score or 0.0 for verdict in verdicts]
    return [verdict.score or 0.0 for verdict in verdicts]


class Parity(BaseBenchmark):
    name = "parity"

    def problems(self) -> list[Problem]:
        return PROBLEMS


def by_evaluate(folder: Path) -> list[float]:
    responses = folder / "responses.jsonl"
    lines = [json.dumps({"problem_id": str(n), "response": text}) for n, text in enumerate(TEXTS)]
    responses.write_text("\n".join(lines) + "\n")
    (result,) = assay.evaluate(f"replay:{responses}", Parity(), out=folder / "runs", template="plain", prefill="none")
    with SampleStore.lock(result.path) as store:
        rows = sorted(store.rows.values(), key=lambda row: int(row.problem_id))
    return [row.score or 0.0 for row in rows]


def test_every_way_gives_the_same_rewards(tmp_path: Path) -> None:
    expected = by_verify()
    assert sum(expected) == 5
    for way in (by_reward, by_trl, by_verl, by_openrlhf, by_server):
        assert way() == expected, way.__name__
    assert by_evaluate(tmp_path) == expected
