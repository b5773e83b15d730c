"""Guards of the house: what the wheel holds, which way imports point, which plugins are announced."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = {
    "assay": ROOT / "harness" / "assay",
    "assay_benchmarks": ROOT / "benchmarks" / "assay_benchmarks",
    "assay_plugins": ROOT / "plugins" / "assay_plugins",
    "assay_trainers": ROOT / "trainers" / "assay_trainers",
}

LAYERS = [
    {"types", "errors", "lazy"},
    {"reasoning", "hashing", "hedging", "yaml_file", "jsonl", "contracts", "hookspecs", "prompts", "steps"},
    {"plugins", "data", "executors"},
    {"runs", "verification", "metrics", "backends", "sandbox", "engine"},
    {"audit", "backend_check", "plan", "results", "scaffold", "rewards", "score", "validate", "report", "rendering"},
    {"published"},
    {
        "recording",
        "scoring",
        "run_writer",
        "evaluation",
        "rescore",
        "comparing",
        "sharding",
        "sweeps",
        "interop",
        "serving",
        "exports",
        "viewing",
    },
    {"cli"},
]
"""Rooms of the core from the bottom up: a room imports from its own layer or from below. DESIGN.md §1."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_exactly_the_four_packages(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *map(str, PACKAGES.values())],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    wanted = {name.split("/", 1)[1] for name in tracked}
    assert wanted
    assert wanted <= set(wheel.namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_the_licence_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("/LICENSE"))
    assert b"Apache License" in wheel.read(name)


def test_the_version_is_said_once() -> None:
    import assay

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == assay.__version__ == importlib.metadata.version("assay")


def plugin_modules() -> set[str]:
    found = {"assay.backends"}
    for package in ("assay_plugins", "assay_benchmarks"):
        for path in PACKAGES[package].iterdir():
            name = path.stem if path.suffix == ".py" else path.name if (path / "__init__.py").exists() else ""
            source = path if path.suffix == ".py" else path / "__init__.py"
            if name and not name.startswith("_") and "hookimpl" in source.read_text():
                found.add(f"{package}.{name}")
    return found


def test_entry_points_are_the_plugin_modules_on_disk() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["assay"]
    assert set(declared.values()) == plugin_modules()
    assert all(module.rpartition(".")[2] == name for name, module in declared.items())
    installed = {ep.name: ep.value for ep in importlib.metadata.entry_points(group="assay") if ep.dist.name == "assay"}
    assert installed == declared, "installed metadata is stale: pip install -e ."


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute modules that a file imports, those under TYPE_CHECKING left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                continue  # stays inside its own package
            yield node.module or "", node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def python_files(folder: Path) -> list[Path]:
    """Our own code: hostile programs may be anything but Python."""
    return sorted(path for path in folder.rglob("*.py") if "programs" not in path.parts)


def test_nothing_imports_the_folders_as_packages() -> None:
    for folder in ("harness", "plugins", "trainers", "benchmarks", "tests"):
        for path in python_files(ROOT / folder):
            for module, line in imports_of(path):
                assert module.split(".")[0] not in {"plugins", "harness", "trainers", "benchmarks"}, f"{path}:{line}"


def test_plugins_benchmarks_and_trainers_import_only_the_public_interface() -> None:
    import assay

    for package in ("assay_plugins", "assay_benchmarks", "assay_trainers"):
        for path in python_files(PACKAGES[package]):
            for module, line in imports_of(path):
                top, _, rest = module.partition(".")
                if top == "assay":
                    assert not rest or rest in assay.__all__, f"{path}:{line} imports {module}: not public"
                if top in PACKAGES and top not in {"assay", package}:
                    # The trainers may use what any user may: nothing of the other bundled packages.
                    raise AssertionError(f"{path}:{line} imports {module}")


def test_arrows_of_the_core_point_down() -> None:
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    core = PACKAGES["assay"]
    for path in python_files(core):
        room = path.relative_to(core).parts[0].removesuffix(".py")
        if room in {"__init__", "__main__"}:
            continue  # re-exports everything, lazily
        assert room in level, f"{path}: the room {room!r} has no place in LAYERS"
        for module, line in imports_of(path):
            parts = module.split(".")
            assert parts[0] not in {"assay_plugins", "assay_benchmarks", "assay_trainers"}, f"{path}:{line}"
            if parts[0] == "assay" and len(parts) > 1 and parts[1] in level:
                assert level[parts[1]] <= level[room], f"{path}:{line}: {room} imports {module}"


HEAVY = {
    "torch", "transformers", "datasets", "sympy", "latex2sympy2_extended", "vllm", "pyarrow", "numpy", "rich", "httpx",
}  # fmt: skip


def test_listing_plugins_and_commands_loads_nothing_heavy() -> None:
    script = "import assay.cli, assay.plugins, sys; assay.plugins.registry(); print(','.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.strip().split(","))
