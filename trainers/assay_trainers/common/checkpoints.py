"""Checkpoints: everything a run needs to go on as if it had never stopped, written atomically.

    OUTPUT/checkpoints/step-000050/       a Hugging Face folder: `assay run -m hf:…/step-000050` evaluates it
        config.json, model.safetensors, tokenizer files
        trainer/state.json                progress of the trainer, optimizer updates, hash of the configuration
        trainer/tensors.pt                optimizer state, and the random state of every process

A checkpoint is written beside its place and renamed when every byte is on the disk, so one that exists is complete.
Tensors are read with `weights_only=True`: a checkpoint from somebody else cannot run code.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from assay import StoreError
from assay_trainers.common.models import load_weights, save_policy
from assay_trainers.common.optimizer import Optimizer
from assay_trainers.common.sharding import load_optimizer_state, whole_optimizer_state
from assay_trainers.common.world import World

_FORMAT = 2


def list_checkpoints(output: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(
        path for path in (output / "checkpoints").glob("step-*") if (path / "trainer" / "state.json").exists()
    )


def checkpoint_folder(output: Path, step: int, done: int = 0) -> Path:
    """Where the checkpoint of a step is, or would be; `done`: updates of the step after it that it holds."""
    name = f"step-{step:06d}" + (f"-update-{done:05d}" if done else "")
    return output / "checkpoints" / name


class Trained(Protocol):
    """What is saved: a model with its optimizer, in one of the processes."""

    model: Any
    updates: int
    world: World

    @property
    def optimizer(self) -> Optimizer:
        """Its state is saved and restored."""


def save_checkpoint(
    output: Path,
    learner: Trained,
    tokenizer: Any,
    *,
    state: Mapping[str, Any],
    config_hash: str,
    keep: int,
    best_step: int = 0,
    done: int = 0,
    write_more: Callable[[Path], None] | None = None,
) -> Path:
    """Write a checkpoint (the main process does), then delete all but the best and the last `keep`.

    Args:
        output: The run's folder.
        learner: What is saved.
        tokenizer: Written beside the weights.
        state: The trainer's own progress, as JSON values; `step` names the folder.
        config_hash: Of the run's configuration.
        keep: Checkpoints to keep, the last ones.
        best_step: The step whose checkpoint is kept as well; 0: none.
        done: Updates of the next step that are in it.
        write_more: Writes further files into the `trainer` folder.

    Raises `StoreError` where it cannot be written, on a full disk for example; earlier checkpoints stay.
    """
    world = learner.world
    folder = checkpoint_folder(output, state["step"], done)
    random_states = world.gather([torch.get_rng_state()])
    optimizer = whole_optimizer_state(learner.optimizer, keep=world.is_main)
    if not world.is_main:
        save_policy(learner.model, tokenizer, folder, write=False)
    else:
        part = folder.with_name(f".part-{folder.name}")
        try:
            shutil.rmtree(part, ignore_errors=True)
            trainer = part / "trainer"
            trainer.mkdir(parents=True)
            save_policy(learner.model, tokenizer, part)
            if write_more is not None:
                write_more(trainer)
            torch.save({"optimizer": optimizer, "random": random_states}, trainer / "tensors.pt")
            written = {**state, "updates": learner.updates, "config": config_hash, "format": _FORMAT}
            (trainer / "state.json").write_text(json.dumps(written, indent=1))
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
        best = checkpoint_folder(output, best_step)
        for old in [path for path in list_checkpoints(output)[:-keep] if path != best]:
            shutil.rmtree(old, ignore_errors=True)
    world.barrier()
    return folder


def load_checkpoint(folder: Path, learner: Trained, *, needs: Sequence[str], config_hash: str) -> dict[str, Any]:
    """Put a checkpoint's state into a learner, bit for bit; returns the trainer's own progress.

    Args:
        folder: The checkpoint.
        learner: Takes weights, optimizer state and the random state of its process.
        needs: Whole numbers that the progress must hold.
        config_hash: Of the run's configuration.

    Raises `StoreError` where it is damaged, or belongs to a run with another configuration.
    """
    try:
        state = json.loads((folder / "trainer" / "state.json").read_text())
        # Several processes of one machine read the same pages of the file.
        several = learner.world.size > 1
        tensors = torch.load(folder / "trainer" / "tensors.pt", map_location="cpu", mmap=several, weights_only=True)
        if state["format"] != _FORMAT:
            raise ValueError(f"its format is {state['format']}, this version writes {_FORMAT}")
        for name in (*needs, "updates"):
            state[name] = int(state[name])
    except Exception as error:
        raise damaged(folder, error) from error
    if state["config"] != config_hash:
        raise StoreError(
            f"the checkpoint {folder} belongs to a run with another configuration: give this run an output folder of "
            "its own, or restore the configuration (config.yaml beside the checkpoints is the one it was made with)"
        )
    load_weights(learner.model, folder)
    load_optimizer_state(learner.optimizer, tensors["optimizer"])
    learner.updates = state["updates"]
    states = tensors["random"]
    if learner.world.rank < len(states):
        torch.set_rng_state(states[learner.world.rank])
    return dict(state)


def write_best(folder: Path, found: Mapping[str, Any]) -> None:
    """Say in best.json beside the checkpoints which one is the best, and by what."""
    part = folder.parent / ".part-best.json"
    part.write_text(json.dumps({**found, "checkpoint": folder.name}))
    part.replace(folder.parent / "best.json")


def damaged(folder: Path, error: Exception) -> StoreError:
    """What to say of a checkpoint that cannot be read."""
    line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return StoreError(f"the checkpoint {folder} is damaged: {line}. Delete its folder to go on from the one before")


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
