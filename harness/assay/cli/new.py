"""`assay new KIND NAME`: start a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new(
    kind: Annotated[str, typer.Argument(help="verifier, benchmark or backend.", show_default=False)],
    name: Annotated[str, typer.Argument(help="What is registered, such as last-word.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the package goes. Default: ./NAME")
    ] = None,
) -> None:
    """Write an installable package with tests, entry point and CI, to start a plugin from."""
    from assay.scaffold import new_package

    written = new_package(kind, name, out)
    folder = out or Path(written[0].parts[0])
    for path in written:
        typer.echo(str(path))
    typer.echo(f"\nNext: cd {folder} && pip install -e '.[test]' && pytest && assay plugins")
