"""Does anything of one program, or of one test, reach another? Run as `python -m tests.attacks.leaks native fork`.

A first program handles secrets in every way that a sandbox has: in its source, input, output, error output, arguments,
files, memory and, compiled, in its binary. Then programs that search (memory, heap, objects, open files, all files,
processes) run in the same worker, each on inputs that hold a secret each. What they find of others is a leak. Each
also holds a secret of its own that it must find: one that finds nothing would prove nothing.

Arguments are no secrets: they travel in headers, and those that the judge gives are names of files.

Writes one JSON line for each searching program: its name, what it leaked, and whether it found its own.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
from dataclasses import replace
from typing import Any

from assay import RunLimits, Sandbox, SourceCode, open_sandbox
from tests.attacks.corpus import Attack, own_attacks

TOKEN = re.compile(rb"ASSAY-TOKEN-[0-9a-f]{32}")
LIMITS = RunLimits(cpu_seconds=20.0, wall_seconds=60.0)
TESTS = 5

FIRST = """
import sys
SECRET = {source!r}
kept = [sys.stdin.read() * 50, SECRET * 50, [SECRET + str(i) for i in range(1000)]]
print(kept[0], {output!r}[:12] + {output!r}[12:])
print({error!r}, file=sys.stderr)
open("left.txt", "w").write(kept[0])
open("/tmp/left.txt", "w").write(SECRET)
if "raise" in sys.argv:
    raise ValueError(SECRET)
"""
FIRST_IN_C = """
#include <stdio.h>
const char *secret = "{source}";
int main(void) {{ char line[200]; if (!fgets(line, 200, stdin)) return 1; printf("%s %s", line, secret); return 0; }}
"""


ROLES: dict[str, str] = {}
"""What each secret was."""


def token(role: str) -> str:
    """A new secret."""
    secret = f"ASSAY-TOKEN-{secrets.token_hex(16)}"
    ROLES[secret] = role
    return secret


def use_secrets(sandbox: Sandbox, mode: Any) -> None:
    """Let the sandbox handle secrets in every way that it can."""
    code = FIRST.format(source=token("source"), output=token("output"), error=token("error output"))
    with sandbox.load(
        SourceCode(language="python", code=code, files={"extra.txt": token("file of the source").encode()}), mode=mode
    ) as first:
        for _ in first.run_many([f"{token('input')}\n".encode() * 200 for _ in range(8)], LIMITS):
            pass
        for ending in ("", "raise"):
            files = {"answer.txt": token("file of a run").encode() * 100}
            first.run(token("input").encode(), LIMITS, args=[token("argument"), ending], files=files)
        live = first.start(LIMITS, args=[token("argument of a live run")])
        live.send(token("input of a live run").encode() + b"\n")
        live.close_stdin()
        live.receive(5.0)
        live.finish()
    for code in (f"print('{token('source')}'", f"# {token('comment')}\nraise SystemExit('{token('message')}')"):
        with sandbox.load(SourceCode(language="python", code=code), mode=mode) as first:
            first.run(token("input").encode(), LIMITS)
    with sandbox.load(SourceCode(language="c", code=FIRST_IN_C.format(source=token("source in C")))) as first:
        first.run(token("input").encode(), LIMITS)
    with sandbox.load(
        SourceCode(language="c", code=f"// {token('source in C')}\nint main(void) {{ return {token('source in C')} }}")
    ):
        pass


def search(sandbox: Sandbox, mode: Any, attack: Attack) -> dict[str, Any]:
    """Run a searching program behind one that used secrets."""
    own = token("own")
    use_secrets(sandbox, mode)
    source = SourceCode(language=attack.language, code=with_own(attack, own).code)
    with sandbox.load(source, mode=mode) as program:
        runs = list(program.run_many([f"{token('other test')}\n".encode() * 20 for _ in range(TESTS)], LIMITS))
    found = [set(TOKEN.findall(run.stdout + run.stderr)) for run in runs]
    leaked = set().union(*found) - {own.encode()}
    roles = {ROLES.get(item.decode(), "nobody's") for item in leaked}
    endings = {f"{run.status} {run.stderr[-200:].decode(errors='replace')}" for run in runs if run.exit_code != 0}
    return {
        "name": attack.name,
        "leaked": sorted(role for role in roles if not role.startswith("argument")),
        "found_own": all(own.encode() in each for each in found),
        "endings": sorted(endings),
    }


OWN_IN_PYTHON = """
import ctypes, os
OWN = "{own}"
os.open(__file__, os.O_RDONLY)
_libc = ctypes.CDLL(None)
_libc.malloc.restype, _libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
_blocks = [_libc.malloc(size) for size in (512, 1000, 2048, 4096, 10000, 65536) for _ in range(20)]
for _block in _blocks:
    ctypes.memmove(_block + 100, OWN.encode(), len(OWN))
for _block in _blocks:
    _libc.free(_block)
"""
OWN_IN_C = """
    {{
        char *block = malloc(1 << 16);
        strcpy(block + 100, "{own}");
        look(block, 1 << 16, "own");
    }}
"""


def with_own(attack: Attack, own: str) -> Attack:
    """The program with a secret of its own: in its source, in an open file, in objects and in freed memory."""
    if attack.language == "c":
        head, main, body = attack.code.partition("int main(void) {\n")
        return replace(attack, code=head + main + OWN_IN_C.format(own=own) + body)
    head, quotes, body = attack.code.partition('"""\n')
    return replace(attack, code=head + quotes + OWN_IN_PYTHON.format(own=own) + body)


def main() -> None:
    """Search with each program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sandbox")
    parser.add_argument("mode", choices=("exec", "fork"))
    options = parser.parse_args()
    with open_sandbox(options.sandbox) as sandbox:
        for attack in own_attacks():
            if attack.leak:
                print(json.dumps(search(sandbox, options.mode, attack)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
