r"""verl's own reward managers with our functions: run by tests/interop/test_other_trainers.py."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from tests.interop.tiny import tokenizer
from verl import DataProto
from verl.trainer.ppo.reward import get_custom_reward_fn
from verl.utils.import_utils import load_extern_object
from verl.workers.reward_manager.batch import BatchRewardManager
from verl.workers.reward_manager.naive import NaiveRewardManager

RESPONSES = ["\\boxed{4}", "\\boxed{5}", "4"]


def data() -> DataProto:
    tokens = tokenizer()
    prompts = tokens(["2+2="] * 3, return_tensors="pt")
    responses = tokens(RESPONSES, return_tensors="pt", padding=True, padding_side="right")
    return DataProto.from_dict(
        tensors={
            "prompts": prompts.input_ids,
            "responses": responses.input_ids,
            "attention_mask": torch.cat([prompts.attention_mask, responses.attention_mask], dim=1),
        },
        non_tensors={
            "data_source": np.array(["sums"] * 3, dtype=object),
            "reward_model": np.array([{"ground_truth": "4"}] * 3, dtype=object),
            "extra_info": np.array([{"index": 0} for _ in range(3)], dtype=object),
        },
    )


def rewards(tensor: torch.Tensor) -> list[float]:
    return tensor.sum(dim=1).tolist()


def custom(name: str) -> object:
    """The function as verl's configuration loads it."""
    from omegaconf import OmegaConf

    import assay.interop.verl

    settings = {"path": assay.interop.verl.__file__, "name": name, "reward_kwargs": {"reward": "boxed_math"}}
    return get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": settings}}))


def main() -> None:
    naive = NaiveRewardManager(tokenizer(), 0, compute_score=custom("compute_score"))
    result = naive(data(), return_dict=True)
    assert rewards(result["reward_tensor"]) == [1.0, 0.0, 0.0], result
    assert result["reward_extra_info"]["failed"] == [0.0] * 3
    assert result["reward_extra_info"]["accuracy"] == [1.0, 0.0, 0.0]

    batch = BatchRewardManager(tokenizer(), 0, compute_score=custom("compute_scores"))
    assert rewards(batch(data())) == [1.0, 0.0, 0.0]

    # The reward loop of newer versions calls it in a thread, beside others.
    found = []
    threads = [threading.Thread(target=lambda: found.append(rewards(naive(data())))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[1.0, 0.0, 0.0]] * 8

    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager as LoopManager

    async def loop_scores() -> list[float]:
        config = SimpleNamespace()
        manager = LoopManager(config, tokenizer(), custom("compute_score"))
        manager.loop = asyncio.get_running_loop()
        return [(await manager.run_single(data()[[index]]))["reward_score"] for index in range(3)]

    assert asyncio.run(loop_scores()) == [1.0, 0.0, 0.0]

    failing = load_extern_object(
        module_path=str(Path(sys.modules["assay.interop.verl"].__file__)), object_name="compute_scores"
    )
    scores = failing(
        ["s"] * 3, ["\\boxed{4}"] * 3, ["4", {"no": "answer"}, "5"], [{"index": 1}] * 3, reward="boxed_math"
    )
    assert [score["score"] for score in scores] == [1.0, 0.5, 0.0], scores
    assert [score["failed"] for score in scores] == [0.0, 1.0, 0.0]
    print("verl door: ok")


if __name__ == "__main__":
    main()
