"""What a sweep is asked to do, from a YAML file or from the command line.

models: [hf:runs/math, hf:Qwen/Qwen2.5-Math-1.5B]   # folders, patterns, hub ids
revisions: [step*]                                  # of hub ids
benchmarks: [aime24:64, math500:16]
settings: [{temperature: 0.6}, {temperature: 1.0, top_p: 1.0}]
limit: 100                                          # the first problems only
options: {dtype: bfloat16}                          # of the backend
verifier_options: {code_tests: {sandbox: docker}}
plugins: [digits.py]
data: ./data
out: results/runs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.hashing import hash_value
from assay.plan import Overrides
from assay.yaml_file import read_yaml

_SETTING_TYPES: dict[str, tuple[type, ...]] = {
    "samples": (int,), "template": (str,), "prefill": (str,), "temperature": (int, float), "top_p": (int, float),
    "max_tokens": (int,), "stop": (list, tuple), "seed": (int,),
}  # fmt: skip
_LISTS = ("models", "revisions", "benchmarks", "plugins")


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepConfig:
    """A sweep."""

    models: tuple[str, ...]
    benchmarks: tuple[str, ...]
    revisions: tuple[str, ...] = ()
    settings: tuple[Mapping[str, Any], ...] = ({},)
    """Fields of `Overrides`, one mapping a setting."""
    limit: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    verifier_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    data: str | None = None
    out: str = "results/runs"

    def overrides(self) -> list[Overrides]:
        """What each setting changes in the benchmarks' protocols."""
        found = []
        for setting in self.settings:
            changes: dict[str, Any] = {name: tuple(v) if name == "stop" else v for name, v in setting.items()}
            found.append(replace(Overrides(limit=self.limit), **changes))
        return found

    @property
    def tag(self) -> str:
        """A name for what is swept; more checkpoints or samples make no other sweep."""
        names = [name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name for name in self.benchmarks]
        return hash_value([self.models, self.revisions, names, [dict(each) for each in self.settings]])[:8]


def read_sweep(path: Path) -> SweepConfig:
    """Read a sweep file. Raises `UsageError` that names the file and the field."""
    value = read_yaml(path, "sweep", max_bytes=1_000_000, max_brackets=2_000)
    if not isinstance(value, dict):
        raise UsageError(f"{path} is not a sweep: a mapping with models and benchmarks is needed")
    return make_sweep(value, str(path))


def make_sweep(value: Mapping[str, Any], where: str) -> SweepConfig:
    """Check the fields of a sweep. Raises `UsageError` that names the field and what was found."""
    known = [*SweepConfig.__slots__]
    for name in value:
        if name not in known:
            raise UsageError(f"{where}: a sweep has no field {name!r}. {did_you_mean(str(name), known)}")
    fields = {name: given for name, given in value.items() if given is not None}
    for name in _LISTS:
        if name in fields:
            fields[name] = _texts(fields[name], f"{where}: {name}")
    for name in ("models", "benchmarks"):
        if not fields.get(name):
            raise UsageError(f"{where}: {name} names nothing")
    if "settings" in fields:
        fields["settings"] = tuple(_setting(each, where) for each in _listed(fields["settings"], f"{where}: settings"))
        if not fields["settings"]:
            raise UsageError(f"{where}: settings is an empty list; leave it out for the benchmarks' own")
    for name in ("options", "verifier_options"):
        if not isinstance(fields.get(name, {}), Mapping):
            raise UsageError(f"{where}: {name} must be a mapping, got {fields[name]!r:.100}")
    for verifier, options in fields.get("verifier_options", {}).items():
        if not isinstance(options, Mapping):
            raise UsageError(f"{where}: verifier_options of {verifier} must be a mapping, got {options!r:.100}")
    for name, kind in (("limit", int), ("out", str), ("data", str)):
        if name in fields and (not isinstance(fields[name], kind) or isinstance(fields[name], bool)):
            raise UsageError(f"{where}: {name} must be {kind.__name__}, got {fields[name]!r:.100}")
    return SweepConfig(**fields)


def setting_text(setting: Mapping[str, Any]) -> str:
    """A setting on one line; empty for the benchmarks' own."""
    return ", ".join(f"{name} {value}" for name, value in sorted(setting.items()))


def _setting(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: a setting is a mapping such as {{temperature: 0.6}}, got {value!r:.100}")
    for name, given in value.items():
        if name not in _SETTING_TYPES:
            raise UsageError(
                f"{where}: a setting has no field {name!r}. {did_you_mean(str(name), list(_SETTING_TYPES))}"
            )
        if not isinstance(given, _SETTING_TYPES[name]) or isinstance(given, bool):
            raise UsageError(f"{where}: the setting {name} cannot be {given!r:.100}")
    if not all(isinstance(text, str) for text in value.get("stop", ())):
        raise UsageError(f"{where}: stop takes a list of strings")
    return dict(value)


def _texts(value: Any, what: str) -> tuple[str, ...]:
    texts = _listed(value, what)
    if not all(isinstance(text, str) and text for text in texts):
        raise UsageError(f"{what} must be texts, got {value!r:.100}")
    return tuple(texts)


def _listed(value: Any, what: str) -> list[Any]:
    if isinstance(value, str | Mapping):
        return [value]
    if not isinstance(value, list | tuple):
        raise UsageError(f"{what} must be a list, got {value!r:.100}")
    return list(value)
