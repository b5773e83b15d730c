"""The agent's conversation with the host: begin, load, compile, run, talk, end.

| request   | payload                | reply                                                               |
|-----------|------------------------|---------------------------------------------------------------------|
| (none)    |                        | hello: versions, machine, capabilities                              |
| configure | system call filter     | ready                                                               |
| tools     |                        | which of the asked programs are there                               |
| begin     | files of the program   | ok: a new program, in empty folders, under an identity of its own   |
| compile   |                        | as run; after success also the artefacts' names, and their bytes    |
| run       | standard input, files  | `wire.RUN`: how it ended, figures; then stdout and the end of stderr |
| (no JSON) | standard input         | the same: run once more, as in the last `run`                       |
| start     | files                  | ok; then send and close (no reply), receive, finish (as run)        |
| end       |                        | clean: all folders are empty and no process is left                 |

A request that cannot be done is answered by `{"error": …}` and the conversation goes on. When the host closes the
stream, or sends what is no frame, the agent ends, and with it (PID namespace, container) everything in the sandbox.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import signal
import sys
from typing import Any

from . import confine, files, landlock, live, runner, spawn, system, wire

PROTOCOL = 1
AGENT_CAPABILITIES = (1 << 5) | (1 << 6) | (1 << 7)  # CAP_KILL, CAP_SETGID, CAP_SETUID
CAP_SYS_ADMIN = 1 << 21
CAP_SETPCAP = 1 << 8


class Service:
    """The agent of one worker."""

    def __init__(self) -> None:
        self.page = wire.Page()
        high = 64
        source = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, high)
        target = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, high)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, 0)
        os.dup2(null, 1)
        if null > 2:
            os.close(null)
        self.wire = wire.Wire(source, target, self.page)

    def hello(self) -> None:
        """What the host must know to choose a configuration."""
        self.wire.reply(
            {
                "protocol": PROTOCOL,
                "python": sys.version.split()[0],
                "executable": sys.executable,
                "machine": os.uname().machine,
                "kernel": os.uname().release,
                "uid": os.getuid(),
                "capabilities": system.effective_capabilities(),
                "user_ids": self._user_ids(),
            }
        )

    @staticmethod
    def _user_ids() -> int:
        """How many user ids there are from 0 on (a user namespace may map few)."""
        try:
            with open("/proc/self/uid_map", encoding="ascii") as file:
                first, _, count = file.readline().split()
        except (OSError, ValueError):
            return 1
        return int(count) if int(first) == 0 else 1

    def configure(self, request: dict[str, Any]) -> None:
        """Take the role that the host chose, and give up what it does not need."""
        self.strategy: str = request["strategy"]
        self._first_uid, self._last_uid = request["uids"]
        self._next_uid = self._first_uid
        os.environ.clear()
        os.environ.update(request["environment"])
        # What is ignored here would be ignored in programs, and who started us may ignore some (nohup, a shell's &).
        # The first process of a PID namespace need not ignore.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number in signal.valid_signals():
            if signal.getsignal(number) == signal.SIG_IGN and number not in confine.IGNORED:
                signal.signal(number, signal.SIG_DFL)
        system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
        code = self.wire.take_bytes(request["filter"])
        syscall_filter = system.Filter(code) if code else None
        alone = self.wire.take_bytes(request["alone"])
        remount = self.strategy == "pidns"
        folders = files.Folders(request["program"], request["scratch"], request["writable"], remount=remount)
        self.runner = runner.Runner(self.strategy, folders, self.wire, syscall_filter, request["warm"])
        self.runner.alone = system.Filter(alone) if alone else None
        self.live = live.Live(self.runner, self.wire)
        confine.set_common_limits()
        os.chdir("/")
        rules = None
        if self.strategy != "plain":
            rules = landlock.Landlock([*folders.writable, folders.program])
            gate = spawn.make_gate(os.path.dirname(request["program"]))
            self._confine_self(syscall_filter, rules)
            if self.strategy == "uid":
                self.runner.gate = spawn.checked_gate(gate)
        os.umask(0o022)
        gc.collect()
        gc.freeze()
        self.wire.reply({"ready": True, "landlock": rules.abi if rules else 0})

    def _confine_self(self, syscall_filter: system.Filter | None, rules: landlock.Landlock) -> None:
        system.prctl(system.PR_SET_DUMPABLE, 0)
        held = system.effective_capabilities()
        if self.strategy == "uid":
            try:  # noqa: SIM105 - contextlib would weigh on every fork
                os.setgroups([])
            except PermissionError:
                pass
        if held & CAP_SETPCAP:
            system.bound_capabilities(0)
            system.prctl(system.PR_SET_SECUREBITS, system.SECUREBITS_LOCKED)
        keep = AGENT_CAPABILITIES if self.strategy == "uid" else CAP_SYS_ADMIN
        system.set_capabilities(keep & held)
        system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
        if self.strategy == "uid":
            # Nothing that the agent needs is denied, so both are taken on once and not in every run.
            rules.restrict()
            if syscall_filter:
                syscall_filter.load()
        else:
            self.runner.landlock = rules

    def tools(self, request: dict[str, Any]) -> None:
        """Paths of programs by name."""
        folders = os.environ.get("PATH", "").split(":")
        found = {}
        for name in request["names"]:
            paths = (os.path.join(folder, name) for folder in folders)
            path = next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)
            if path:
                found[name] = path
        self.wire.reply({"found": found})

    def begin(self, request: dict[str, Any]) -> None:
        """A new program in empty folders."""
        self.runner.begin(self._next_uid)
        self._next_uid = self._next_uid + 1 if self._next_uid < self._last_uid else self._first_uid
        self.runner.folders.lock(read_only=False)
        for name, size, mode in request["files"]:
            self.runner.folders.put(name, size, mode, self.wire)
        self.runner.folders.lock(read_only=True)
        self.wire.reply({"ok": True})

    def compile(self, request: dict[str, Any]) -> None:
        """Run a compiler, and keep what it made where that went well."""
        folders = self.runner.folders
        folders.make_out()
        self.runner.rewind(self.runner.input)
        report, size = self.runner.run(runner.Task(request))
        sent = False
        if report.fine:

            def collect() -> None:  # in a helper, which has no page of its own yet
                folders.send_collected(wire.Wire(self.wire.source, self.wire.target, wire.Page()))

            self.wire.reply_run(report.figures(clean=True), self.runner.output, size)
            folders.lock(read_only=False)
            sent = self.runner.in_helper(collect, as_program=False)
            folders.lock(read_only=True)
        clean = self.runner.clear()
        if not report.fine:
            self.wire.reply_run(report.figures(clean=clean), self.runner.output, size)
        elif not sent:
            self.wire.reply({"refused": True})

    def run(self, request: dict[str, Any] | None) -> None:
        """Run the program once: as the request says, or, where it says nothing, as the last one did."""
        if self.strategy == "pidns":
            self.runner.fresh_files()
        self.runner.rewind(self.runner.input)
        if request is None:
            self.wire.take(self.runner.input, self.wire.unread)
        else:
            self.task = runner.Task(request)
            self.wire.take(self.runner.input, request["stdin"])
            for name, size in request.get("files", ()):
                self.runner.folders.put(name, size, 0o644, self.wire, self.runner.folders.scratch)
        report, size = self.runner.run(self.task)
        self.wire.reply_run(report.figures(clean=self.runner.clear()), self.runner.output, size)

    def start(self, request: dict[str, Any]) -> None:
        """Start a run that is talked to."""
        for name, size in request.get("files", ()):
            self.runner.folders.put(name, size, 0o644, self.wire, self.runner.folders.scratch)
        self.live.start(runner.Task(request))
        self.wire.reply({"ok": True})

    def end(self) -> None:
        """Forget the program: wipe its files."""
        if self.live.active:
            self.live.abandon()
        self.runner.close_template()
        clean = self.runner.clear()
        program = self.runner.folders.program
        self.runner.folders.lock(read_only=False)
        self.runner.in_helper(lambda: files.flatten([program]), as_program=False)
        for descriptor in (self.runner.input, self.runner.output, self.runner.code):
            self.runner.rewind(descriptor)
        empty = self.runner.in_helper(lambda: os._exit(1 if os.listdir(program) else 0), as_program=False)
        self.wire.reply({"clean": clean and empty})

    def serve(self) -> None:
        """Answer requests until the host is gone."""
        self.hello()
        first = self.wire.receive()
        if first is None:
            raise wire.StreamEnded
        self.configure(first)
        while True:
            if self.live.active:
                self.live.attend()
            request = self.wire.receive()
            try:
                self._answer(request)
            except (OSError, files.BadRequestError, KeyError, TypeError, ValueError) as error:
                self.wire.drop()
                number = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
                self.wire.reply({"error": f"{type(error).__name__} {number}: {error} {_place(error)}"})
            self.wire.drop()

    def _answer(self, request: dict[str, Any] | None) -> None:
        if request is None or request.get("op") == "run":
            self.run(request)
            return
        operation = request.get("op")
        if operation in ("send", "close", "receive", "finish"):
            self._talk(operation, request)
        elif operation == "end":
            self.end()
        elif operation in ("tools", "begin", "compile", "start"):
            getattr(self, operation)(request)
        else:
            raise files.BadRequestError(f"unknown operation {str(operation)[:40]!r}")

    def _talk(self, operation: str, request: dict[str, Any]) -> None:
        if not self.live.active:
            if operation in ("send", "close"):
                return
            raise files.BadRequestError("no run to talk to")
        if operation == "send":
            self.live.send(self.wire.unread)
        elif operation == "close":
            self.live.close_stdin()
        elif operation == "receive":
            self.live.receive(request["seconds"])
        else:
            self.live.finish(kill=request["kill"])


def _place(error: BaseException) -> str:
    """Where it was raised, in short (the traceback module would weigh on every fork)."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(reversed(places[-4:]))


def main() -> None:
    """Serve the host on standard input and output."""
    service = Service()
    try:
        service.serve()
    except wire.StreamEnded:
        pass
    except BrokenPipeError:
        pass
    os._exit(0)
