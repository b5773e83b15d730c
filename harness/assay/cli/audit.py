"""`assay audit VERIFIER`: try to fool a verifier, and check its contract."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import JsonOption, PluginOption, parse_pairs, prepare, print_json, stderr


def audit(
    verifier: Annotated[str, typer.Argument(help="Name of the verifier; `assay plugins` lists them.")],
    option: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", metavar="NAME=VALUE", help="An option of the verifier: extraction=lenient."),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="JSONL with reference, right and wrong responses; otherwise found by trying."
        ),
    ] = None,
    deadline: Annotated[float, typer.Option(min=0.05, metavar="SECONDS", help="What one check may take.")] = 2.0,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try to fool a verifier: properties and attacks, a score card, and exit code 1 if there is a hole."""
    from assay.audit import audit_verifier, read_cases
    from assay.plugins import get_verifier

    prepare(plugin=plugin)
    chosen = get_verifier(verifier, **parse_pairs(option, "--option"))
    given = read_cases(cases) if cases is not None else None
    with stderr().status("") as status:
        card = audit_verifier(chosen, cases=given, deadline=deadline, progress=status.update)
    if as_json:
        print_json(card.as_json())
    else:
        print(card.text())
    if card.holes:
        raise typer.Exit(1)
