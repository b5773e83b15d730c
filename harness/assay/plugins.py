"""Loading plugins, checking what they return, and looking things up by name.

Every plugin, bundled or not, is an entry point of the group `assay`; `--plugin FILE` and
`load_plugin` add one that is not installed. Whatever is wrong with a plugin stops the start with one
message that names the plugin and its distribution: a broken plugin that is skipped would look like a
benchmark that does not exist.

    ASSAY_PLUGINS=a,b        load only these entry points (besides the ones added by file)
    ASSAY_TRACE_HOOKS=1      print every hook call and what it returned to standard error
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from assay import hookspecs
from assay.contracts import Backend, Benchmark, Verifier
from assay.errors import AssayError, PluginError, UsageError, did_you_mean

if TYPE_CHECKING:
    import importlib.metadata

_log = logging.getLogger("assay.plugins")
_NO_DISTRIBUTION = "no distribution"
_MADE_WITH = "_assay_made_with"


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginInfo:
    """One loaded plugin."""

    name: str
    """The entry point's name, or the file's path."""
    distribution: str
    """Name and version of the installed distribution that brought it."""
    hooks: tuple[str, ...]
    verifiers: tuple[str, ...]
    benchmarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Registered:
    factory: Callable[..., Any]
    owner: str
    shared: bool


class Registry:
    """The loaded plugins and what they registered. Use the module's functions unless you write a test."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.infos: list[PluginInfo] = []
        self.files: list[str] = []
        """Paths of plugins loaded from files; worker processes load the same ones."""
        self._verifiers: dict[str, _Registered] = {}
        self._benchmarks: dict[str, _Registered] = {}
        if os.environ.get("ASSAY_TRACE_HOOKS", "") not in ("", "0"):
            self.manager.add_hookcall_monitoring(_trace_before, _trace_after)

    def load_entry_points(self) -> None:
        """Load the installed plugins, or those that `ASSAY_PLUGINS` names, in order of their names."""
        import importlib.metadata  # a third of what importing this module would cost

        found = sorted(importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda ep: ep.name)
        wanted = _restriction()
        if wanted is not None:
            known = {ep.name for ep in found}
            for name in sorted(wanted - known):
                raise UsageError(
                    f"ASSAY_PLUGINS names the plugin {name!r}, which is not installed. "
                    + did_you_mean(name, sorted(known))
                )
            found = [ep for ep in found if ep.name in wanted]
        for entry_point in found:
            distribution = _distribution(entry_point)
            try:
                plugin = entry_point.load()
            except Exception as error:
                raise PluginError(
                    f"plugin {entry_point.name!r} of {distribution} cannot be imported "
                    f"({entry_point.value}): {type(error).__name__}: {error}. Repair or uninstall it, or "
                    "leave it out with ASSAY_PLUGINS=<the plugins you need>."
                ) from error
            self.add(plugin, name=entry_point.name, distribution=distribution, shared=True)

    def load_file(self, path: str) -> None:
        """Load a plugin from a Python file that is not installed.

        Raises `UsageError` where there is no such file and `PluginError` where it does not import.
        """
        file = Path(path).resolve()
        if str(file) in self.files:
            return
        if not file.is_file():
            raise UsageError(f"plugin file {path} does not exist")
        module_name = f"assay_plugin_file_{file.stem}"
        spec = importlib.util.spec_from_file_location(module_name, file)
        if spec is None or spec.loader is None:
            raise UsageError(f"plugin file {path} is not a Python file (it must end in .py)")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[module_name]
            raise PluginError(f"plugin file {path} cannot be imported: {type(error).__name__}: {error}") from error
        self.add(module, name=str(path), distribution=_NO_DISTRIBUTION, shared=True)
        self.files.append(str(file))

    def add(self, plugin: object, *, name: str, distribution: str = _NO_DISTRIBUTION, shared: bool = False) -> None:
        """Register a plugin object and check everything that it returns.

        `shared` says that worker processes load the same plugin (an entry point or a file), so that they
        can build its verifiers from their names.
        """
        owner = f"plugin {name!r} of {distribution}"
        try:
            self.manager.register(plugin, name=name)
            self.manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"{owner} is not a valid plugin: {_first_line(error)}. {self._hook_help()}") from error
        callers = self.manager.get_hookcallers(plugin) or []
        if not callers:
            raise PluginError(
                f"{owner} implements no hook: mark its functions with @assay.hookimpl. {self._hook_help()}"
            )
        verifiers = self._collect(plugin, "register_verifiers", owner, self._verifiers, shared)
        benchmarks = self._collect(plugin, "register_benchmarks", owner, self._benchmarks, shared)
        self.infos.append(
            PluginInfo(
                name=name,
                distribution=distribution,
                hooks=tuple(sorted(caller.name for caller in callers)),
                verifiers=verifiers,
                benchmarks=benchmarks,
            )
        )

    def free_name(self, wanted: str) -> str:
        """A plugin name that is not taken: `wanted`, or with a number behind it."""
        name, number = wanted, 1
        while self.manager.has_plugin(name):
            number += 1
            name = f"{wanted} {number}"
        return name

    def _collect(
        self, plugin: object, hook: str, owner: str, into: dict[str, _Registered], shared: bool
    ) -> tuple[str, ...]:
        kind = hook.removeprefix("register_").removesuffix("s")
        caller = getattr(self.manager.hook, hook)
        implementations = [impl for impl in caller.get_hookimpls() if impl.plugin is plugin]
        names: list[str] = []
        for implementation in implementations:
            try:
                returned = implementation.function()
            except Exception as error:
                raise PluginError(f"{owner}: {hook} raised {type(error).__name__}: {error}") from error
            if not isinstance(returned, Mapping):
                raise PluginError(
                    f"{owner}: {hook} must return a mapping from name to factory, got {type(returned).__name__}"
                )
            for name, factory in returned.items():
                if not isinstance(name, str) or not name or not callable(factory):
                    raise PluginError(
                        f"{owner}: {hook} must map names to callables, got {name!r}: {type(factory).__name__}"
                    )
                if name in into:
                    raise PluginError(
                        f"two plugins register the {kind} {name!r}: {into[name].owner} and {owner}. "
                        "Rename one, or load only one of them with ASSAY_PLUGINS."
                    )
                into[name] = _Registered(factory=factory, owner=owner, shared=shared)
                names.append(name)
        return tuple(sorted(names))

    def _hook_help(self) -> str:
        hooks = sorted(name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "assay_spec"))
        return f"The hooks are {', '.join(hooks)}."

    def verifier_names(self) -> list[str]:
        """Registered verifiers, sorted."""
        return sorted(self._verifiers)

    def benchmark_names(self) -> list[str]:
        """Registered benchmarks, sorted; a family ends with ":"."""
        return sorted(self._benchmarks)

    def owner(self, kind: str, name: str) -> str:
        """The plugin that registered a verifier or benchmark, for error messages."""
        return (self._verifiers if kind == "verifier" else self._benchmarks)[name].owner

    def make_verifier(self, name: str, options: Mapping[str, Any]) -> Verifier:
        """Build a verifier. Raises `UsageError` for an unknown name or option, `PluginError` for a broken one."""
        if name not in self._verifiers:
            raise UsageError(f"no verifier is called {name!r}. " + did_you_mean(name, self.verifier_names()))
        verifier = self._build("verifier", self._verifiers[name], name, (), options)
        if not isinstance(verifier, Verifier):
            raise PluginError(
                f"{self._verifiers[name].owner}: the verifier {name!r} ({type(verifier).__name__}) lacks "
                "name, version or verify(problem, completion)"
            )
        if verifier.name != name or not isinstance(verifier.version, str):
            raise PluginError(
                f"{self._verifiers[name].owner}: the verifier registered as {name!r} calls itself "
                f"{verifier.name!r}, version {verifier.version!r}: the name must agree and the version be a string"
            )
        if self._verifiers[name].shared:
            with contextlib.suppress(AttributeError, TypeError):  # an object with __slots__ cannot be marked
                object.__setattr__(verifier, _MADE_WITH, (id(verifier), name, dict(options)))
        return verifier

    def make_benchmark(self, name: str) -> Benchmark:
        """Build a benchmark. Raises `UsageError` for an unknown name, `PluginError` for a broken one."""
        registered, arguments = self._benchmarks.get(name), ()
        if registered is None and name.endswith("]"):
            base, _, rest = name[:-1].partition("[")
            registered, arguments = self._benchmarks.get(base), (rest,)  # type: ignore[assignment]
            if registered is not None and not _takes_an_argument(registered.factory):
                raise UsageError(f"the benchmark {base!r} takes no arguments in brackets: write {base}")
        if registered is None and ":" in name:
            family, _, rest = name.partition(":")
            registered, arguments = self._benchmarks.get(family + ":"), (rest,)  # type: ignore[assignment]
        if name in self._benchmarks and name.endswith(":"):
            raise UsageError(f"{name!r} is a family of benchmarks: write {name}NAME")
        if registered is None or name.endswith(":"):
            raise UsageError(f"no benchmark is called {name!r}. " + did_you_mean(name, self.benchmark_names()))
        benchmark = self._build("benchmark", registered, name, arguments, {})
        missing = [
            part for part in ("name", "protocol", "metrics", "problems", "variant") if not hasattr(benchmark, part)
        ]
        if missing:
            raise PluginError(
                f"{registered.owner}: the benchmark {name!r} ({type(benchmark).__name__}) lacks {', '.join(missing)}"
            )
        return benchmark  # type: ignore[no-any-return]

    def _build(
        self, kind: str, registered: _Registered, name: str, arguments: tuple[str, ...], options: Mapping[str, Any]
    ) -> Any:
        try:
            return registered.factory(*arguments, **options)
        except AssayError:
            raise
        except TypeError as error:
            if options:
                raise UsageError(f"the {kind} {name!r} does not take the options {dict(options)}: {error}") from error
            raise PluginError(f"{registered.owner}: building the {kind} {name!r} failed: {error}") from error
        except Exception as error:
            raise PluginError(
                f"{registered.owner}: building the {kind} {name!r} failed: {type(error).__name__}: {error}"
            ) from error

    def open_backend(self, url: str, options: Mapping[str, Any]) -> Backend:
        """Open the backend that `url` names. Raises `UsageError` where nobody knows its scheme."""
        backend = self.manager.hook.open_backend(url=url, options=options)
        if backend is None:
            raise UsageError(
                f"no backend opens the model {url!r}. Write hf:PATH_OR_ID, vllm:PATH_OR_ID, "
                "openai:BASE_URL#MODEL or replay:FILE, or install a plugin that knows its scheme."
            )
        if not isinstance(backend, Backend):
            raise PluginError(f"the backend opened for {url!r} ({type(backend).__name__}) does not meet the contract")
        return backend

    def notify(self, hook: str, **arguments: Any) -> None:
        """Tell every listener of an event hook; one that raises is logged and does not stop the others."""
        caller = getattr(self.manager.hook, hook)
        for implementation in reversed(caller.get_hookimpls()):
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except Exception:  # noqa: BLE001  a listener's code may raise anything
                _log.exception("plugin %r: its listener %s raised", implementation.plugin_name, hook)

    def listens(self, hook: str) -> bool:
        """Whether anybody implements an event hook: lets hot paths skip building its arguments."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())


_lock = threading.RLock()
_registry: Registry | None = None


def registry() -> Registry:
    """The process's registry; the installed plugins are loaded on first use."""
    global _registry
    with _lock:
        if _registry is None:
            fresh = Registry()
            fresh.load_entry_points()
            _registry = fresh
        return _registry


