r"""OpenRLHF's own executor with our reward file: run by tests/interop/test_other_trainers.py."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from openrlhf.utils.agent import SingleTurnAgentExecutor
from tests.interop.tiny import tokenizer

FILE = """
from assay.interop.openrlhf import make_reward_func
reward_func = make_reward_func("boxed_math")
"""


class Engine:
    """Stands for vLLM: answers with a given text; everything after it is OpenRLHF's own."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenizer()(text + "<eos>").input_ids

    async def generate(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=self._tokens, finish_reason="stop", logprobs=None)])


async def reward_of(executor: SingleTurnAgentExecutor, text: str, label: str) -> Any:
    sampling = SimpleNamespace(max_tokens=16, logprobs=None)
    output = await executor.execute("2+2=", label, sampling, 64, tokenizer(), Engine(text))
    return output["reward"]


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reward.py"
        path.write_text(FILE)
        executor = SingleTurnAgentExecutor(str(path))
        both = json.dumps({"reference": "4", "verifier": "boxed_math"})
        cases = [("\\boxed{4}", "4"), ("\\boxed{5}", "4"), ("4", "4"), ("\\boxed{4}", both)]
        found = await asyncio.gather(*(reward_of(executor, *case) for case in cases))
        assert [float(each) for each in found] == [1.0, 0.0, 0.0, 1.0], found
        # A check that fails on our side is no reward, never 0.
        assert await reward_of(executor, "\\boxed{4}", json.dumps({"reference": {"no": "answer"}})) is None
    print("openrlhf door: ok")


if __name__ == "__main__":
    asyncio.run(main())
