"""What a checkpoint of GRPO holds beside weights, optimizer and random states: see `assay_trainers.common.checkpoints`.

    trainer/state.json      also: step, data cursor, when the reference was refreshed
    trainer/reference/      the reference policy, where it is no longer the model that the run began with

They are written between steps, when no rollout is pending; the completions of a step that was cut short are drawn
again from the same weights with the same seeds, and are the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay_trainers.common import checkpoints
from assay_trainers.common.models import load_weights
from assay_trainers.grpo.update import Learner

_NUMBERS = ("step", "cursor", "reference_step")


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    """Steps done."""
    cursor: int = 0
    """Problems taken from the data."""
    reference_step: int = 0
    """Step at which the reference policy was last refreshed; 0: it is the model that the run began with."""


def save_checkpoint(
    output: Path, progress: Progress, learner: Learner, tokenizer: Any, *, config_hash: str, keep: int
) -> Path:
    """Write a checkpoint, then delete all but the last `keep`. Raises `StoreError` where it cannot be written."""

    def write_reference(trainer: Path) -> None:
        if learner.reference is not None and progress.reference_step:
            learner.reference.save_pretrained(trainer / "reference")

    return checkpoints.save_checkpoint(
        output,
        learner,
        tokenizer,
        state=asdict(progress),
        config_hash=config_hash,
        keep=keep,
        write_more=write_reference,
    )


def load_checkpoint(folder: Path, learner: Learner, *, config_hash: str) -> Progress:
    """Put a checkpoint's state into a learner. Raises `StoreError` where it is damaged or another run's."""
    state = checkpoints.load_checkpoint(folder, learner, needs=_NUMBERS, config_hash=config_hash)
    progress = Progress(**{name: state[name] for name in _NUMBERS})
    if learner.reference is not None and progress.reference_step:
        load_weights(learner.reference, folder / "trainer" / "reference")
    return progress
