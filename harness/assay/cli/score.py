"""`assay score FILE --verifier NAME`: check completions that exist already, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import (
    ExecutorOption,
    JsonOption,
    PluginOption,
    TimeoutOption,
    WorkersOption,
    open_pool,
    parse_pairs,
    prepare,
    print_json,
    stderr,
    stdout,
)

if TYPE_CHECKING:
    from assay.score import ScoredRow, ScoreReport


_SHOWN_FAILURES = 10
"""Rows that could not be checked and are listed; `--json` has all of them."""


def score(
    file: Annotated[str, typer.Argument(help="JSONL or Parquet with responses and references.", show_default=False)],
    verifier: Annotated[str, typer.Option(help="Name of the verifier; `assay plugins` lists them.")],
    option: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", metavar="NAME=VALUE", help="An option of the verifier: extraction=lenient."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="PART=NAME", help="Which field holds the response, reference, label, id or problem."),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Only rows whose field has this value.")
    ] = None,
    prefilled: Annotated[
        bool, typer.Option(help="The prompts ended with <think>: responses without tags are unfinished reasoning.")
    ] = False,
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="List every row on which verifier and label disagree.")
    ] = False,
    plugin: PluginOption = None,
    executor: ExecutorOption = "local",
    workers: WorkersOption = None,
    verify_timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the responses of a file: counts per outcome, mean score, agreement with labels."""
    from assay.score import score_file

    prepare(plugin=plugin)
    with open_pool(workers, verify_timeout, executor) as pool, stderr().status("") as status:

        def show(report: ScoreReport) -> None:
            if report.rows % 100 == 0:
                rate = report.rows / max(report.seconds, 1e-9)
                mean = report.mean_score
                status.update(
                    f"{report.rows} rows, {rate:.0f}/s" + (f", mean score {mean:.3f}" if mean is not None else "")
                )

        report = score_file(
            file,
            verifier,
            options=parse_pairs(option, "--option"),
            fields={part: str(name) for part, name in parse_pairs(field, "--field").items()},
            where=_conditions(where),
            prefilled=prefilled,
            pool=pool,
            progress=show,
        )
    if as_json:
        print_json(_as_json(report, disagreements))
        return
    _print(report, disagreements)
    if len(report.failures) == report.rows:
        raise typer.Exit(1)


def _conditions(where: list[str] | None) -> dict[str, str]:
    from assay.errors import UsageError

    conditions = {}
    for condition in where or ():
        name, equals, value = condition.partition("=")
        if not equals:
            raise UsageError(f"--where takes FIELD=VALUE, got {condition!r}")
        conditions[name] = value
    return conditions


def _as_json(report: ScoreReport, disagreements: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "file": report.path,
        "verifier": {"name": report.verifier, "version": report.verifier_version},
        "fields": report.fields,
        "rows": report.rows,
        "outcomes": report.outcomes,
        "mean_score": report.mean_score,
        "labelled": report.labelled,
        "agreement": report.agreement,
        "seconds": report.seconds,
        "failures": [_row(row) for row in report.failures],
    }
    if disagreements:
        result["disagreements"] = [_row(row) for row in report.disagreements]
    return result


def _row(row: ScoredRow) -> dict[str, Any]:
    return {
        "row": row.number,
        "id": row.id,
        "label": row.label,
        "outcome": row.verdict.outcome.value,
        "score": row.verdict.score,
        "extracted": row.verdict.extracted,
        "reference": row.reference,
        "reason": row.verdict.reason,
    }


def _print(report: ScoreReport, disagreements: bool) -> None:
    from rich.table import Table

    console = stdout()
    console.print(f"{report.path}: {report.verifier} {report.verifier_version}", markup=False, soft_wrap=True)
    table = Table()
    table.add_column("outcome")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for outcome, count in report.outcomes.items():
        table.add_row(outcome.replace("_", " "), str(count), f"{count / report.rows:.1%}")
    console.print(table)
    mean = report.mean_score
    console.print(f"mean score {mean:.4f} over {report.rows - len(report.failures)} checked rows" if mean is not None
                  else "no row could be checked", highlight=False)  # fmt: skip
    if report.agreement is None:
        console.print("the file has no labels to agree with", highlight=False)
    else:
        wrong = report.labelled - report.agreeing
        console.print(
            f"agreement with the labels {report.agreement:.2%} ({report.agreeing} of {report.labelled}; "
            f"{wrong} disagree{'' if disagreements or not wrong else ': list them with --disagreements'})",
            highlight=False,
        )
    listed = [("could not be checked", row) for row in report.failures[:_SHOWN_FAILURES]]
    if len(report.failures) > _SHOWN_FAILURES:
        console.print(f"{len(report.failures)} rows could not be checked; the first {_SHOWN_FAILURES}:")
    if disagreements:
        listed += [("disagrees", row) for row in report.disagreements]
    for why, row in listed:
        fields = _row(row)
        console.print(
            f"{why}: row {row.number} ({row.id})  label {row.label}  outcome {fields['outcome']} {fields['score']}  "
            f"extracted {_short(fields['extracted'])}  reference {_short(row.reference)}  {row.verdict.reason}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}… ({len(text)} characters)"
