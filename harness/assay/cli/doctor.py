"""`assay doctor`: what works on this machine, and how to mend what does not.

Each check really does the thing (starts a worker, loads the library, asks the hub), within seconds.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

import typer

from assay.cli.common import DataOption, JsonOption, PluginOption, prepare, print_json, stdout
from assay.errors import AssayError


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What one check found."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    """What to do, where it is not ok."""
    required: bool = False
    """Whether the main job (replay, servers, verification) needs it."""


def doctor(data: DataOption = None, plugin: PluginOption = None, as_json: JsonOption = False) -> None:
    """Check plugins, verification, backends, data, sandbox and hardware.

    Exits 1 if something that the main job needs is broken.
    """
    prepare(data, plugin)
    checks = [_guarded(name, check) for name, check in _CHECKS.items()]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table(show_header=True, box=None, pad_edge=False)
        for column in ("", "check", "found"):
            table.add_column(column, overflow="fold")
        for check in checks:
            mark = Text("ok", style="green") if check.ok else Text("no", style="red" if check.required else "yellow")
            table.add_row(mark, check.name, Text(check.found if check.ok else f"{check.found}\n  → {check.remedy}"))
        stdout().print(table)
    if any(check.required and not check.ok for check in checks):
        raise typer.Exit(1)


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except AssayError as error:
        return Check(name=name, ok=False, found=str(error), remedy="see the message", required=True)


def _plugins() -> Check:
    from assay.plugins import registry

    infos = registry().infos
    return Check(
        name="plugins", ok=bool(infos), found=f"{len(infos)} loaded", remedy="pip install assay", required=True
    )


def _verification() -> Check:
    from assay.cli.probe import Probe
    from assay.types import Completion, Problem
    from assay.verification import Pool

    with Pool(workers=1, timeout=30.0) as pool:
        verdict = pool.verify(Probe(), Problem(id="probe", prompt=()), Completion(text=""))
    ok = verdict.score == 1.0
    return Check(
        name="verification pool",
        ok=ok,
        found="a worker process answered" if ok else f"{verdict.outcome}: {verdict.reason}",
        remedy="a worker process could not be started: see the message",
        required=True,
    )


def _algebra() -> Check:
    names = ("sympy", "latex2sympy2_extended")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        return Check(
            name="algebra",
            ok=False,
            found=f"{', '.join(missing)} not installed",
            remedy=r"boxed_math reads limits, determinants and derivatives with it: pip install 'assay[algebra]'",
        )
    return Check(
        name="algebra", ok=True, found=", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    )


def _transformers() -> Check:
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        return Check(
            name="hf backend", ok=False, found=f"{', '.join(missing)} not installed", remedy="pip install 'assay[hf]'"
        )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))
    return Check(name="hf backend", ok=True, found=versions)


def _gpu() -> Check:
    remedy = "evaluation runs on the CPU, which suits small models only; with a GPU, install a CUDA build of torch"
    if importlib.util.find_spec("torch") is None:
        return Check(name="GPU", ok=False, found="torch is not installed", remedy=remedy)
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Check(name="GPU", ok=True, found=", ".join(names))
    if torch.backends.mps.is_available():
        return Check(name="GPU", ok=True, found="Apple MPS")
    return Check(name="GPU", ok=False, found="none that torch can use", remedy=remedy)


def _vllm() -> Check:
    if importlib.util.find_spec("vllm") is None:
        return Check(name="vllm backend", ok=False, found="vllm is not installed", remedy="pip install 'assay[vllm]'")
    return Check(name="vllm backend", ok=True, found=f"vllm {importlib.metadata.version('vllm')}")


def _hub() -> Check:
    from assay.cli.hub import endpoint, hub_reachable

    if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        return Check(name="Hugging Face hub", ok=False, found="HF_HUB_OFFLINE is set", remedy="unset it to use the hub")
    return Check(
        name="Hugging Face hub",
        ok=hub_reachable(),
        found=endpoint(),
        remedy="not reachable from here: use local model folders and --data DIR, or set HF_ENDPOINT to a mirror",
    )


def _data() -> Check:
    from assay.data import describe_sources

    sources = describe_sources()
    missing = [source["name"] for source in sources if not source["found"]]
    found = f"{len(sources) - len(missing)} of {len(sources)} benchmark files"
    return Check(
        name="benchmark data",
        ok=not missing,
        found=found + (f"; missing: {', '.join(missing)}" if missing else ""),
        remedy="`assay data fetch NAME` with a network, or --data DIR / ASSAY_DATA=DIR with the files",
    )


def _sandbox() -> Check:
    from assay.sandbox.choose import list_options

    options = list_options()
    usable = [option for option in options if option.ok]
    reasons = "; ".join(f"{option.kind}: {option.reason}" for option in options if not option.ok)
    return Check(
        name="sandbox",
        ok=bool(usable),
        found=", ".join(f"{option.kind} holds" for option in usable) or reasons,
        remedy="only needed to run programs; `assay sandbox check` shows more",
    )


_CHECKS: dict[str, Callable[[], Check]] = {
    "plugins": _plugins,
    "verification pool": _verification,
    "algebra": _algebra,
    "hf backend": _transformers,
    "GPU": _gpu,
    "vllm backend": _vllm,
    "Hugging Face hub": _hub,
    "benchmark data": _data,
    "sandbox": _sandbox,
}
