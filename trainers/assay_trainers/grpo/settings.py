"""What decides a loss and its advantages, and the presets that papers gave names to. No torch here.

| preset       | loss    | clip            | KL          | advantage       | from |
|--------------|---------|-----------------|-------------|-----------------|------|
| `r1`         | grpo    | ε = 10          | β = 0.001   | (r − mean)/std  | DeepSeek-R1, reasoning RL |
| `grpo`       | grpo    | ε = 0.2         | β = 0.04    | (r − mean)/std  | DeepSeekMath |
| `dr_grpo`    | dr_grpo | ε = 0.2         | none        | r − mean        | 2503.20783 |
| `bnpo`       | bnpo    | ε = 0.2         | none        | (r − mean)/std  | TRL |
| `dapo`       | dapo    | 0.2 / 0.28      | none        | (r − mean)/std  | 2503.14476 |
| `two_sided`  | dapo    | 0.2 / 0.28, δ 4 | none        | (r − mean)/std  | INTELLECT-2 |
| `gspo`       | gspo    | 3e-4 / 4e-4     | none        | (r − mean)/std  | 2507.18071 |
| `cispo`      | cispo   | weight ≤ 5      | none        | (r − mean)/std  | MiniMax-M1 |

The std has Bessel's correction and 1e-4 is added to it, as in TRL; the reports say only "std".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from assay import UsageError, did_you_mean
from assay_trainers.common.configs import NO_OTHER_FIELDS

LossKind = Literal["grpo", "dr_grpo", "bnpo", "dapo", "gspo", "cispo"]
Scale = Literal["group", "batch", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LossSettings:
    """Everything that decides the loss of a batch."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    kind: LossKind = "grpo"
    """A name in `assay_trainers.grpo.losses.LOSSES`."""
    eps_low: float = 0.2
    """The ratio is clipped below at 1 − eps_low; above 0, and more than 1 means never."""
    eps_high: float | None = None
    """The ratio is clipped above at 1 + eps_high; None: eps_low."""
    delta: float | None = None
    """Two-sided clip: bound of the ratio where the advantage is negative; more than 1 + eps_high."""
    eps_max: float = 5.0
    """CISPO's cap of the weight."""
    beta: float = 0.0
    """Weight of the KL to the reference policy; 0 means that there is none."""
    kl_ratio: bool = False
    """Multiply k3 by the ratio, gradient included: TRL's `use_bias_correction_kl`."""
    sampler_cap: float | None = None
    """C of truncated importance sampling between sampler and trainer; None: off."""

    def __post_init__(self) -> None:
        for name in ("eps_low", "eps_high", "delta", "eps_max", "sampler_cap"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"loss.{name} must be a finite number above 0, got {value}")
        if not 0 <= self.beta < float("inf"):
            raise UsageError(f"loss.beta must be a finite number of at least 0, got {self.beta}")
        if self.delta is not None and self.delta <= 1 + self.high:
            raise UsageError(f"loss.delta must be more than 1 + eps_high = {1 + self.high}, got {self.delta}")

    @property
    def high(self) -> float:
        """The upper clip width."""
        return self.eps_low if self.eps_high is None else self.eps_high


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvantageSettings:
    """How rewards become advantages; see `assay_trainers.grpo.advantages`."""

    __pydantic_config__: ClassVar[dict[str, str]] = NO_OTHER_FIELDS

    scale: Scale = "group"
    """Divide r − mean(group) by the std of the group, of the batch, or by nothing."""
    ddof: int = 1
    """1: Bessel's correction (TRL, verl); 0: the population's std."""
    eps: float = 1e-4
    """Added to the std."""

    def __post_init__(self) -> None:
        if self.ddof not in (0, 1) or not 0 <= self.eps < float("inf"):
            raise UsageError(f"advantages need ddof 0 or 1 and eps >= 0, got {self.ddof} and {self.eps}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A published variant."""

    loss: LossSettings
    advantages: AdvantageSettings = AdvantageSettings()
    refresh_reference_every: int = 0
    """Steps after which the reference policy becomes a copy of the current one; 0: never."""


PRESETS: Mapping[str, Preset] = {
    "r1": Preset(loss=LossSettings(eps_low=10.0, beta=0.001), refresh_reference_every=400),
    "grpo": Preset(loss=LossSettings(beta=0.04)),
    "dr_grpo": Preset(loss=LossSettings(kind="dr_grpo"), advantages=AdvantageSettings(scale="none")),
    "bnpo": Preset(loss=LossSettings(kind="bnpo")),
    "dapo": Preset(loss=LossSettings(kind="dapo", eps_high=0.28)),
    "two_sided": Preset(loss=LossSettings(kind="dapo", eps_high=0.28, delta=4.0)),
    "gspo": Preset(loss=LossSettings(kind="gspo", eps_low=3e-4, eps_high=4e-4)),
    "cispo": Preset(loss=LossSettings(kind="cispo")),
}


def preset(name: str) -> Preset:
    """A preset by name. Raises `UsageError` for an unknown one."""
    if name not in PRESETS:
        raise UsageError(f"there is no GRPO preset {name!r}. " + did_you_mean(name, list(PRESETS)))
    return PRESETS[name]


def changed(base: Any, changes: Mapping[str, Any], where: str) -> Any:
    """A settings object with fields replaced. Raises `UsageError` for an unknown field or a wrong value."""
    from pydantic import TypeAdapter, ValidationError

    known = list(base.__slots__)
    for field in changes:
        if field not in known:
            raise UsageError(f"{where} has no field {field!r}. " + did_you_mean(field, known))
    values = {field: getattr(base, field) for field in known} | dict(changes)
    try:
        return replace(base, **{f: getattr(TypeAdapter(type(base)).validate_python(values), f) for f in known})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{where}.{place}: {first['msg']}, got {first['input']!r}") from error
