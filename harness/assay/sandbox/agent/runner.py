"""One run, from fork to answer.

The three strategies differ in two places only: how the program's process is started (`_spawn`) and how all of its
processes are ended for certain (`_reap`). A run whose processes cannot all be ended, or whose folders cannot be
emptied, is answered with `clean: false`, and the host replaces the worker.

Which run "ended by itself" is decided here once: `reason` is empty, or names the limit (wall, cpu, memory, output,
processes) that it broke, or "killed" where the host asked for its end.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import time
from collections.abc import Callable
from typing import Any, NoReturn

from . import confine, files, interpreter, landlock, spawn, system, template, watch, wire

_STATUS = struct.Struct("<i")
_SWEEP_SECONDS = 3.0


class Task:
    """What a run starts: a command, or a Python file to go on with in this interpreter."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.limits = confine.Limits(request["limits"])
        self.argv: list[str] = request["argv"]
        self.fork: bool = request.get("fork", False)
        self.warm: list[str] = request.get("warm", [])
        """Modules that a program in fork mode seems to import, beside those that every one finds imported."""
        self.environment = {**os.environ, **request.get("environment", {})}


class Ending:
    """How all processes of a run ended."""

    def __init__(self, status: int, cpu: float, peak: int, *, clean: bool) -> None:
        self.status, self.cpu, self.peak, self.clean = status, cpu, peak, clean


class Report:
    """A run as it is replied."""

    def __init__(self, reason: str, code: int, number: int, ending: Ending, wall: float) -> None:
        self.reason, self.code, self.number, self.wall = reason, code, number, wall
        self.cpu, self.peak, self.clean = ending.cpu, ending.peak, ending.clean

    @property
    def fine(self) -> bool:
        """Whether it ended by itself and with success."""
        return self.code == 0 and not self.reason

    def figures(self, *, clean: bool) -> tuple[Any, ...]:
        """The fields of `wire.RUN` but the last."""
        reason = wire.REASONS.index(self.reason)
        return (reason, int(self.clean and clean), self.code, self.number, self.cpu, self.wall, self.peak)


