"""Everything that can be plugged into Assay, on one page.

A plugin is a module (or any object) with functions marked `@assay.hookimpl`, named by an entry point of
the group `assay`. The bundled plugins come in the same way. Hooks register things at start; the hot
paths call the registered objects directly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from assay.contracts import Backend, Benchmark, Verifier
from assay.types import Completion, Problem, Verdict

PROJECT = "assay"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:  # type: ignore[empty-body]
    """Name verifiers: a mapping from name to a factory, which takes the verifier's options as keywords.

    A class whose constructor is cheap is a good factory. Nothing heavy should be imported to list names.
    """


@hookspec
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:  # type: ignore[empty-body]
    """Name benchmarks: a mapping from name to a factory without arguments.

    A name that ends with ":" is a family: asked for "family:rest", its factory is called with "rest".
    Asked for "name[arguments]", the factory of "name" is called with "arguments", if it takes one.
    """


@hookspec(firstresult=True)
def open_backend(url: str, options: Mapping[str, Any]) -> Backend | None:
    """Open the backend that `url` names, or return None if the scheme is not yours.

    Args:
        url: "scheme:rest", for example "hf:./checkpoint-500".
        options: What the user set for it (dtype, device, batch_size, …). Unknown ones are a `UsageError`.
    """


@hookspec
def run_started(manifest: Mapping[str, Any], total: int, done: int) -> None:
    """A run begins: `done` of its `total` samples are already in the store."""


@hookspec
def sample_recorded(problem: Problem, sample_index: int, completion: Completion, verdict: Verdict) -> None:
    """A sample with its verdict is in the journal. Called from the recording thread: be quick."""


@hookspec
def run_finished(manifest: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """A run is complete, sealed and summarised."""


@hookspec
def training_step(step: int, metrics: Mapping[str, float]) -> None:
    """A trainer finished an optimizer step."""