def load_plugin(plugin: str | Path | ModuleType | object) -> None:
    """Add a plugin that is not installed: the path of a Python file, a module, or an object with hooks.

    Verifiers of a plugin that is not a file must be importable by worker processes.
    """
    if isinstance(plugin, str | Path):
        registry().load_file(str(plugin))
    else:
        registry().add(plugin, name=registry().free_name(getattr(plugin, "__name__", type(plugin).__name__)))


def notify(hook: str, **arguments: Any) -> None:
    """Tell every plugin that listens to an event hook, such as "training_step"; one that raises is logged."""
    registry().notify(hook, **arguments)


def get_verifier(name: str, /, **options: Any) -> Verifier:
    """A verifier by its registered name, with its options."""
    return registry().make_verifier(name, options)


def made_with(verifier: object) -> tuple[str, dict[str, Any]] | None:
    """Name and options with which a worker process can build the same verifier; None where it cannot."""
    made = getattr(verifier, _MADE_WITH, None)
    # A copy carries its original's mark although it may have been changed since.
    return (made[1], made[2]) if made is not None and made[0] == id(verifier) else None


def loaded_files() -> list[str]:
    """Paths of the plugin files loaded so far; loads nothing itself."""
    return [] if _registry is None else list(_registry.files)


def list_verifiers() -> list[str]:
    """Names of all registered verifiers, sorted."""
    return registry().verifier_names()


