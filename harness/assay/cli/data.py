"""`assay data list|fetch|check`: where benchmark data lies, getting it, and whether it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import DataOption, JsonOption, PluginOption, prepare, print_json, stdout
from assay.errors import AssayError, DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.contracts import Benchmark
    from assay.data import DataSource

app = typer.Typer(help="Find, download and check benchmark data.", no_args_is_help=True)

_SHOWN_FLAWS = 10
"""Flaws printed for a benchmark; `--json` has all of them."""


@app.command("list")
def list_(data: DataOption = None, plugin: PluginOption = None, as_json: JsonOption = False) -> None:
    """List benchmarks with where their data was found. Uses no network."""
    from rich.table import Table
    from rich.text import Text

    from assay.data import describe_sources
    from assay.plugins import list_benchmarks

    prepare(data, plugin)
    rows = describe_sources()
    if as_json:
        print_json(rows)
        return
    table = Table("benchmark", "data", "rows", "sha256", "licence", box=None, pad_edge=False)
    table.columns[1].overflow = "fold"
    for row in rows:
        place = f"{row['origin']}: {row['where']}" if row["found"] else _first_line(row["problem"])
        count = "-" if row["rows"] is None else str(row["rows"])
        cells = (row["name"], place, count, (row["sha256"] or "-")[:12], row["licence"])
        table.add_row(*map(Text, cells))
    for family in (name for name in list_benchmarks() if name.endswith(":")):
        table.add_row(Text(f"{family}…"), "depends on what is asked for", "-", "-", "-")
    stdout().print(table)


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Benchmarks, for example aime24 math500.")],
    force: Annotated[bool, typer.Option("--force", help="Download anew, even where a copy is present.")] = False,
    data: DataOption = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download the data of benchmarks into the cache, at the pinned revision."""
    from assay.data import inventory

    prepare(data, plugin)
    sources = [(name, source) for name in names for source in _sources(name)]
    rows: list[dict[str, Any]] = []
    for name, source in sources:
        try:
            file = inventory.fetch(source, force=force)
            rows.append({"name": name, "ok": True, "origin": file.origin, "where": file.where, "sha256": file.sha256})
        except DataError as error:
            rows.append({"name": name, "ok": False, "problem": str(error)})
    _finish(rows, as_json, lambda row: f"{row['origin']}: {row['where']} (sha256 {row['sha256'][:12]})")


@app.command("check")
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all that are here.")] = None,
    data: DataOption = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check checksums, and that every gold answer scores 1 with the benchmark's own verifier."""
    from assay.data import describe_sources
    from assay.plugins import get_benchmark

    prepare(data, plugin)
    chosen = names or list(dict.fromkeys(row["name"] for row in describe_sources()))
    benchmarks = [(name, get_benchmark(name)) for name in chosen]
    rows = [_check(name, benchmark, named=bool(names)) for name, benchmark in benchmarks]
    _finish(rows, as_json, _checked_line)


def _check(name: str, benchmark: Benchmark, *, named: bool) -> dict[str, Any]:
    from assay.data.archive import password_is_set
    from assay.data.find import find_data
    from assay.data.inventory import sources_of
    from assay.validate import validate_benchmark

    row: dict[str, Any] = {"name": name, "ok": True, "skipped": None, "problems": None, "revision": None}
    row |= {"sha256": None, "where": None, "flaws": [], "no_gold": getattr(benchmark, "no_gold", "")}
    try:
        for source in sources_of(benchmark):
            # Without names only what is here is checked; a damaged copy still fails.
            file = find_data(source, use_hub=named) if named or _is_here(source) else None
            if file is None:
                return row | {"skipped": f"not found: `assay data fetch {source.name}`, or --data DIR"}
            row |= {"sha256": file.sha256, "where": file.where}
            if not named and not password_is_set(source):
                return row | {"skipped": f"encrypted: set {source.password_env}"}
        flaws = validate_benchmark(benchmark)
        row["no_gold"] = getattr(benchmark, "no_gold", "")  # some know it only after reading their data
        row |= {"problems": len(benchmark.problems()), "revision": benchmark.revision, "ok": not flaws}
        row["flaws"] = [{"problem_id": flaw.problem_id, "reason": flaw.reason} for flaw in flaws]
    except UsageError:
        raise
    except AssayError as error:
        row |= {"ok": False, "problem": str(error)}
    return row


def _is_here(source: DataSource) -> bool:
    from assay.data import cache, data_dirs

    if any((folder / name).is_file() for folder in data_dirs() for name in source.files):
        return True
    return not source.confidential and cache.checked_sha256(source) is not None


def _checked_line(row: dict[str, Any]) -> str:
    if row["skipped"]:
        return f"skipped, {row['skipped']}"
    golds = f"not every one has a gold answer: {row['no_gold']}" if row["no_gold"] else "every gold answer scores 1"
    return f"{row['problems']} problems, {golds} (revision {row['revision'][:12]})"


def _sources(name: str) -> tuple[DataSource, ...]:
    from assay.data.inventory import sources_of
    from assay.plugins import get_benchmark, list_benchmarks

    known = list_benchmarks()
    if name not in known and ":" not in name and "[" not in name:
        raise UsageError(f"no benchmark is called {name!r}. {did_you_mean(name, known)}")
    sources = sources_of(get_benchmark(name))
    if not sources:
        raise UsageError(f"the benchmark {name} needs no data from elsewhere: there is nothing to fetch")
    return sources


def _finish(rows: list[dict[str, Any]], as_json: bool, describe: Any) -> None:
    """Print the rows, and exit 1 if one of them is not well."""
    if as_json:
        print_json(rows)
    else:
        width = max(len(row["name"]) for row in rows) if rows else 0
        for row in rows:
            mark = "FAIL" if not row["ok"] else "-   " if row.get("skipped") else "ok  "
            flaws = row.get("flaws") or []
            text = describe(row) if row["ok"] else row.get("problem") or f"{len(flaws)} flaws"
            print(f"{mark}  {row['name']:<{width}}  {text}")
            for flaw in flaws[:_SHOWN_FLAWS]:
                print(f"      {flaw['problem_id'] or '(benchmark)'}: {flaw['reason']}")
            if len(flaws) > _SHOWN_FLAWS:
                print(f"      and {len(flaws) - _SHOWN_FLAWS} more: --json lists them all")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _first_line(problem: str) -> str:
    return problem.split("\n", 1)[0].removesuffix(". Tried:")