class Runner:
    """Starts, watches and ends the runs of one worker, one at a time."""

    def __init__(
        self,
        strategy: str,
        folders: files.Folders,
        channel: wire.Wire,
        syscall_filter: system.Filter | None,
        warm: list[str],
    ) -> None:
        self.strategy, self.folders, self._wire = strategy, folders, channel
        self.uid = 0
        """User id of the current program (strategy `uid`)."""
        self.stained = False
        """Whether some folder could not be emptied, ever: nothing that follows is clean."""
        self._filter = syscall_filter
        self.landlock: landlock.Landlock | None = None
        """For each run to take on (strategy `pidns`, whose agent must remount, which Landlock denies)."""
        self._warm = warm
        self._interpreter: interpreter.Interpreter | None = None
        self._template: template.Template | None = None
        self._command: tuple[Task, spawn.Command | None] | None = None
        self.alone: system.Filter | None = None
        """A filter more, for programs that are forked from a template."""
        self.gate: str | None = None
        """The way for commands that are started without a fork; see `spawn`."""
        self.input = os.memfd_create("stdin", os.MFD_CLOEXEC)
        self.output = os.memfd_create("stdout", os.MFD_CLOEXEC)
        self.code = os.memfd_create("code", os.MFD_CLOEXEC)
        self._error_read = -1
        self._wait = system.Wait()
        self._trouble_read, self._trouble = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if strategy == "pidns" else -1
        self._status_read, self._status = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.census = watch.Census(channel.page, descendants=strategy == "plain")

    # ---- starting

    def pipe(self) -> tuple[int, int]:
        """A pipe that belongs to the program's user, so that /dev/stderr and its like can be opened by name."""
        if self.strategy != "uid":
            return os.pipe2(os.O_CLOEXEC)
        system.set_fs_uid(self.uid)
        try:
            return os.pipe2(os.O_CLOEXEC)
        finally:
            system.set_fs_uid(0)

    def begin(self, uid: int) -> None:
        """Forget the last program; the next one has this user id."""
        self.close_template()
        self._command = None
        self.uid = uid
        self.rewind(self.code)

    @staticmethod
    def rewind(descriptor: int) -> None:
        """Empty a memory file."""
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)

    @staticmethod
    def _reopened(descriptor: int, flags: int) -> int:
        """A description of its own for this run: flags, locks and offset that a program sets end with it."""
        return os.open(f"/proc/self/fd/{descriptor}", flags | os.O_CLOEXEC)

    def fresh_files(self) -> None:
        """Replace the memory files. Programs that own them (strategy `pidns`) may have changed their modes."""
        for descriptor in (self.input, self.output):
            os.close(descriptor)
        self.input = os.memfd_create("stdin", os.MFD_CLOEXEC)
        self.output = os.memfd_create("stdout", os.MFD_CLOEXEC)

    def start(self, task: Task, stdin: int, stdout: int, *, piped: bool = False) -> watch.Watch:
        """Start the program on these streams. The watch's standard error is a fresh pipe."""
        if task.fork and self._interpreter is None:
            # Not before: what it imports makes every fork slower, and executed programs gain nothing.
            os.dup2(self.input, 0)
            os.dup2(self.output, 1)
            self._interpreter = interpreter.Interpreter(self._warm, task.argv[0], self.code)
        self.census.forget()
        self._error_read, error_write = self.pipe()
        os.set_blocking(self._error_read, False)
        streams = stdin, stdout, error_write
        if task.fork and not piped and self.strategy == "uid":
            made = self._template_for(task)
            made.start(streams)
            pid, end = made.pid, made.descriptor
        else:
            self.close_template()
            pid, end = self._spawn(task, streams, piped), -1
        os.close(error_write)
        return watch.Watch(pid, self._wire, self._error_read, task.limits.wall, end=end)

    def _template_for(self, task: Task) -> template.Template:
        """The template of this program's runs with these limits and arguments."""
        made = self._template
        if made is not None and made.key is task and made.runs < template.RUNS:
            return made
        self.close_template()
        self._template = template.Template(task, lambda control: self._serve_template(task, control))
        self.census.ours.add(self._template.pid)
        return self._template

    def _serve_template(self, task: Task, control: Any) -> NoReturn:
        assert self._interpreter is not None
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
        os.chdir(self.folders.scratch)
        confine.set_limits(task.limits, None)
        processes = self._process_limit(task.limits.processes) or 0
        server = template.Server(control, self._interpreter, self.uid, processes, self._trouble)
        if self.alone:
            self.alone.load()
        server.serve(task.argv[1:], task.warm)

    def close_template(self) -> int:
        """End the template, if there is one; its wait status."""
        made, self._template = self._template, None
        if made is None:
            return 0
        self.census.ours.discard(made.pid)
        return made.close()

    def _become(self, task: Task, streams: tuple[int, int, int], piped: bool) -> None:
        """In the child: become the program. Does not return."""
        os.setsid()
        os.dup2(streams[0], 0)
        os.dup2(streams[1], 1)
        os.dup2(streams[2], 2)
        os.chdir(self.folders.scratch)
        confine.set_limits(task.limits, self._process_limit(task.limits.processes))
        if self.strategy == "uid":
            confine.take_identity(self.uid)
        elif self.strategy == "pidns":
            confine.drop_capabilities()
            if self.landlock:
                self.landlock.restrict()
            if self._filter:
                self._filter.load()
        system.prctl(system.PR_SET_PDEATHSIG, 9)
        if task.fork and self._interpreter:
            streams_made = self._interpreter.prepare(task.argv[1:], piped=piped)
            self._interpreter.make_main()
            self._interpreter.execute(streams_made)
        confine.restore_signals()
        os.execve(task.argv[0], task.argv, task.environment)  # noqa: S606 - no shell wanted

    def _process_limit(self, processes: int) -> int | None:
        """RLIMIT_NPROC counts by user: exact with a user per program, two more (ours) in a user namespace."""
        return {"uid": processes, "pidns": processes + 2}.get(self.strategy)

    def _spawn(self, task: Task, streams: tuple[int, int, int], piped: bool) -> int:
        """Fork; the id of the process to watch and kill."""
        if self.strategy == "pidns":
            system.unshare(system.CLONE_NEWPID)
            try:
                pid = os.fork()
                if pid == 0:
                    self._first_process(task, streams, piped)
            finally:
                system.setns(self._pid_namespace, system.CLONE_NEWPID)
            return pid
        command = None if task.fork or self.gate is None else self._command_of(task, self.gate)
        if command is not None:
            return command.start(streams)
        pid = os.fork()
        if pid == 0:
            self._guarded(task, streams, piped)
        return pid

    def _command_of(self, task: Task, gate: str) -> spawn.Command | None:
        """The command of a task, for starting it without a fork; None where that cannot be."""
        if self._command is None or self._command[0] is not task:
            made = None
            path = task.argv[0]
            if path.startswith("/") and spawn.is_elf(path):
                processes = task.limits.processes
                made = spawn.Command(
                    gate + path,
                    task.argv,
                    task.environment,
                    folder=self.folders.scratch,
                    uid=self.uid,
                    limits=[*task.limits.resources, (resource.RLIMIT_NPROC, processes, processes)],
                    trouble=self._trouble,
                )
            self._command = task, made
        return self._command[1]

    def _guarded(self, task: Task, streams: tuple[int, int, int], piped: bool) -> NoReturn:
        try:
            self._become(task, streams, piped)
        except BaseException as error:  # noqa: BLE001 - told to the agent; nothing may run on in this copy of it
            confine.give_up(self._trouble, error)
        finally:
            os._exit(confine.EXIT_TROUBLE)

    def _first_process(self, task: Task, streams: tuple[int, int, int], piped: bool) -> NoReturn:
        """The first process of a PID namespace: when it ends, the kernel kills all others in there."""
        try:
            system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
            pid = os.fork()
            if pid == 0:
                self._guarded(task, streams, piped)
            # Whoever holds the other end of a pipe keeps it open: the program would never see the end of its input.
            os.closerange(3, self._status)
            os.closerange(self._status + 1, confine.OPEN_FILES)
            signal.signal(signal.SIGTERM, lambda *_: os.kill(-1, signal.SIGKILL))
            while True:
                ended, status, _ = os.wait4(-1, 0)
                if ended == pid:
                    break
            os.write(self._status, _STATUS.pack(status))
            try:  # what is left is killed here and reaped, so that its processor time is counted
                os.kill(-1, signal.SIGKILL)
                while True:
                    os.wait4(-1, 0)
            except (ProcessLookupError, ChildProcessError):
                os._exit(0)
        finally:
            os._exit(confine.EXIT_TROUBLE)

    # ---- ending

    def end(self, watched: watch.Watch) -> Ending:
        """Kill whatever is left of the run and reap it."""
        ending = self._end_here(watched) if self._template is None else self._end_in_template(watched)
        watched.drain()
        watched.close()
        os.close(self._error_read)
        return ending

    def _end_in_template(self, watched: watch.Watch) -> Ending:
        """The template waits for the run's processes; those that go on are killed from here."""
        made = self._template
        assert made is not None
        deadline = time.monotonic() + 2 * _SWEEP_SECONDS
        while not watched.ended and time.monotonic() < deadline:
            self._kill_everything()
            watched.step(0.01)
        ended = made.ended() if watched.ended else None
        if ended is None:
            return self._end_without_template()
        deadline = time.monotonic() + _SWEEP_SECONDS
        while ended is not None and not ended[3] and time.monotonic() < deadline:
            self._kill_everything()
            time.sleep(0.001)
            try:
                ended = made.ended()
            except BlockingIOError:
                continue
        if ended is None:
            return self._end_without_template()
        status, cpu, peak, clean = ended
        return Ending(status, cpu, peak, clean=clean)

    def _end_without_template(self) -> Ending:
        """The kernel ended the template for want of memory, and its child with it; or it failed, which is ours."""
        how = self.close_template()
        ending = Ending(signal.SIGKILL, 0.0, 0, clean=False)
        self._reap_orphans(ending)
        ending.clean = False
        if not os.WIFSIGNALED(how) or os.WTERMSIG(how) != signal.SIGKILL:
            raise files.BadRequestError(f"the template of a program ended with status {how:#x}")
        return ending

    def _end_here(self, watched: watch.Watch) -> Ending:
        pid = watched.pid
        if self.strategy == "pidns" and not watched.ended:
            self._ask_first_process(watched)
        if not watched.ended:
            os.kill(pid, signal.SIGKILL)
        self._wait(pid, 0)
        cpu, peak = self._wait.usage()
        ending = Ending(self._wait.status, cpu, peak, clean=True)
        if self.strategy == "pidns":
            try:
                ending.status = _STATUS.unpack(os.read(self._status_read, _STATUS.size))[0]
            except BlockingIOError:  # killed before the program had ended
                ending.status = signal.SIGKILL
        self._reap_orphans(ending)
        return ending

    @staticmethod
    def _ask_first_process(watched: watch.Watch) -> None:
        """Let the first process kill all others and tell how they ended, before it is killed itself."""
        os.kill(watched.pid, signal.SIGTERM)
        patience = time.monotonic() + 1.0
        while not watched.ended and time.monotonic() < patience:
            watched.step(patience - time.monotonic())

    def _reap_orphans(self, ending: Ending) -> None:
        """Whatever the program left behind came back to us; until nothing has, it is killed again."""
        deadline = 0.0
        while True:
            pid = self._wait(-1, os.WNOHANG)
            if pid < 0:
                return
            if pid:
                cpu, peak = self._wait.usage()
                ending.cpu += cpu
                ending.peak = max(ending.peak, peak)
                continue
            deadline = deadline or time.monotonic() + _SWEEP_SECONDS
            if time.monotonic() > deadline:
                ending.clean = False
                return
            self._kill_everything()
            time.sleep(0.001)

    def _kill_everything(self) -> None:
        if self.strategy == "uid":
            helper = os.fork()
            if helper == 0:
                try:
                    confine.take_identity(self.uid)
                    os.kill(-1, signal.SIGKILL)
                finally:
                    os._exit(0)
            os.waitpid(helper, 0)
            return
        for pid in self.census.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    def broken_limit(self, limits: confine.Limits, watched: watch.Watch, output: int) -> str:
        """Which limit a living run has broken, or nothing. `output`: bytes on standard output so far."""
        if time.monotonic() >= watched.deadline:
            watched.starved = max(watched.starved, self.census.starved())
            if time.monotonic() >= watched.deadline:
                return "wall"
        if output > limits.output:
            return "output"
        usage = self.census.usage()
        if usage.cpu > limits.cpu:
            return "cpu"
        # Pages that processes share count for each of them, so the sum may be larger than one may have.
        if usage.largest > limits.resident or usage.memory > 2 * limits.resident:
            return "memory"
        return "processes" if usage.tasks > 2 * limits.processes + 64 else ""

    def report(self, ending: Ending, watched: watch.Watch, limits: confine.Limits, reason: str, output: int) -> Report:
        """What to reply about a run that wrote `output` bytes."""
        wall = watched.wall
        if not reason and ending.cpu > limits.cpu:
            reason = "cpu"
        if not reason and output > limits.output:
            reason = "output"
        code, number = -1, -1
        if os.WIFEXITED(ending.status):
            code = os.WEXITSTATUS(ending.status)
            if code == confine.EXIT_TROUBLE and self._told_trouble():
                reason = "trouble"
        else:
            number = os.WTERMSIG(ending.status)
        return Report(reason, code, number, ending, wall)

    def _told_trouble(self) -> bool:
        """Whether the child said that it could not become the program; its words replace the standard error."""
        try:
            count = self._wire.page.read(self._trouble_read)
        except BlockingIOError:
            return False
        self._wire.page.clear_tail()
        self._wire.page.keep_tail(count)
        return True

    # ---- cleaning

    def in_helper(self, work: Callable[[], None], *, as_program: bool) -> bool:
        """Do something in a fork (with the program's identity where asked); whether it went well."""
        helper = os.fork()
        if helper == 0:
            try:
                if as_program and self.strategy == "uid":
                    confine.take_identity(self.uid)
                work()
                os._exit(0)
            finally:
                os._exit(1)
        return os.waitpid(helper, 0)[1] == 0

    def clear(self) -> bool:
        """Empty the writable folders; whether they are empty now, and always were before."""
        if not self.folders.written():
            return not self.stained
        writable = self.folders.writable
        self.folders.restore_modes()
        self.in_helper(lambda: files.flatten(writable), as_program=True)
        if not self.folders.settled():
            self.in_helper(lambda: files.flatten(writable), as_program=False)
            self.stained = not self.folders.settled() or self.stained
        return not self.stained

    def run(self, task: Task) -> tuple[Report, int]:
        """One whole run on the input file; what to reply, and how many bytes of the output file to send.

        The folders are left as the program left them: `clear` comes next.
        """
        self.rewind(self.output)
        stdin = self._reopened(self.input, os.O_RDONLY)
        # Written at its end: what comes through /dev/stdout lands where it belongs.
        stdout = self._reopened(self.output, os.O_WRONLY | os.O_APPEND)
        try:
            watched = self.start(task, stdin, stdout)
        finally:
            os.close(stdin)
            os.close(stdout)
        reason = ""
        tick = watched.started + watch.TICK
        while not watched.ended and not reason:
            now = time.monotonic()
            watched.step(min(tick, watched.deadline) - now)
            if not watched.ended and time.monotonic() >= min(tick, watched.deadline):
                reason = self.broken_limit(task.limits, watched, os.fstat(self.output).st_size)
                tick = time.monotonic() + watch.TICK
        ending = self.end(watched)
        size = os.fstat(self.output).st_size
        return self.report(ending, watched, task.limits, reason, size), min(size, task.limits.output)
