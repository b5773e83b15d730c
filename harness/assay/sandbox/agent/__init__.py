"""The agent: the one process in a sandbox that is ours. It starts programs, watches them, and cleans up after them.

Theory of operation. The host never shares memory, files or descriptors with a program; it talks to this agent in
frames over two byte streams (`wire`). For each run the agent forks; the child takes away its own rights (`confine`)
and becomes the program, by `exec` (`spawn`) or, for Python in fork mode, by going on in the warm interpreter
(`interpreter`, `template`). The agent waits, enforces what the kernel does not (`watch`), kills what is left, and
answers with bytes and figures (`runner`, `live`). Files of a program and the folders that it may write to are kept and
wiped by `files`.

A fork inherits the agent's memory, so nothing that a program must not know may ever lie there: inputs, sources and
outputs pass through one page that forks do not inherit (`wire.Page`) into memory files. Headers hold sizes, limits,
arguments and file names only.

The modules run inside the sandbox, under its own Python (3.11 to 3.13, standard library only), and import nothing of
Assay. `bundle` packs them into one text that the host sends to `BOOT`, so the sandbox needs no copy of them.

Three ways to hold a program (`strategy`):

`uid`: the agent is root with SETUID, SETGID and KILL. Each program has a user of its own; orphans come back to the
agent (a subreaper), and a helper that takes the user's identity kills whatever it still has.
`pidns`: the agent is an ordinary user in a user namespace. Each run has a PID namespace whose first process is ours and
takes everything along when it ends; no capabilities; the agent cannot be traced (not dumpable) or seen.
`plain`: no isolation (`none-i-accept-the-risk`).
"""

from __future__ import annotations

import functools

BOOT = """\
import os
def read(size):
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
exec(compile(read(int.from_bytes(read(8), "little")), "<assay agent>", "exec"))
"""
"""What `python3 -I -B -c` is given: reads a length and that many bytes of Python from its standard input."""

MODULES = (
    "wire", "system", "landlock", "confine", "files", "interpreter", "watch", "template", "spawn", "runner", "live",
    "service",
)  # fmt: skip
"""In the order in which they are loaded: each imports only those before it."""

_LOADER = """
import gc, importlib.util, marshal, sys, types
def load():
    package = sys.modules["assay_agent"] = types.ModuleType("assay_agent")
    package.__path__ = []
    same = importlib.util.MAGIC_NUMBER == MAGIC
    for name, (source, code) in SOURCES.items():
        module = types.ModuleType("assay_agent." + name)
        module.__package__ = "assay_agent"
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        exec(marshal.loads(code) if same else compile(source, FILE % name, "exec"), module.__dict__)
    for name in [name for name in sys.modules if name.partition(".")[0] == "assay_agent"]:
        del sys.modules[name]
    return package.service.main
main = load()
SOURCES.clear()
gc.collect()
main()
"""

_FILE = "<assay agent %s>"


@functools.cache
def bundle() -> bytes:
    """The agent as `BOOT` expects it: a little-endian 64-bit length and the Python text.

    It holds each module twice: as source, and compiled by this Python, which a sandbox with the same version uses:
    that starts sooner, and leaves fewer pages behind that every fork would have to copy.
    """
    import marshal
    from importlib.resources import files
    from importlib.util import MAGIC_NUMBER

    folder = files(__name__)
    sources = {}
    for name in MODULES:
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        sources[name] = (source, marshal.dumps(compile(source, _FILE % name, "exec", dont_inherit=True, optimize=2)))
    text = f"SOURCES = {sources!r}\nMAGIC = {MAGIC_NUMBER!r}\nFILE = {_FILE!r}\n{_LOADER}".encode()
    return len(text).to_bytes(8, "little") + text
