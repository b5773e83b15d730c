"""How large an installation is: each extra in a fresh virtual environment, from the wheel that users get.

    python results/install/sizes.py             # the core and every extra of pyproject.toml (a quarter of an hour)
    python results/install/sizes.py core hf     # these only; the others keep their rows
    python results/install/sizes.py --page      # writes the table of docs/install.md anew

A row is the sum of the sizes of all files of the environment, pip and compiled bytecode included, in MB of 10^6 bytes.
`torch` comes first, from `TORCH`: on a machine without a GPU its CPU build, or gigabytes of CUDA come along. How much
more torch of the public index costs is a row of its own (`torch-pypi`): what pip would download, asked but not
downloaded. `vllm` is asked in the same way, because its wheels need a GPU.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("sizes.json")
PAGE = ROOT / "docs" / "install.md"
MARKS = ("<!-- sizes: written by results/install/sizes.py -->", "<!-- end of sizes -->")
TORCH = os.environ.get("TORCH", "torch==2.13.0")
NEED_TORCH = {"hf", "train", "deepspeed", "lm-eval", "all"}
TOOLS = {"bench", "dev"}
"""Of this repository's own tests and measurements; nobody installs the wheel for them."""
MB = 1_000_000
PUBLIC = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
"""Environment in which pip sees the public index alone."""


def extras() -> list[str]:
    """The names to measure: "core", and the extras of pyproject.toml in their order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return ["core", *(name for name in project["optional-dependencies"] if name not in TOOLS)]


def pip(python: Path, *arguments: str | Path, **environment: str) -> None:
    """Run pip in an environment. Raises with what it said where it fails."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")


def build_wheel(folder: Path) -> Path:
    """Our wheel, as `python -m build` makes it."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def bytes_of(folder: Path) -> int:
    """The sum of the sizes of all files below a folder; links count nothing."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def measure(name: str, wheel: Path, folder: Path) -> dict[str, Any]:
    """Install an extra and weigh it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    empty = bytes_of(folder)
    started = time.monotonic()
    if name in NEED_TORCH:
        pip(python, "install", "--quiet", TORCH)
    pip(python, "install", "--quiet", wheel if name == "core" else f"{wheel}[{name}]")
    seconds = time.monotonic() - started
    site = next(folder.glob("lib/python*/site-packages"))
    packages = list(importlib.metadata.distributions(path=[str(site)]))
    return {
        "mb": round(bytes_of(folder) / MB, 1),
        "empty_mb": round(empty / MB, 1),
        "packages": len(packages),
        "largest": _largest({package.name: _bytes_in(package) for package in packages}),
        "seconds": round(seconds),
        "versions": {package.name.lower(): package.version for package in packages},
    }


def _bytes_in(package: importlib.metadata.Distribution) -> int:
    files = (Path(str(file.locate())) for file in package.files or ())
    return sum(path.stat().st_size for path in files if path.is_file())


def _largest(sizes: dict[str, int]) -> list[tuple[str, float]]:
    return [(name, round(size / MB, 1)) for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:6]]


def ask(requirement: str, folder: Path) -> dict[str, Any]:
    """What pip would download from the public index into a fresh environment: the sizes of the files that it names."""
    venv.create(folder, with_pip=True)
    report = folder / "report.json"
    pip(folder / "bin" / "python", "install", "--quiet", "--dry-run", "--report", report, requirement, **PUBLIC)
    sizes = {}
    for item in json.loads(report.read_text())["install"]:
        name, url = item["metadata"]["name"].lower(), item["download_info"]["url"]
        sizes[f"{name}=={item['metadata']['version']}"] = _size(url)
    return {
        "download_mb": round(sum(sizes.values()) / MB, 1),
        "packages": len(sizes),
        "largest": _largest({name.partition("==")[0]: size for name, size in sizes.items()}),
        "versions": dict(name.split("==") for name in sizes),
    }


def _size(url: str) -> int:
    if url.startswith("file:"):
        return Path(urllib.request.url2pathname(url.removeprefix("file://"))).stat().st_size
    request = urllib.request.Request(url, method="HEAD")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.headers["Content-Length"])


def table(results: dict[str, Any]) -> str:
    """The rows as a table of Markdown, in pyproject's order."""
    rows = results["rows"]
    core = rows["core"]
    lines = [
        f"Python {results['python']}, {results['system']}, {results['date']}. "
        "MB are 10^6 bytes of a fresh environment; "
        f"compiled bytecode is included, and {core['empty_mb']:,.0f} MB of pip and setuptools.",
        "",
        "| `pip install` | MB | more than the core | packages | the largest that come with it, MB |",
        "|---|---|---|---|---|",
    ]
    for name in [*extras(), "torch-pypi"]:
        if name not in rows:
            continue
        row = rows[name]
        what = {"core": "`assay`", "torch-pypi": "`torch`, of the public index"}.get(name, f"`assay[{name}]`")
        size, more = f"{row.get('mb', 0):,.0f}", f"{row.get('mb', 0) - core['mb']:,.0f}" if name != "core" else ""
        if "mb" not in row:
            size, more = f"to download: {row['download_mb']:,.0f}", ""
        added = [(part, mb) for part, mb in row["largest"] if name == "core" or part.lower() not in core["versions"]]
        parts = ", ".join(f"{part} {mb:,.0f}" for part, mb in added[:4]) or "small ones"
        lines.append(f"| {what} | {size} | {more} | {row['packages']} | {parts} |")
    torch = rows.get("hf", {}).get("versions", {}).get("torch", TORCH)
    return "\n".join([*lines, "", f"Where torch is needed, {torch} was installed before."])


def write_page(results: dict[str, Any]) -> None:
    """Put the table between the marks of the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    PAGE.write_text(f"{before}{MARKS[0]}\n{table(results)}\n{MARKS[1]}{after}")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="core, extras, torch-pypi; default: all")
    parser.add_argument("--page", action="store_true", help="only write the page from what was measured")
    wanted = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": {}}
    results |= {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    results["date"] = results.get("date") if wanted.page else time.strftime("%Y-%m-%d")
    with tempfile.TemporaryDirectory() as scratch:
        wheel = None if wanted.page else build_wheel(Path(scratch))
        for name in () if wanted.page else wanted.names or [*extras(), "torch-pypi"]:
            folder = Path(scratch) / name
            if name == "torch-pypi":
                row = ask("torch", folder)
            elif name == "vllm":
                row = ask(f"{wheel}[vllm]", folder)
            else:
                assert wheel is not None
                row = measure(name, wheel, folder)
                subprocess.run(["rm", "-rf", str(folder)], check=True)
            results["rows"][name] = row
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            print(name, json.dumps({key: value for key, value in row.items() if key != "versions"}))
    if PAGE.exists():
        write_page(results)


if __name__ == "__main__":
    main()
