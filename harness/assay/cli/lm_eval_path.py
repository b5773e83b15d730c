"""`assay lm-eval-path`: our benchmarks as tasks of lm-eval, in a folder for its --include_path."""

from __future__ import annotations

from typing import Annotated

import typer


def lm_eval_path(
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BENCHMARK]...", help="Default: all but families, which must be named in full."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("-n", "--samples", min=1, help="Samples per problem. Default: each benchmark's own.")
    ] = None,
) -> None:
    """Write task files of our benchmarks for lm-eval, and print their folder.

    lm_eval --include_path $(assay lm-eval-path -n 4) --tasks assay_aime24 --model hf --model_args pretrained=MODEL
    """
    from assay.interop.lm_eval.files import write_tasks

    print(write_tasks(benchmarks or (), samples=samples))
