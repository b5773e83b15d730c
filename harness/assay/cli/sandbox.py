"""`assay sandbox list|check|build`: where programs can be run safely here, proof of it, and the image for Docker."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import JsonOption, print_json, stderr, stdout
from assay.errors import SandboxError, UsageError

if TYPE_CHECKING:
    from assay.sandbox.selfcheck import SelfCheck

app = typer.Typer(
    help="Run programs safely: what is possible here, self-checks, the Docker image.", no_args_is_help=True
)

ImageOption = Annotated[
    str | None, typer.Option("--image", metavar="NAME", help="Docker image; default assay-sandbox:1.")
]
RuntimeOption = Annotated[
    str | None, typer.Option("--runtime", metavar="NAME", help="Docker runtime, for example runsc.")
]
HostOption = Annotated[
    str | None, typer.Option("--docker-host", metavar="URL", help="unix://… or tcp://…; default DOCKER_HOST.")
]


@app.command("list")
def list_(
    image: ImageOption = None,
    runtime: RuntimeOption = None,
    docker_host: HostOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sandboxes that can be used here, and why not those that cannot."""
    from rich.table import Table
    from rich.text import Text

    from assay.sandbox.choose import UNSAFE, list_options

    options = list_options(image=image, runtime=runtime, docker_host=docker_host)
    if as_json:
        rows = [{**asdict(option), "check": option.check and _as_dict(option.check)} for option in options]
        print_json(rows)
        return
    table = Table("", "sandbox", "found", box=None, pad_edge=False)
    table.columns[2].overflow = "fold"
    for option in options:
        mark = Text("ok", style="green") if option.ok else Text("no", style="yellow")
        found = option.check.verdict + _lacks(option.check) if option.check else option.reason
        table.add_row(mark, option.kind, Text(found))
    table.add_row(
        Text("!", style="red"), UNSAFE, Text("no isolation at all; only by this name, and it warns each time")
    )
    stdout().print(table)


@app.command("check")
def check(
    kind: Annotated[
        str, typer.Argument(metavar="[KIND]", help="docker or native; default: all that can start.")
    ] = "all",
    image: ImageOption = None,
    runtime: RuntimeOption = None,
    docker_host: HostOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try to break out of a sandbox, whatever is remembered of it. Exits 1 if none of those asked for holds."""
    from assay.sandbox.choose import AUTO, make_unchecked
    from assay.sandbox.selfcheck import check_sandbox, remember

    if kind not in ("all", *AUTO):
        raise UsageError(f"no sandbox {kind!r} to check: {', '.join(AUTO)}")
    results: list[dict[str, Any]] = []
    for name in AUTO if kind == "all" else (kind,):
        try:
            with make_unchecked(name, image=image, runtime=runtime, docker_host=docker_host) as sandbox:
                found = check_sandbox(sandbox)
                if found.passed:
                    remember(sandbox, found)
            results.append(_as_dict(found))
            if not as_json:
                _print_card(found)
        except SandboxError as error:
            results.append({"sandbox": name, "passed": False, "verdict": str(error)})
            if not as_json:
                stdout().print(f"{name}: {error}\n", markup=False, highlight=False)
    if as_json:
        print_json(results)
    passed = [result["passed"] for result in results]
    if not any(passed):
        raise typer.Exit(1)


@app.command("build")
def build(
    from_debootstrap: Annotated[
        bool,
        typer.Option("--from-debootstrap", help="From Debian's packages by debootstrap (root): needs no registry."),
    ] = False,
    extras: Annotated[
        str,
        typer.Option("--extras", metavar="LIST", help="bash,csharp,go,java,javascript,php,rust,typescript, or all."),
    ] = "",
    tag: Annotated[str | None, typer.Option("--tag", metavar="NAME", help="Default assay-sandbox:1.")] = None,
    tarball: Annotated[
        Path | None,
        typer.Option(
            "--tarball", metavar="FILE", help="debootstrap: keep the root file system there; used again if there."
        ),
    ] = None,
    docker_host: HostOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the image that the docker sandbox runs: Python, C and C++, and the languages of --extras."""
    from assay.sandbox import image as images
    from assay.sandbox.containers import Daemon

    names = sorted(images.EXTRAS) if extras == "all" else [name for name in extras.split(",") if name]
    images.extra_packages(names)
    if tarball is not None and not from_debootstrap:
        raise UsageError("--tarball goes with --from-debootstrap")
    daemon = Daemon(docker_host)
    tag = tag or images.IMAGE

    def report(line: str) -> None:
        stderr().print(line, markup=False, highlight=False)

    if from_debootstrap:
        file = tarball or images.cached_tarball(names)
        if file.exists():
            report(f"using {file}")
        else:
            images.build_tarball(names, file=file, report=report)
    with daemon.client("building the image", images.STEP_SECONDS) as api:
        if from_debootstrap:
            image = images.import_tarball(api, file, tag=tag, extras=names)
        else:
            image = images.build_from_registry(api, names, tag=tag, report=report)
    if as_json:
        print_json({"tag": tag, "id": image, "extras": names})
    else:
        stdout().print(f"built {tag} ({image[:19]}); next: assay sandbox check docker", markup=False, highlight=False)


def _as_dict(found: SelfCheck) -> dict[str, Any]:
    return {**asdict(found), "passed": found.passed, "verdict": found.verdict}


def _lacks(found: SelfCheck) -> str:
    lacks = found.description.get("lacks") or []
    return f"; lacks: {', '.join(map(str, lacks))}" if lacks else ""


def _print_card(found: SelfCheck) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "", "probe", "found", box=None, pad_edge=False, title=f"{found.sandbox} sandbox", title_justify="left"
    )
    table.columns[2].overflow = "fold"
    for probe in found.probes:
        mark = Text("held", style="green") if probe.ok else Text("FAILED", style="red")
        table.add_row(mark, probe.name, Text(probe.found))
    console = stdout()
    console.print(table)
    console.print(f"{found.verdict}{_lacks(found)} ({found.seconds:.1f} s)\n", markup=False, highlight=False)
