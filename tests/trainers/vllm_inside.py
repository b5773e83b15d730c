"""What test_vllm_engine runs in an interpreter that has vLLM: python -m tests.trainers.vllm_inside sync|train FOLDER…

Prints one line of JSON. Kept apart from the tests because that interpreter has other versions of everything.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def sync(folder: str) -> dict[str, Any]:
    """Weights that change, tied head and all, arrive; weights that do not arrive are noticed."""
    import torch

    from assay import Message, Problem, Sampling
    from assay_trainers.common.batching import Row
    from assay_trainers.common.logprobs import row_logprobs
    from assay_trainers.common.models import load_policy
    from assay_trainers.grpo.engines import vllm_worker
    from assay_trainers.grpo.engines.check import check_sync
    from assay_trainers.grpo.engines.vllm_local import VllmEngine
    from assay_trainers.grpo.rollouts import PromptEncoder, end_tokens

    model, tokenizer = load_policy(folder, device="cpu")
    engine = VllmEngine(
        folder, tokenizer, lambda: model.named_parameters(), end_tokens=end_tokens(model, tokenizer),
        options={"enforce_eager": True}, dtype="float32", context=64,
    )  # fmt: skip
    encoder = PromptEncoder(tokenizer)
    prompts = [
        encoder.encode(Problem(id=text, prompt=(Message(role="user", content=text),)), text, key=f"1/{place}")
        for place, text in enumerate(("1+1=", "12+34="))
    ]
    sampling = Sampling(temperature=0.8, top_p=1.0, max_tokens=12, seed=3)

    def compare() -> float:
        def log_probs(rows: list[Row]) -> Any:
            return row_logprobs(model, rows, temperature=0.8)

        return check_sync(engine, prompts, sampling, log_probs).largest

    def change() -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)

    found = {"start": compare()}
    change()
    found["not handed over"] = compare()
    engine.sync()
    found["after the sync"] = compare()
    change()
    repack, vllm_worker.repack_heads = vllm_worker.repack_heads, lambda model: 0
    engine.sync()
    found["with vLLM's reload alone"] = compare()
    vllm_worker.repack_heads = repack
    engine.sync()
    found["after another sync"] = compare()
    rollouts = list(engine.generate(prompts, samples=8, sampling=sampling))
    again = list(engine.generate(prompts[::-1], samples=8, sampling=sampling))

    def texts(drawn: list[Any]) -> list[Any]:
        return sorted((r.prompt.problem.id, r.sample_index, r.completion.token_ids) for r in drawn)

    ends = [(r.completion.finish_reason.value, r.completion.token_ids[-1], r.completion.num_tokens) for r in rollouts]
    return {"found": found, "repeats": texts(rollouts) == texts(again), "ends": ends}


def learn(folder: str, output: str) -> dict[str, Any]:
    """A run whose reward rises, with vLLM in the trainer's process."""
    from assay_trainers.grpo.trainer import train
    from tests.trainers.vllm_learning import config_of, curve, problems, reward

    config = config_of(folder, output, "vllm", {"enforce_eager": True})
    train(config, reward=reward(), problems=problems())
    return {"curve": curve(Path(output))}


def main() -> None:
    """See the module."""
    import torch

    torch.set_num_threads(1)
    what, *arguments = sys.argv[1:]
    print("RESULT" + json.dumps({"sync": sync, "learn": learn}[what](*arguments)))


if __name__ == "__main__":
    main()
