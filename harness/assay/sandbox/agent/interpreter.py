"""Fork mode: the child of the warm agent goes on as if `python3 -I PROGRAM` had just begun.

What a program can tell is made as it would be there: `__main__`, `sys.argv`, the three streams, signal handlers, the
recursion limit, exit codes and messages of `SystemExit`, tracebacks that begin in the program, threads waited for,
`atexit` functions, and objects that are finalised at the end (an unflushed file is flushed).

Compiling the text takes longer than running many a small program, so the first run leaves the compiled code in a
memory file that later runs load. It is written before any of the program runs, and the descriptor is closed then.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import atexit
import builtins
import gc
import importlib
import io
import marshal
import os
import sys
import types
import weakref
from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn

RECURSION_LIMIT = 1000
_HEADER = 9  # of the cache: the code's length, and flags of what the text mentions
_RANDOM, _FINAL = 1, 2
_FINAL_WORDS = (b"__del__", b"weakref", b"open", b"Wrapper", b"Writer", b"FileIO", b"finally", b"yield")
"""Only a text with one of these can have objects whose end is seen: files to flush, finalisers, generators."""

Streams = tuple[io.TextIOWrapper, io.TextIOWrapper, io.TextIOWrapper]


class Interpreter:
    """What every run begins with, made once in the agent.

    A fork copies each page that it writes to, which costs more than the work of most small programs, so whatever can
    be made before the fork is: modules, `__main__`, the standard streams (whose descriptors the child fills).
    """

    def __init__(self, names: list[str], source: str, cache: int) -> None:
        """Warm up: import the modules `names`. Call it with files, not pipes, as descriptors 0 to 2."""
        self.source, self.cache = source, cache
        self._hooks: list[dict[str, Any]] = []
        self._hooked: set[str] = set()
        self._in_program = False
        self.load(names)
        self.streams = standard_streams()
        gc.collect()
        gc.freeze()

    def load(self, names: list[str]) -> None:
        """Import modules for all runs to come."""
        register = os.register_at_fork
        # What modules ask for here costs as much as the fork. What of it matters for the first fork is done in
        # `execute`, and a program that forks gets all of it.
        os.register_at_fork = lambda **hooks: self._hooks.append(hooks)
        try:
            for name in names:
                try:
                    importlib.import_module(name)
                except ImportError:  # not in this Python: the program will find out by itself
                    continue
        finally:
            os.register_at_fork = register
        for when in {kind for hooks in self._hooks for kind in hooks} - self._hooked:
            self._hooked.add(when)
            register(**{when: lambda when=when: self._after_fork(when)})

    def make_main(self) -> None:
        """A fresh `__main__`. Made after freezing: what is frozen is never collected, and its end is to be seen."""
        main = sys.modules["__main__"] = self.main = types.ModuleType("__main__")
        main.__dict__.update(
            __builtins__=builtins,
            __file__=self.source,
            __cached__=None,
            __loader__=SourceFileLoader("__main__", self.source),
            __annotations__={},
        )

    def _after_fork(self, when: str) -> None:
        if self._in_program:
            hooks = reversed(self._hooks) if when == "before" else self._hooks
            for kinds in hooks:
                if when in kinds:
                    kinds[when]()

    def prepare(self, args: list[str], *, piped: bool) -> Streams:
        """Make everything as a program finds it; `execute` is to be called from where this is called.

        `piped`: its streams are pipes, so those made for files do not fit.
        """
        streams = standard_streams() if piped else self.streams
        sys.stdin, sys.stdout, sys.stderr = streams
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        sys.argv = [self.source, *args]
        sys.orig_argv = [sys.executable, "-I", *sys.argv]
        # The frames that are ours must not count against the program's.
        depth, frame = 0, sys._getframe()
        while frame is not None:
            depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
        sys.setrecursionlimit(RECURSION_LIMIT + depth)
        return streams

    def execute(self, streams: Streams) -> NoReturn:
        """Run the program in this process and leave it. Descriptors from 3 on are closed."""
        main = self.main
        self._in_program = True
        status, flags = 0, _FINAL
        try:
            try:
                code, flags = load_code(self.source, self.cache)
                if flags & _RANDOM:
                    sys.modules["random"].seed()
            finally:
                os.closerange(3, 1 << 16)
            exec(code, main.__dict__)  # noqa: S102 - what a sandbox is for
        except BaseException as error:  # noqa: BLE001 - as the interpreter itself does
            status = _status_of(error)
        del main, self.main
        os._exit(_finish(streams, status, final=bool(flags & _FINAL)))


def standard_streams() -> Streams:
    """Standard input, output and error on descriptors 0, 1 and 2."""
    return _stream(0, "<stdin>"), _stream(1, "<stdout>"), _stream(2, "<stderr>")


def load_code(source: str, cache: int) -> tuple[types.CodeType, int]:
    """The program's code and flags of what its text mentions, from the cache or by compiling it."""
    header = os.pread(cache, _HEADER, 0)
    size = int.from_bytes(header[:8], "little")
    if size:
        return marshal.loads(os.pread(cache, size, _HEADER)), header[8]  # noqa: S302 - written before any of it ran
    with open(source, "rb") as file:
        text = file.read()
    code = compile(text, source, "exec", dont_inherit=True)
    data = marshal.dumps(code)
    flags = (_RANDOM if b"random" in text else 0) | (_FINAL if any(word in text for word in _FINAL_WORDS) else 0)
    try:
        if os.pwrite(cache, data, _HEADER) == len(data):
            os.pwrite(cache, len(data).to_bytes(8, "little") + bytes([flags]), 0)
    except OSError:  # larger than this run may write: it is compiled each time
        pass
    return code, flags


