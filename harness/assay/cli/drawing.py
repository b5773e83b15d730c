"""Options of the commands that draw samples: `assay run` and `assay sweep`."""

from __future__ import annotations

from typing import Annotated

import typer

SamplesOption = Annotated[
    int | None, typer.Option("-n", "--samples", min=1, help="Samples per problem where a benchmark has no :n.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first LIMIT problems.")]
TopPOption = Annotated[
    float | None, typer.Option("--top-p", help="Nucleus mass in (0, 1]. Default: the benchmark's, 0.95.")
]
MaxTokensOption = Annotated[
    int | None, typer.Option("--max-tokens", help="Cap on generated tokens. Default: the benchmark's, 32768.")
]
TemplateOption = Annotated[
    str | None,
    typer.Option("--template", help="Prompt template: r1, r1-zero, plain, raw, or a text file with {prompt} in it."),
]
BackendOption = Annotated[
    list[str] | None,
    typer.Option("-o", "--option", metavar="NAME=VALUE", help="An option of the backend, e.g. dtype=bfloat16."),
]
VerifierOption = Annotated[
    list[str] | None,
    typer.Option(
        "--verifier-option",
        metavar="VERIFIER.NAME=VALUE",
        help="An option of a verifier, e.g. boxed_math.extraction=lenient.",
    ),
]
ShardOption = Annotated[
    int, typer.Option("--shard", min=1, metavar="PROBLEMS", help="Problems in a task of the executor.")
]
