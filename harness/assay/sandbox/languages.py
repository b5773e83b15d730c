"""How a program of each language is compiled and run, and which tool must be in the sandbox for it.

A language is available where its tools are found inside the sandbox, so nothing here depends on the host. Commands
are templates: `{source}`, `{program}` (the folder of the program), `{out}` (the compiler's output folder),
`{memory}` (the limit in MiB). The first word is looked up in the sandbox.

`address` says how memory is limited: most programs by their whole address space. The runtimes of Java, JavaScript,
C# and Go reserve far more than they use, so for them only what is written to counts, with room for the runtime itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MiB = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """One way to run one language."""

    name: str
    source: str
    """File name of the program's text; `{main}` for Java, where it depends on the text."""
    run: tuple[str, ...]
    compile: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    """Tools beside the first words of the commands."""
    address: Literal["as", "data"] | None = "as"
    slack: int = 0
    """Bytes of address space that the runtime takes before the program has begun."""
    compile_address: Literal["as", "data"] | None = "as"
    environment: tuple[tuple[str, str], ...] = ()
    processes: int = 0
    """Threads that the runtime itself needs, beyond the program's own."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the programs that must be found in the sandbox."""
        first = [command[0] for command in (self.compile, self.run) if command and "{" not in command[0]]
        return (*first, *self.needs)


def _cpp(name: str, *flags: str) -> Language:
    compiler = "gcc" if name == "c" else "g++"
    suffix = "c" if name == "c" else "cpp"
    libraries = ("-lm",) if name == "c" else ()
    command = (
        compiler,
        "-O2",
        "-pipe",
        "-fmax-errors=20",
        "-fmax-include-depth=50",
        *flags,
        "-I{program}",
        "-o",
        "{out}/main",
        "{source}",
        *libraries,
    )
    return Language(name=name, source=f"main.{suffix}", compile=command, run=("{program}/main",))


_JAVA_HEAP = "-Xmx{memory}m"
_ALL = (
    # -I: neither the environment nor the working folder decides what is imported; site stays for quit() and exit().
    Language(name="python", source="main.py", run=("python3", "-I", "-B", "{source}")),
    _cpp("c", "-std=c17"),
    _cpp("cpp", "-std=c++17"),
    _cpp("cpp20", "-std=c++20"),
    _cpp("cpp-static", "-std=c++17", "-static"),
    Language(
        name="java",
        source="{main}.java",
        compile=(
            "javac", "-J-Xmx512m", "-J-XX:+UseSerialGC", "-encoding", "UTF-8", "-nowarn", "-d", "{out}", "{source}",
        ),
        run=(
            "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4", "-Xss64m", _JAVA_HEAP, "-Dfile.encoding=UTF-8",
            "-XX:-UsePerfData", "-cp", "{program}", "{class}",
        ),
        address="data",
        slack=1024 * MiB,
        compile_address=None,
        processes=64,
    ),
    Language(
        name="javascript",
        source="main.js",
        run=("node", "--max-old-space-size={memory}", "--stack-size=60000", "{source}"),
        address="data",
        slack=1024 * MiB,
        processes=32,
    ),
    Language(
        name="typescript",
        source="main.ts",
        compile=("tsc", "--target", "es2020", "--module", "commonjs", "--outDir", "{out}", "{source}"),
        run=("node", "--max-old-space-size={memory}", "{program}/main.js"),
        address="data",
        slack=1024 * MiB,
        compile_address=None,
        processes=32,
    ),
    Language(
        name="csharp",
        source="main.cs",
        compile=("mcs", "-optimize+", "-out:{out}/main.exe", "{source}"),
        run=("mono", "{program}/main.exe"),
        address="data",
        slack=512 * MiB,
        compile_address=None,
        processes=16,
    ),
    Language(name="php", source="main.php", run=("php", "-n", "-d", "memory_limit=-1", "{source}")),
    Language(name="bash", source="main.sh", run=("bash", "{source}")),
    Language(
        name="go",
        source="main.go",
        compile=("go", "build", "-o", "{out}/main", "{source}"),
        run=("{program}/main",),
        address="data",
        slack=256 * MiB,
        compile_address=None,
        environment=(("GOFLAGS", "-mod=mod"), ("GO111MODULE", "off"), ("GOCACHE", "/tmp/go")),  # noqa: S108 - in the sandbox
        processes=32,
    ),
    Language(
        name="rust",
        source="main.rs",
        compile=("rustc", "-O", "--edition", "2021", "-o", "{out}/main", "{source}"),
        run=("{program}/main",),
        compile_address=None,
    ),
)  # fmt: skip

LANGUAGES: Mapping[str, Language] = {language.name: language for language in _ALL}

ALIASES: Mapping[str, str] = {
    "py": "python",
    "python3": "python",
    "pypy": "python",
    "pypy3": "python",
    "c++": "cpp",
    "cpp17": "cpp",
    "cc": "cpp",
    "c++17": "cpp",
    "c++20": "cpp20",
    "js": "javascript",
    "node": "javascript",
    "ts": "typescript",
    "cs": "csharp",
    "c#": "csharp",
    "sh": "bash",
    "shell": "bash",
    "golang": "go",
    "rs": "rust",
}
"""Other names under which models tag their code."""

ALL_TOOLS = tuple(sorted({tool for language in _ALL for tool in language.tools}))


_COMMENT_OR_TEXT = re.compile(r"//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|\"(?:[^\"\\\n]|\\.)*\"")
_PUBLIC_TYPE = re.compile(
    r"\bpublic\s+(?:(?:final|abstract|strictfp|sealed)\s+)*(?:class|interface|enum|record)\s+(\w+)"
)
_TYPE_OR_MAIN = re.compile(r"\b(?:class|interface|enum|record)\s+(\w+)|\bstatic\s+(?:final\s+)?void\s+main\b")
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;")


def java_names(code: str) -> tuple[str, str]:
    """Base name of the file that a Java text must be in, and the class that holds its `main`, with its package.

    The file is named after the public type, else after the class of `main`; a text without either is "Main".
    """
    plain = _COMMENT_OR_TEXT.sub(" ", code)
    main = last = None
    for found in _TYPE_OR_MAIN.finditer(plain):
        if found[1]:
            last = found[1]
        elif main is None:
            main = last
    public = _PUBLIC_TYPE.search(plain)
    name = public[1] if public else main or "Main"
    package = _PACKAGE.match(plain)
    return name, (f"{package[1]}." if package else "") + (main or name)


def canonical(name: str) -> str:
    """The name in `LANGUAGES` for any name or alias, in any case; unknown names come back lowered."""
    lowered = name.strip().lower()
    return ALIASES.get(lowered, lowered)


def available(found: Mapping[str, str]) -> list[str]:
    """Names of the languages whose tools are among those found, in the table's order."""
    return [name for name, language in LANGUAGES.items() if all(tool in found for tool in language.tools)]