def _stream(descriptor: int, name: str) -> io.TextIOWrapper:
    """A standard stream as `create_stdio` of CPython's pylifecycle.c makes it under LANG=C.UTF-8."""
    mode = "rb" if descriptor == 0 else "wb"
    raw = io.FileIO(descriptor, mode, closefd=False)
    raw.name = name
    buffered: Any = io.BufferedReader(raw) if descriptor == 0 else io.BufferedWriter(raw)
    errors = "backslashreplace" if descriptor == 2 else "surrogateescape"
    stream = io.TextIOWrapper(buffered, "utf-8", errors, "\n", line_buffering=descriptor == 2)
    stream.mode = mode[0]  # type: ignore[misc]
    return stream


def _status_of(error: BaseException) -> int:
    """Report an exception that left the program, and give the exit status."""
    if isinstance(error, SystemExit):
        code = error.code
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF
        _flush(sys.stdout)
        print(code, file=sys.stderr)  # noqa: T201 - what the interpreter does with `sys.exit("message")`
        return 1
    trace = error.__traceback__ = _own_part(error.__traceback__)
    _flush(sys.stdout)
    try:
        sys.excepthook(type(error), error, trace)
    except BaseException as failed:  # noqa: BLE001 - a hook of the program's own that fails
        if failed.__context__ is error:  # the interpreter calls the hook when nothing is being handled
            failed.__context__ = None
        print("Error in sys.excepthook:", file=sys.stderr)  # noqa: T201
        failed.__traceback__ = _own_part(failed.__traceback__)
        sys.__excepthook__(type(failed), failed, failed.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)  # noqa: T201
        sys.__excepthook__(type(error), error, trace)
    if isinstance(error, KeyboardInterrupt):
        _flush(sys.stderr)
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        os.kill(os.getpid(), _signal.SIGINT)
        return 130
    return 1


def _own_part(trace: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback without the frames that are ours."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<assay agent"):
        trace = trace.tb_next
    return trace


def _flush(stream: Any) -> bool:
    """Flush a stream that a program may have replaced or closed; whether that succeeded."""
    try:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    except BaseException:  # noqa: BLE001 - anything may sit there
        return False
    return True


def _finish(streams: Streams, status: int, *, final: bool) -> int:
    """What `Py_FinalizeEx` does that a program can see; the exit status, 120 where its output cannot be flushed.

    `final`: there may be objects whose end can be seen.
    """
    threading: Any = sys.modules.get("threading")
    if threading is not None and (_thread._count() or getattr(threading, "_threading_atexits", True)):
        try:
            threading._shutdown()
        except BaseException as error:  # noqa: BLE001 - printed, as the interpreter does
            sys.__excepthook__(type(error), error, error.__traceback__)
    atexit._run_exitfuncs()
    flushed = _flush(sys.stdout)
    _flush(sys.stderr)
    sys.stdin, sys.stdout, sys.stderr = streams
    if final:
        # First the module goes, and what only it held: finalisers still find its names. What lives on loses them.
        module = sys.modules.pop("__main__", None)
        left = weakref.ref(module) if isinstance(module, types.ModuleType) else None
        del module
        gc.collect()
        survivor = left() if left else None
        if survivor is not None:
            names = survivor.__dict__
            for private in (True, False):
                for name in list(names):
                    if name != "__builtins__" and (name.startswith("_") and not name.startswith("__")) == private:
                        names[name] = None
            gc.collect()
    flushed = _flush(streams[1]) and flushed
    return status if flushed else 120
