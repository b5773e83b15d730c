"""The tests of a benchmark, run by themselves: whatever they call is elsewhere, with the program, in another sandbox.

The first line of the input brings the tests and a random word. The names that belong to the program are stand-ins:
a call of one is sent out as plain data (a line of JSON), and the line that comes back is its result. At the end
one line says how it went; only one with the random word says that every test held.

    {"call": request}             the judge answers with a line, see `serve`
    {"end": "passed", "word": …}  the code ran to its end
    {"end": "assertion" | "program" | "values" | "tests", "text", "index", "line"}

`program`: an exception of the program's came through. `values`: the tests could not work with what it returned.
`tests`: they failed before the program had answered anything, or ask for what plain data cannot carry. After that a
failure is the program's, whatever it is: benchmarks are validated with right programs, and what a program returns
can make tests fail in any way.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from typing import Any

from assay_plugins.code_tests.inside.decode import decode
from assay_plugins.code_tests.inside.encode import encode
from assay_plugins.code_tests.inside.load import take_channel, write_all


class FromProgram(Exception):  # noqa: N818  # never raised itself: marks exceptions that the program raised
    """The exception came out of the program."""


class TestsAskTooMuch(BaseException):  # tests that catch `Exception` must not swallow it
    """The tests want what cannot be sent."""


class Channel:
    """Lines to and from the judge."""

    def __init__(self) -> None:
        self.source, self.out = take_channel()
        self.buffer = b""
        self.calls = 0
        self.names: dict[str, Any] = {}

    def receive(self) -> Any:
        """The next line."""
        parts = [self.buffer]
        while b"\n" not in parts[-1]:
            part = os.read(self.source, 1 << 20)
            if not part:
                os._exit(3)  # the judge is gone
            parts.append(part)
        line, _, self.buffer = b"".join(parts).partition(b"\n")
        return json.loads(line)

    def send(self, message: dict[str, Any]) -> None:
        """Send a line."""
        write_all(self.out, json.dumps(message).encode("ascii") + b"\n")

    def ask(self, op: str, on: Any, **fields: Any) -> dict[str, Any]:
        """One request and its answer; an exception of the program's is raised here."""
        self.send({"call": {"op": op, "on": on, **fields}})
        answer: dict[str, Any] = self.receive()
        self.calls += op == "call"
        if "error" in answer:
            raise remote_error(*answer["error"])
        return answer

    def result(self, answer: dict[str, Any]) -> Any:
        """The value of an answer."""
        if "handle" in answer:
            return Handle(self, {"handle": answer["handle"]})
        return self.decoded(answer["ok"])

    def decoded(self, data: Any) -> Any:
        """A value, its nodes made with the classes of the tests."""
        return decode(data, self.names, _no_handle)

    def encoded(self, value: Any) -> Any:
        """An argument as plain data."""
        if type(value) is Handle:
            return {"t": "handle", "v": object.__getattribute__(value, "_on")["handle"]}
        if type(value) is list and any(type(item) is Handle for item in value):
            return [self.encoded(item) for item in value]
        try:
            return encode(value)
        except TypeError as error:
            raise TestsAskTooMuch(f"an argument cannot be sent to the program: {error}") from None


