"""Calls of the program's functions one by one, asked for on standard input: a line of JSON each way.

| request                                             | answer                                               |
|-----------------------------------------------------|------------------------------------------------------|
| `{"op": "call", "on": target, "args", "kwargs"}`    | `{"ok": data}`, with `"changed"` where arguments were |
| `{"op": "get", "on": target, "attr": name}`         | `{"ok": data}` or `{"handle": number}`               |
| `{"op": "set", "on": target, "attr": name, "value"}` | `{"ok": null}`                                       |

A target is `{"name": …}` or `{"handle": …}`. What was raised is `{"error": [type, message]}`; a result that is not
plain data is an error too, unless a class was called or an attribute read: then it stays here, under a handle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from assay_plugins.code_tests.inside.decode import decode
from assay_plugins.code_tests.inside.encode import encode
from assay_plugins.code_tests.inside.load import find_function, load_program, take_channel, write_all


class Server:
    """The program's names and the objects that handles stand for."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.objects: list[Any] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what was asked."""
        try:
            return self._do(request)
        except BaseException as error:  # noqa: BLE001  # the program may raise anything, SystemExit too
            try:
                text = str(error)[:500]
            except BaseException:  # noqa: BLE001
                text = ""
            return {"error": [type(error).__name__, text]}

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        target = request["on"]
        on = self.objects[target["handle"]] if "handle" in target else self._named(target["name"])
        if request["op"] == "get":
            return self._kept(getattr(on, request["attr"]))
        if request["op"] == "set":
            setattr(on, request["attr"], self._decoded(request["value"]))
            return {"ok": None}
        args = [self._decoded(item) for item in request["args"]]
        kwargs = {name: self._decoded(item) for name, item in request["kwargs"].items()}
        result = on(*args, **kwargs)
        if isinstance(on, type):
            return self._kept(result)
        answer: dict[str, Any] = {"ok": encode(result)}
        changed = self._changed(request, args, kwargs)
        if changed:
            answer["changed"] = changed
        return answer

    def _named(self, name: str) -> Any:
        return self.names[name] if name in self.names else find_function(self.names, name)

    def _decoded(self, data: Any) -> Any:
        return decode(data, self.names, lambda handle: self.objects[handle["v"]])

    def _kept(self, value: Any) -> dict[str, Any]:
        # Nodes stay here too: the tests build their structures of the program's own classes.
        if type(value).__module__ != "solution":
            try:
                return {"ok": encode(value)}
            except TypeError:
                pass
        self.objects.append(value)
        return {"handle": len(self.objects) - 1}

    def _changed(self, request: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        sent: dict[Any, Any] = dict(enumerate(request["args"]))
        sent.update(request["kwargs"])
        changed: dict[str, Any] = {}
        for key, value in [*enumerate(args), *kwargs.items()]:
            if isinstance(sent[key], (list, dict)) and not _has_handle(sent[key]) and _tag(sent[key]) != "iter":
                now = encode(value)
                if now != sent[key]:
                    changed[str(key)] = now
        return changed


def _tag(data: Any) -> Any:
    return data.get("t") if isinstance(data, dict) else None


def _has_handle(data: Any) -> bool:
    if isinstance(data, list):
        return any(_has_handle(item) for item in data if isinstance(item, (list, dict)))
    return isinstance(data, dict) and (data.get("t") == "handle" or _has_handle(data.get("v")))


def main() -> None:
    """Load the program, say so, and answer until the input ends."""
    source, out = take_channel()
    buffer = b""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program.py")
    server: Any = None
    while True:
        end = buffer.find(b"\n")
        if end < 0:
            part = os.read(source, 1 << 20)
            if not part:
                os._exit(0)
            buffer += part
            continue
        request, buffer = json.loads(buffer[:end]), buffer[end + 1 :]
        if server is None:
            server = Server(load_program(request["prelude"], path))
            answer: Any = {"ok": None}
        else:
            answer = server.answer(request)
        write_all(out, json.dumps(answer).encode("ascii") + b"\n")
