"""Checkpoints: everything a run needs to go on as if it had never stopped, written atomically.

    OUTPUT/checkpoints/step-000050/       a Hugging Face folder: `assay run -m hf:…/step-000050` evaluates it
        config.json, model.safetensors, tokenizer files
        trainer/state.json                step, data cursor, optimizer updates, hash of the configuration
        trainer/tensors.pt                optimizer state, and the random state of every process
        trainer/reference/                the reference policy, where it is no longer the model that the run began with

A checkpoint is written beside its place and renamed when every byte is on the disk, so one that exists is complete.
They are written between steps, when no rollout is pending; the completions of a step that was cut short are drawn
again from the same weights with the same seeds, and are the same.

Tensors are read with `weights_only=True`: a checkpoint from somebody else cannot run code.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from assay import StoreError
from assay_trainers.grpo.models import load_weights, save_policy
from assay_trainers.grpo.update import Learner

_FORMAT = 1


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    """Steps done."""
    cursor: int = 0
    """Problems taken from the data."""
    reference_step: int = 0
    """Step at which the reference policy was last refreshed; 0: it is the model that the run began with."""


def list_checkpoints(output: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(
        path for path in (output / "checkpoints").glob("step-*") if (path / "trainer" / "state.json").exists()
    )


def checkpoint_folder(output: Path, step: int) -> Path:
    """Where the checkpoint of a step is, or would be."""
    return output / "checkpoints" / f"step-{step:06d}"


def save_checkpoint(
    output: Path, progress: Progress, learner: Learner, tokenizer: Any, *, config_hash: str, keep: int
) -> Path:
    """Write a checkpoint (the main process does), then delete all but the last `keep`.

    Raises `StoreError` where it cannot be written, on a full disk for example; earlier checkpoints stay.
    """
    world = learner.world
    folder = checkpoint_folder(output, progress.step)
    random_states = world.gather([torch.get_rng_state()])
    if world.is_main:
        part = folder.with_name(f".part-{folder.name}")
        try:
            shutil.rmtree(part, ignore_errors=True)
            trainer = part / "trainer"
            trainer.mkdir(parents=True)
            save_policy(learner.model, tokenizer, part)
            if learner.reference is not None and progress.reference_step:
                learner.reference.save_pretrained(trainer / "reference")
            torch.save({"optimizer": learner.optimizer.state_dict(), "random": random_states}, trainer / "tensors.pt")
            state = {**asdict(progress), "updates": learner.updates, "config": config_hash, "format": _FORMAT}
            (trainer / "state.json").write_text(json.dumps(state, indent=1))
            _sync_tree(part)
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
            _sync(folder.parent)
        except Exception as error:  # safetensors, torch and the file system each raise errors of their own
            shutil.rmtree(part, ignore_errors=True)
            last = next(iter(list_checkpoints(output)[-1:]), None)
            raise StoreError(
                f"cannot write the checkpoint {folder}: {' '.join(str(error).split())[:300]}. "
                + (f"The last complete one is {last}." if last else "There is no earlier one.")
            ) from error
        for old in list_checkpoints(output)[:-keep]:
            shutil.rmtree(old, ignore_errors=True)
    world.barrier()
    return folder


def load_checkpoint(folder: Path, learner: Learner, *, config_hash: str) -> Progress:
    """Put a checkpoint's state into a learner, bit for bit.

    Raises `StoreError` where it is damaged, or belongs to a run with another configuration.
    """
    try:
        state = json.loads((folder / "trainer" / "state.json").read_text())
        tensors = torch.load(folder / "trainer" / "tensors.pt", map_location="cpu", weights_only=True)
        if state["format"] != _FORMAT:
            raise ValueError(f"its format is {state['format']}, this version writes {_FORMAT}")
        progress = Progress(**{name: int(state[name]) for name in ("step", "cursor", "reference_step")})
    except Exception as error:
        raise StoreError(
            f"the checkpoint {folder} is damaged: {' '.join(str(error).split())[:300]}. Delete its folder to go on "
            "from the one before"
        ) from error
    if state["config"] != config_hash:
        raise StoreError(
            f"the checkpoint {folder} belongs to a run with another configuration: give this run an output folder of "
            "its own, or restore the configuration (config.yaml beside the checkpoints is the one it was made with)"
        )
    load_weights(learner.model, folder)
    if learner.reference is not None and progress.reference_step:
        load_weights(learner.reference, folder / "trainer" / "reference")
    learner.optimizer.load_state_dict(tensors["optimizer"])
    learner.updates = int(state["updates"])
    states = tensors["random"]
    if learner.world.rank < len(states):
        torch.set_rng_state(states[learner.world.rank])
    return progress


@contextlib.contextmanager
def locked(output: Path) -> Iterator[None]:
    """Hold the run folder. Raises `StoreError` where another process does, or it cannot be written."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        file = open(output / ".lock", "w")  # noqa: SIM115  # closed below
    except OSError as error:
        raise StoreError(f"cannot write the run folder {output}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"another process is training in {output}: wait for it, or choose another output"
            ) from error
        yield


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