class Handle:
    """Something of the program's own that stays where it is: it can be called and have its attributes read and set.

    Comparing it, or asking whether it is true, is an error: no `__eq__` or `__bool__` of the program's decides.
    """

    def __init__(self, channel: Channel, on: dict[str, Any]) -> None:
        object.__setattr__(self, "_channel", channel)
        object.__setattr__(self, "_on", on)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it where it is; arguments that it changes in place are changed here too."""
        channel: Channel = object.__getattribute__(self, "_channel")
        sent = [channel.encoded(item) for item in args]
        named = {name: channel.encoded(item) for name, item in kwargs.items()}
        answer = channel.ask("call", object.__getattribute__(self, "_on"), args=sent, kwargs=named)
        for key, data in answer.get("changed", {}).items():
            _apply(kwargs[key] if key in kwargs else args[int(key)], channel.decoded(data))
        return channel.result(answer)

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        channel: Channel = object.__getattribute__(self, "_channel")
        return channel.result(channel.ask("get", object.__getattribute__(self, "_on"), attr=name))

    def __setattr__(self, name: str, value: Any) -> None:
        channel: Channel = object.__getattribute__(self, "_channel")
        channel.ask("set", object.__getattribute__(self, "_on"), attr=name, value=channel.encoded(value))

    def _refuse(self, *_: Any) -> Any:
        raise remote_error("TypeError", "the program returned an object of a class of its own, which is no plain data")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __hash__ = _refuse


def remote_error(name: str, text: str) -> BaseException:
    """An exception that `except` catches as the program's would be, and that says where it came from."""
    base = getattr(builtins, name, None)
    # A StopIteration would end a loop of the tests early.
    refused = (StopIteration, StopAsyncIteration, GeneratorExit, SystemExit, KeyboardInterrupt)
    known = isinstance(base, type) and issubclass(base, Exception) and not issubclass(base, (*refused, Warning))
    bases: Any = (base if known else RuntimeError, FromProgram)
    kind: Any = type(name if known else "RuntimeError", bases, {})
    error: BaseException = kind.__new__(kind)  # its constructor may want other arguments
    error.args = (text,)
    error.__dict__["described"] = f"{name}: {text}" if text else name
    return error


def _no_handle(data: dict[str, Any]) -> Any:
    raise remote_error("TypeError", f"the program answered {data!r:.60}, which is no plain data")


def _apply(old: Any, new: Any) -> None:
    """Let an argument that the program changed in place be as the program left it."""
    if type(old) is not type(new):
        return
    if type(old) in (list, bytearray):
        old[:] = new
    elif isinstance(old, (dict, set)):
        old.clear()
        old.update(new)
    elif type(old).__name__ == "deque":
        old.clear()
        old.extend(new)
    elif hasattr(old, "__dict__"):
        old.__dict__.update(new.__dict__)


def main() -> None:
    """Run the tests and say how it went."""
    channel = Channel()
    order = channel.receive()
    sys.setrecursionlimit(50_000)
    names = channel.names = {"__name__": "tests", "__builtins__": builtins}
    place: dict[str, Any] = {"index": None, "text": ""}
    try:
        exec(compile(order["prelude"], "prelude.py", "exec"), names)  # noqa: S102  # the benchmark's, in a sandbox
        names.update((name, __import__(name)) for name in order["modules"])
        stand_ins = {name: Handle(channel, {"name": target}) for name, target in order["names"].items()}
        names.update(stand_ins)
        for index, text in enumerate(order["tests"]):
            place.update(index=index - order["first"], text=text)
            exec(compile(text, "tests.py", "exec"), names)  # noqa: S102
            names.update(stand_ins)
        place["text"] = ""
        if order["candidate"] is not None:
            place["text"] = order["tests"][-1]
            names["check"](stand_ins[order["candidate"]])
    except BaseException as error:  # noqa: BLE001  # whatever it is, it must be told
        channel.send(_failure(error, channel.calls, place))
    else:
        channel.send({"end": "passed", "word": order["word"], "calls": channel.calls})
    os._exit(0)


def _failure(error: BaseException, calls: int, place: dict[str, Any]) -> dict[str, Any]:
    frame, line = error.__traceback__, None
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "tests.py":
            line = frame.tb_lineno
        frame = frame.tb_next
    lines = place["text"].splitlines()
    source = lines[line - 1].strip() if line is not None and line <= len(lines) else ""
    described = f"{type(error).__name__}: {str(error)[:500]}"
    if isinstance(error, FromProgram):
        kind, described = "program", getattr(error, "described", described)
    elif not calls:
        kind = "tests"
    else:
        kind = "assertion" if isinstance(error, AssertionError) else "values"
    return {"end": kind, "text": described, "index": place["index"], "source": source[:500], "calls": calls}
