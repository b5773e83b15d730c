"""The training step that the name of a checkpoint tells, and the series that it belongs to.

`checkpoint-500` (transformers, TRL), `step-000050` (our trainers), `global_step_200` (verl), `iter_0001000` (Megatron),
and revisions on the hub such as `@step1000`.
"""

from __future__ import annotations

import re

_STEP = re.compile(
    r"^(?P<series>.*?)[/@#:]?(?:checkpoints/)?"
    r"(?:checkpoint|global_step|step|iteration|iter|epoch|ckpt)[-_]?(?P<step>\d{1,15})$",
    re.IGNORECASE,
)


def step_of(model: str) -> tuple[str, int | None]:
    """What is left of a model's name without its training step, and the step.

    >>> step_of("hf:runs/grpo/checkpoints/step-000050")
    ('hf:runs/grpo', 50)
    >>> step_of("hf:out/checkpoint-500")
    ('hf:out', 500)
    >>> step_of("hf:Qwen/Qwen3-8B")
    ('hf:Qwen/Qwen3-8B', None)
    """
    found = _STEP.match(model.rstrip("/"))
    return (found["series"], int(found["step"])) if found else (model, None)
