"""Rollouts that were drawn and are not learned from yet, as plain values for a checkpoint.

There are two kinds: the rest of a step that was stopped between two of its optimizer updates, and completions of the
next step, drawn while this one was learned from. Neither can be had again: the weights that drew them are gone.

Values are lists, numbers, texts and tensors, so `torch.load(..., weights_only=True)` reads them. A checkpoint may be
taken up by another number of processes: rows are dealt anew then, which changes no gradient beyond rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from assay import Completion, FinishReason, Outcome, Problem, RewardResult, Verdict
from assay_trainers.common.batching import Row
from assay_trainers.common.world import World
from assay_trainers.grpo.losses import Totals
from assay_trainers.grpo.rewarding import Rewarded
from assay_trainers.grpo.rollouts import Prompt, Rollout
from assay_trainers.grpo.update import UpdateStats

_ROW = [entry.name for entry in fields(Row)]
_COMPLETION = [entry.name for entry in fields(Completion)]
_PLAIN = ("metrics", "alarms", "drawn", "rate", "prepared", "done", "norms")


@dataclass(kw_only=True, slots=True)
class Learning:
    """A step whose completions are drawn: what is left to learn, and what was seen so far."""

    batches: list[list[Row]]
    """This process's rows, by mini-batch."""
    totals: list[Totals]
    metrics: dict[str, Any]
    alarms: list[str]
    drawn: int
    """Problems taken."""
    rate: float = 0.0
    """Learning rate of the first update."""
    prepared: bool = False
    """Whether rows have what they need of other policies."""
    done: int = 0
    """Mini-batches gone through, over all epochs."""
    stats: UpdateStats = field(default_factory=UpdateStats)
    norms: list[float] = field(default_factory=list)


def pack_learning(learning: Learning | None, world: World) -> Any:
    """The values of all processes; on every process."""
    if learning is None:
        return None
    shared = {
        "totals": [asdict(totals) for totals in learning.totals],
        "stats": asdict(learning.stats),
        **{name: getattr(learning, name) for name in _PLAIN},
    }
    own = [[{name: getattr(row, name) for name in _ROW} for row in batch] for batch in learning.batches]
    return {**shared, "batches": world.gather([own])}


def unpack_learning(values: Any, world: World) -> Learning | None:
    """This process's share."""
    if values is None:
        return None
    by_process = values["batches"]
    if len(by_process) == world.size:
        own = by_process[world.rank]
    else:
        whole = [[row for batches in by_process for row in batches[place]] for place in range(len(by_process[0]))]
        own = [batch[world.rank :: world.size] for batch in whole]
    return Learning(
        batches=[[Row(**row) for row in batch] for batch in own],
        totals=[Totals(**totals) for totals in values["totals"]],
        stats=UpdateStats(**values["stats"]),
        **{name: values[name] for name in _PLAIN},
    )


def pack_rollouts(rollouts: Sequence[Rewarded] | None, world: World) -> Any:
    """The values of all processes; on every process. None where nothing was drawn ahead."""
    if rollouts is None:
        return None
    return world.gather([_pack(item) for item in rollouts])


def unpack_rollouts(
    values: Any, problems: Mapping[str, Problem], encode: Callable[[Problem, str], Prompt], world: World
) -> list[Rewarded] | None:
    """This process's share: the groups that it would have drawn itself."""
    if values is None:
        return None
    prompts: dict[str, Prompt] = {}
    own = []
    for item in values:
        key = item["key"]
        if int(key.rpartition("/")[2]) % world.size == world.rank:
            if key not in prompts:
                prompts[key] = encode(problems[item["problem"]], key)
            own.append(_unpack(item, prompts[key]))
    return own


def _pack(item: Rewarded) -> dict[str, Any]:
    rollout, result = item.rollout, item.result
    completion = {name: getattr(rollout.completion, name) for name in _COMPLETION}
    verdicts = {name: asdict(verdict) for name, verdict in result.verdicts.items()}
    return {
        "key": rollout.prompt.key,
        "problem": rollout.prompt.problem.id,
        "sample_index": rollout.sample_index,
        "completion": completion | {"finish_reason": rollout.completion.finish_reason.value},
        "total": result.total,
        "parts": dict(result.parts),
        "verdicts": json.dumps(verdicts, default=str),  # details are whatever a verifier says
    }


def _unpack(item: Mapping[str, Any], prompt: Prompt) -> Rewarded:
    finish = FinishReason(item["completion"]["finish_reason"])
    verdicts = {
        name: Verdict(**{**values, "outcome": Outcome(values["outcome"])})
        for name, values in json.loads(item["verdicts"]).items()
    }
    return Rewarded(
        rollout=Rollout(
            prompt=prompt,
            sample_index=item["sample_index"],
            completion=Completion(**{**item["completion"], "finish_reason": finish}),
        ),
        result=RewardResult(total=item["total"], parts=item["parts"], verdicts=verdicts),
    )
