"""Loading the model's program beside the harness: `program.py`, as a module of its own, with LeetCode's names.

The channel to the judge is moved to file descriptors that the program is not told of, and its standard input and
output are empty: what it prints is no result. That it could find the channel changes nothing: all that it could
say there is an answer, which is then compared like any other.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections import ChainMap
from collections.abc import Mapping
from typing import Any


def take_channel() -> tuple[int, int]:
    """File descriptors of our input and output; those of the program lead nowhere from now on."""
    channel = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return channel


def write_all(out: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


def load_program(prelude: str, path: str) -> Mapping[str, Any]:
    """Execute the program; its names, and those that the prelude defines. Whatever it raises is raised.

    What is imported for the program lies with the builtins: it finds it there, and a function that has the name of
    one in a library is still not there as long as the program does not define it.
    """
    module = type(sys)("solution")
    module.__file__ = path
    sys.modules["solution"] = module
    names: dict[str, Any] = module.__dict__
    given = names["__builtins__"] = dict(vars(builtins))
    with open(path, "rb") as file:
        data = file.read()
    code = compile(data, path, "exec")  # bytes: a byte order mark and a coding line count, as when a file is run
    source = data.decode("utf-8", "replace")
    _import_common(given, code, source)
    defined: dict[str, Any] = {}
    if prelude:
        own = set(names)
        exec(compile(prelude, "prelude.py", "exec"), names)  # noqa: S102  # this is the sandbox
        for name in set(names) - own:
            given[name] = names.pop(name)
            if getattr(given[name], "__module__", None) == "solution":
                defined[name] = given[name]
    sys.setrecursionlimit(50_000)  # as LiveCodeBench does
    exec(code, names)  # noqa: S102  # this is the sandbox
    return ChainMap(names, defined)


def find_function(names: Mapping[str, Any], entry_point: str) -> Any:
    """The method of a new `Solution`, or the function, of that name. Raises `NameError` where there is neither."""
    solution = names.get("Solution")
    if solution is not None and hasattr(solution, entry_point):
        return getattr(solution(), entry_point)
    if entry_point in names:
        return names[entry_point]
    raise NameError(f"the program defines no function or method {entry_point!r}")


def _import_common(names: dict[str, Any], code: Any, source: str) -> None:
    for module in _CHEAP:
        _import_all(names, module)
    used = {name for name in _names_in(code) if name not in names and name[:2] != "__"}
    for module, provided in _COSTLY.items():
        if any(name in used and _stands_alone(name, source) for name in (module, *provided.split())):
            _import_all(names, module)
    names.update((name, value) for name, value in vars(builtins).items() if name[:1] != "_")
    names.update((module, sys.modules[module]) for module in (*_CHEAP, *_COSTLY, "sys") if module in sys.modules)


def _import_all(names: dict[str, Any], module: str) -> None:
    loaded = __import__(module)
    for name in getattr(loaded, "__all__", None) or vars(loaded):
        if name[:1] != "_":
            names[name] = getattr(loaded, name)


def _names_in(code: Any) -> set[str]:
    used: set[str] = set()
    stack = [code]
    while stack:
        item = stack.pop()
        used.update(item.co_names)
        stack += [constant for constant in item.co_consts if isinstance(constant, type(code))]
    return used


def _stands_alone(name: str, source: str) -> bool:
    """Whether the program uses a name other than as an attribute."""
    start = source.find(name)
    while start >= 0:
        if not (start and (source[start - 1] == "." or source[start - 1].isalnum() or source[start - 1] == "_")):
            return True
        start = source.find(name, start + 1)
    return False


_CHEAP = ("math", "collections", "heapq", "bisect", "itertools", "functools", "operator")
_COSTLY = {
    "string": """ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable
        punctuation whitespace Formatter Template""",
    "re": """findall finditer fullmatch match search split sub subn escape purge template Pattern Match
        RegexFlag IGNORECASE MULTILINE DOTALL VERBOSE ASCII""",
    "datetime": "date time timedelta timezone tzinfo MINYEAR MAXYEAR UTC",
    "copy": "deepcopy Error",
    "random": """choice choices randint randrange sample seed shuffle uniform gauss betavariate expovariate
        getrandbits randbytes triangular Random SystemRandom""",
    "statistics": """mean median mode stdev variance fmean pstdev pvariance quantiles multimode geometric_mean
        harmonic_mean median_low median_high NormalDist correlation""",
    "io": "BytesIO StringIO TextIOWrapper BufferedReader FileIO",
    "json": "dump dumps load loads JSONDecodeError JSONDecoder JSONEncoder",
    "typing": """Any Callable ClassVar Collection DefaultDict Deque Dict Final FrozenSet Generator Generic Hashable
        Iterable Iterator List Literal Mapping MutableMapping NamedTuple NoReturn Optional Protocol Sequence Set Sized
        Text Tuple Type TypeVar TypedDict Union cast overload""",
}
"""What LiveCodeBench imports before a solution (`import x` and `from x import *`), by what it costs. A costly module is
only imported where the program uses one of its names."""
