"""The pool of workers behind every sandbox, and the programs on them.

`WorkerSandbox` is all of a sandbox but one method: `_launch`, which starts an agent somewhere. It starts workers when
they are first needed, leases each to one program at a time, and replaces it after `recycle_after` programs, after any
error, and after any run that did not end clean. What a compiler made is kept here, on the host, so that the same
source is compiled once: the bytes are put back into whichever worker needs them, and are never run outside.
"""

from __future__ import annotations

import hashlib
import json
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from assay.errors import SandboxError, UsageError
from assay.sandbox.client import RARE_MODULES, AgentSettings, Command, Worker
from assay.sandbox.languages import LANGUAGES, Language, available, canonical, java_names
from assay.sandbox.programs import LeasedProgram
from assay.sandbox.protocol import Connection
from assay.sandbox.types import ProgramRun, RunLimits, RunMode, RunStatus, SourceCode

COMPILE_LIMITS = RunLimits(
    cpu_seconds=15.0, wall_seconds=45.0, memory_bytes=2 * 2**30, output_bytes=64 * 2**20, processes=64
)
ARTEFACT_BYTES = 256 * 2**20


class ArtefactCache:
    """What compilers made, by the hash of what they were given; the least recently used go first."""

    def __init__(self, max_bytes: int = ARTEFACT_BYTES) -> None:
        self._max, self._bytes = max_bytes, 0
        self._entries: OrderedDict[str, dict[str, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> dict[str, bytes] | None:
        """The artefacts, if they are still here."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, artefacts: dict[str, bytes]) -> None:
        """Keep them, unless they are larger than a quarter of the cache."""
        size = sum(map(len, artefacts.values()))
        with self._lock:
            if key in self._entries or size > self._max // 4:
                return
            self._entries[key] = artefacts
            self._bytes += size
            while self._bytes > self._max:
                _, old = self._entries.popitem(last=False)
                self._bytes -= sum(map(len, old.values()))


class WorkerSandbox:
    """A `Sandbox` of warm workers. Subclasses say how one is launched."""

    name = "abstract"

    def __init__(self, *, workers: int = 1, recycle_after: int = 200) -> None:
        if workers < 1 or recycle_after < 1:
            raise UsageError(f"workers={workers}, recycle_after={recycle_after}: both must be at least 1")
        self._workers, self._recycle_after = workers, recycle_after
        self._idle: list[Worker] = []
        self._alive: set[Worker] = set()
        self._slots = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._closed = False
        self._cache = ArtefactCache()
        self._tools: dict[str, str] | None = None
        self._agent: Mapping[str, Any] | None = None
        """What the last agent said of itself when it was ready; None before the first one."""
        self._finalizer = weakref.finalize(self, _kill_all, self._alive)

    # ---- what a subclass gives

    def _launch(self) -> Connection:
        """Start `python3 -I -B -c BOOT` somewhere safe, with an unlimited stack if possible."""
        raise NotImplementedError

    def _settings(self) -> AgentSettings:
        """What to tell the agent about that place."""
        raise NotImplementedError

    @property
    def description(self) -> Mapping[str, Any]:
        """What isolates here and what is lacking."""
        raise NotImplementedError

    # ---- workers

    def _new_worker(self) -> Worker:
        worker = Worker(self._launch(), self._settings())
        with self._lock:
            self._alive.add(worker)
            self._tools = worker.tools
            self._agent = worker.ready
            closed = self._closed
        if closed:
            self._discard(worker)
            raise SandboxError("this sandbox is closed")
        return worker

    def _discard(self, worker: Worker) -> None:
        with self._lock:
            self._alive.discard(worker)
        worker.kill()

    @contextmanager
    def _lease(self) -> Iterator[Worker]:
        """A clean worker for one program."""
        with self._slots:
            if self._closed:
                raise SandboxError("this sandbox is closed")
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                worker = self._new_worker()
            keep = False
            try:
                yield worker
                keep = worker.programs < self._recycle_after
            except SandboxError:
                worker.usable = False
                raise
            finally:
                try:
                    keep = worker.usable and worker.programs < self._recycle_after and not worker.stained
                    if keep:
                        keep = worker.end()
                except SandboxError:
                    keep = False
                if keep and not self._closed:
                    with self._lock:
                        self._idle.append(worker)
                else:
                    self._discard(worker)

    # ---- the contract

    def languages(self) -> Sequence[str]:
        """See `assay.sandbox.contract.Sandbox`. Starts a worker where none has been."""
        if self._tools is None:
            with self._lease():
                pass
        return available(self._tools or {})

    @contextmanager
    def load(
        self, source: SourceCode, *, mode: RunMode = "exec", compile_limits: RunLimits | None = None
    ) -> Iterator[LeasedProgram]:
        """See `assay.sandbox.contract.Sandbox`."""
        name = canonical(source.language)
        known = self.languages()
        if name not in known:
            raise UsageError(
                f"this {self.name} sandbox cannot run {source.language!r}: it has {', '.join(known) or 'no language'}"
            )
        with self._lease() as worker:
            program = self._prepare(worker, LANGUAGES[name], source, mode, compile_limits or COMPILE_LIMITS)
            try:
                yield program
            finally:
                program.settle()

    def _prepare(
        self, worker: Worker, language: Language, source: SourceCode, mode: RunMode, limits: RunLimits
    ) -> LeasedProgram:
        text = source.code.encode("utf-8", "surrogatepass")
        program = worker.settings.program
        names = java_names(source.code) if language.name == "java" else ("main", "main")
        file = language.source.replace("{main}", names[0])
        words = {
            "program": program,
            "source": f"{program}/{file}",
            "out": f"{worker.settings.scratch}/out",
            "class": names[1],
        }
        files = {**source.files, file: text}
        compilation: ProgramRun | None = None
        if language.compile is None:
            worker.begin(files)
        else:
            key = _key(language, files)
            artefacts = self._cache.get(key)
            if artefacts is not None:
                worker.begin({**source.files, **artefacts}, executable=True)
            else:
                worker.begin(files)
                command = _command(language, language.compile, words, worker.tools, compiling=True)
                compilation, artefacts = worker.compile(command, limits, ARTEFACT_BYTES)
                if compilation.status is RunStatus.OK:
                    if not artefacts:
                        raise SandboxError(f"compiling {language.name} went well and left nothing")
                    self._cache.put(key, artefacts)
        if language.name == "python" and mode == "fork":
            texts = [content for name, content in files.items() if name.endswith(".py")]
            warm = [name for name in RARE_MODULES if any(name.encode() in content for content in texts)]
            command = Command(argv=[words["source"]], fork=True, address=language.address, warm=warm)
        else:
            command = _command(language, language.run, words, worker.tools)
        return LeasedProgram(worker, command, compilation)

    def close(self) -> None:
        """End all workers. Safe to call twice."""
        self._closed = True
        with self._lock:
            alive = list(self._alive)
            self._idle.clear()
        for worker in alive:
            self._discard(worker)
        self._finalizer.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _kill_all(workers: set[Worker]) -> None:
    for worker in list(workers):
        worker.kill()


def _key(language: Language, files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(json.dumps([language.name, language.compile], default=str).encode())
    for name in sorted(files):
        digest.update(f"\0{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()


def _command(
    language: Language,
    template: Sequence[str],
    words: Mapping[str, str],
    tools: Mapping[str, str],
    *,
    compiling: bool = False,
) -> Command:
    """A template with the sandbox's paths filled in; `{memory}` stays for the run to fill."""
    argv = []
    for word in template:
        filled = word
        for key, value in words.items():
            filled = filled.replace("{" + key + "}", value)
        argv.append(filled)
    argv[0] = tools.get(argv[0], argv[0])
    return Command(
        argv=argv,
        address=language.compile_address if compiling else language.address,
        slack=0 if compiling else language.slack,
        processes=language.processes,
        environment=dict(language.environment),
    )
