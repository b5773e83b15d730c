"""What a checkpoint of GRPO holds beside weights, optimizer and random states: see `assay_trainers.common.checkpoints`.

    trainer/state.json              also: step, data cursor, when the reference was refreshed, the best step
    trainer/reference.safetensors   the reference policy, where it is no longer what the run began with
    trainer/pending.pt              rollouts not learned from yet (`pending`), where there are any

A step may be left between two of its optimizer updates: `step-000003-update-00002` holds two updates of step 4. The
completions of a step of which nothing was learned are drawn again from the same weights with the same seeds, and are
the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from assay_trainers.common import checkpoints
from assay_trainers.common.sharding import gather
from assay_trainers.grpo.pending import Learning, pack_learning, pack_rollouts
from assay_trainers.grpo.rewarding import Rewarded
from assay_trainers.grpo.update import Learner

_NUMBERS = ("step", "cursor", "reference_step", "best_step")
_REFERENCE = "reference.safetensors"
_PENDING = "pending.pt"


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    """Steps done."""
    cursor: int = 0
    """Problems taken from the data."""
    reference_step: int = 0
    """Step at which the reference policy was last refreshed; 0: it is the model that the run began with."""
    best_step: int = 0
    """Step with the best value of the metric that `checkpoints.best` names; 0: none yet."""
    best_value: float | None = None


@dataclass(kw_only=True, slots=True)
class Pending:
    """What was drawn and not learned from; see `assay_trainers.grpo.pending`."""

    learning: Learning | None = None
    """The rest of a step that was left."""
    ahead: list[Rewarded] | None = None
    """Completions of the step after it."""


def save_checkpoint(
    output: Path,
    progress: Progress,
    learner: Learner,
    tokenizer: Any,
    *,
    pending: Pending,
    config_hash: str,
    keep: int,
) -> Path:
    """Write a checkpoint, then delete all but the best and the last `keep`.

    Raises `StoreError` where it cannot be written.
    """
    rollouts = {
        "learning": pack_learning(pending.learning, learner.world),
        "ahead": pack_rollouts(pending.ahead, learner.world),
    }
    reference = {}
    if learner.reference is not None and progress.reference_step:
        for name, value in learner.reference.state().items():
            whole = gather(value)
            if learner.world.is_main:
                reference[name] = whole.cpu()

    def write_more(trainer: Path) -> None:
        if reference:
            save_file(reference, trainer / _REFERENCE)
        if any(value is not None for value in rollouts.values()):
            torch.save(rollouts, trainer / _PENDING)

    return checkpoints.save_checkpoint(
        output,
        learner,
        tokenizer,
        state=asdict(progress),
        config_hash=config_hash,
        keep=keep,
        best_step=progress.best_step,
        done=0 if pending.learning is None else pending.learning.done,
        write_more=write_more,
    )


def load_checkpoint(folder: Path, learner: Learner, *, config_hash: str) -> tuple[Progress, dict[str, Any]]:
    """Put a checkpoint's state into a learner; returns the progress, and pending rollouts still packed.

    Raises `StoreError` where it is damaged or another run's.
    """
    state = checkpoints.load_checkpoint(folder, learner, needs=_NUMBERS, config_hash=config_hash)
    progress = Progress(**{name: state[name] for name in (*_NUMBERS, "best_value")})
    trainer = folder / "trainer"
    rollouts: dict[str, Any] = {"learning": None, "ahead": None}
    try:
        if learner.reference is not None and progress.reference_step:
            learner.reference.load(load_file(trainer / _REFERENCE))
        if (trainer / _PENDING).exists():
            rollouts = torch.load(trainer / _PENDING, map_location="cpu", weights_only=True)
    except Exception as error:
        raise checkpoints.damaged(folder, error) from error
    return progress, rollouts
