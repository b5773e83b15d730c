r"""PrimeIntellect's verifiers scores a trace with our reward: run by tests/interop/test_other_trainers.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import verifiers.v1 as vf

from assay.interop.verifiers import reward_method


class SumData(vf.TaskData):
    answer: Any


class Sum(vf.Task[SumData]):
    accuracy = reward_method("boxed_math", name="accuracy", weight=2.0)


def trace_of(task: Sum, reply: str) -> Any:
    from verifiers.v1.trace import AgentInfo, Trace, TraceTask

    return Trace(
        task=TraceTask(type="Sum", data=task.data),
        agent=AgentInfo.model_construct(),
        root_reply=reply,
    )


async def main() -> None:
    task = Sum(SumData(idx=0, prompt="2+2=", answer="4"))
    for reply, expected in (("so \\boxed{4}", 1.0), ("so \\boxed{5}", 0.0), ("<think>\\boxed{4}", 0.0)):
        trace = trace_of(task, reply)
        await task.score(trace, None)
        assert trace.rewards["accuracy"].score == expected, trace.rewards
        assert trace.rewards["accuracy"].value == 2 * expected
    broken = Sum(SumData(idx=1, prompt="?", answer={"no": "answer"}))
    trace = trace_of(broken, "\\boxed{4}")
    with pytest.raises(Exception, match="failed on our side"):
        await broken.score(trace, None)
    print("verifiers door: ok")


if __name__ == "__main__":
    asyncio.run(main())