def get_benchmark(name: str) -> Benchmark:
    """A benchmark by its registered name; "family:rest" for a family, "name[arguments]" where it takes some."""
    return registry().make_benchmark(name)


def list_benchmarks() -> list[str]:
    """Names of all registered benchmarks, sorted; a family ends with ":"."""
    return registry().benchmark_names()


def open_backend(url: str, **options: Any) -> Backend:
    """Open a model, for example `open_backend("hf:./checkpoint-500", dtype="bfloat16")`."""
    return registry().open_backend(url, options)


def _restriction() -> set[str] | None:
    value = os.environ.get("ASSAY_PLUGINS", "")
    return None if not value.strip() else {name.strip() for name in value.split(",") if name.strip()}


def _distribution(entry_point: importlib.metadata.EntryPoint) -> str:
    dist = entry_point.dist
    return f"{dist.name} {dist.version}" if dist is not None else _NO_DISTRIBUTION


def _takes_an_argument(factory: Callable[..., Any]) -> bool:
    import inspect  # takes as long as everything else here, and few names have brackets

    try:
        inspect.signature(factory).bind("")
    except TypeError:
        return False
    except ValueError:  # a factory without a readable signature: trying it is the only way
        return True
    return True


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _trace_before(hook_name: str, hook_impls: Any, kwargs: Mapping[str, Any]) -> None:
    arguments = ", ".join(f"{name}={value!r:.200}" for name, value in kwargs.items())
    print(f"assay hook {hook_name}({arguments}) -> {len(hook_impls)} plugin(s)", file=sys.stderr)


def _trace_after(outcome: Any, hook_name: str, hook_impls: Any, kwargs: Mapping[str, Any]) -> None:  # noqa: ARG001  pluggy passes by name
    error = outcome.exception
    result = f"raised {error!r}" if error else f"returned {outcome.get_result()!r:.200}"
    print(f"assay hook {hook_name} {result}", file=sys.stderr)
