"""Starting commands without a fork: what the child takes on, and that without its identity nothing is executed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

SCRIPT = """
import ctypes, json, os, resource, sys
from assay.sandbox.agent import spawn, system

folder = sys.argv[1]
gate = spawn.make_gate(folder)
said = {"with every capability": spawn.checked_gate(gate)}
system.set_capabilities(1 << 5 | 1 << 6 | 1 << 7)
way = spawn.checked_gate(gate)
said["with three"] = way
os.chmod(gate, 0o755)
said["an open gate"] = spawn.checked_gate(gate)
os.chmod(gate, 0o001)
trouble_read, trouble = os.pipe()
null = os.open(os.devnull, os.O_RDWR)
os.set_inheritable(null, False)


def command(uid, *words):
    environment = {"WORD": "from the task"}
    limits = [(resource.RLIMIT_NOFILE, 33, 44)]
    return spawn.Command(
        way + words[0], list(words), environment, folder="/usr", uid=uid, limits=limits, trouble=trouble
    )


def run(made):
    read, write = os.pipe()
    pid = made.start((null, write, null))
    os.close(write)
    with open(read) as file:
        text = file.read()
    return [text.split(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]


look = 'id -u; id -g; pwd; ulimit -Sn; ulimit -Hn; echo $WORD; ls /proc/self/fd | wc -l; grep CapPrm /proc/self/status'
shell = command(54321, "/bin/sh", "-c", look)
said["as a user"] = run(shell)
said["again"] = run(shell)
for kept in ((0, 0), (54321, 0), (0, 54321)):
    uid, gid = kept
    made = command(uid, "/bin/sh", "-c", "echo executed")
    if uid != gid:
        number = next(i for i, step in enumerate(made.steps) if step[0] is system.LIBC.setresgid)
        made.chain.put(number, system.LIBC.setresgid, gid, gid, gid)

    said[f"as {kept}"] = [*run(made), os.read(trouble_read, 1000).decode() if uid == 0 or gid == 0 else ""]
said["missing"] = [*run(command(54321, "/usr/bin/there-is-no-such")), os.read(trouble_read, 1000).decode()]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
true = command(54321, "/bin/true")
for _ in range(300):
    assert run(true) == [[], 0]
said["grown"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps(said))
"""


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder that every user may pass."""
    path = tempfile.mkdtemp(prefix="assay-gate-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="elsewhere commands are forked")
def test_commands_start_with_their_own_identity_or_not_at_all(folder: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["with every capability"] is None
    assert said["with three"] == f"{folder}/gate/root"
    assert said["an open gate"] is None
    words, status = said["as a user"]
    assert (words[:2], status) == (["54321", "54321"], 0)
    assert words[2:] == ["/usr", "33", "44", "from", "the", "task", "4", "CapPrm:", "0000000000000000"]
    assert said["again"] == said["as a user"]
    for kept in ((0, 0), (54321, 0), (0, 54321)):
        words, status, trouble = said[f"as {kept}"]
        assert (words, status) == ([], 127), kept
        assert "could not be executed" in trouble
    assert said["missing"][:2] == [[], 127]
    assert said["grown"] < 2000
