"""Losses against the golden table (which agrees with TRL to 1e-16), finite differences, and invariances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from assay import UsageError
from assay_trainers.grpo.losses import LOSSES, LossInputs, Totals, clip_fraction, k3, loss
from assay_trainers.grpo.settings import PRESETS, LossSettings, changed, preset
from tests.trainers.golden import golden

NAMES = {"delta": "delta", "eps_low": "eps_low", "eps_high": "eps_high", "beta": "beta", "eps_max": "eps_max"}
NAMES |= {"kl_is": "kl_ratio", "tis_cap": "sampler_cap"}


def example(**changes: Any) -> tuple[LossInputs, Totals]:
    data = golden()["inputs"]

    def read(name: str) -> Tensor:
        return torch.tensor(data[name], dtype=torch.float64)

    mask = read("mask").bool()
    inputs = LossInputs(
        logp=read("logp").requires_grad_(), mask=mask, advantages=torch.zeros(len(mask), dtype=torch.float64),
        old=read("old"), ref=read("ref"), sampling=read("sampling"),
    )  # fmt: skip
    return replace(inputs, **changes), Totals(rows=8, tokens=int(mask.sum()), max_tokens=data["max_len"])


def value_and_grad(inputs: LossInputs, settings: LossSettings, totals: Totals) -> tuple[float, Tensor]:
    logp = inputs.logp.detach().requires_grad_()
    value = loss(replace(inputs, logp=logp), settings, totals)
    (grad,) = torch.autograd.grad(value, logp)
    return value.item(), grad


def cases() -> dict[str, tuple[LossSettings, list[float], dict[str, Any]]]:
    return {
        name: (
            LossSettings(kind=row["variant"], **{NAMES[k]: v for k, v in row["kwargs"].items()}),
            row["advantages"],
            row,
        )
        for name, row in golden()["cases"].items()
    }


def test_golden_cases() -> None:
    assert len(cases()) == 13
    for name, (settings, advantages, row) in cases().items():
        inputs, totals = example(advantages=torch.tensor(advantages, dtype=torch.float64))
        value, grad = value_and_grad(inputs, settings, totals)
        assert value == pytest.approx(row["loss"], abs=1e-9), name
        assert (grad - torch.tensor(row["grad"], dtype=torch.float64)).abs().max() < 1e-9, name


def test_golden_k3() -> None:
    row = golden()["misc"]["k3"]
    logp = torch.tensor(row["logp_minus_ref"], dtype=torch.float64, requires_grad=True)
    value = k3(logp, torch.zeros_like(logp))
    (grad,) = torch.autograd.grad(value.sum(), logp)
    assert value.tolist() == pytest.approx(row["value"], abs=1e-9)
    assert grad.tolist() == pytest.approx(row["grad"], abs=1e-9)


def random_batch(seed: int, rows: int = 7, width: int = 5) -> tuple[LossInputs, Totals]:
    make = torch.Generator().manual_seed(seed)

    def draw(scale: float) -> Tensor:
        return scale * torch.randn(rows, width, generator=make, dtype=torch.float64)

    lengths = torch.randint(1, width + 1, (rows,), generator=make)
    old = draw(1.0) - 2
    inputs = LossInputs(
        logp=old + draw(0.3), mask=torch.arange(width)[None] < lengths[:, None],
        advantages=torch.randn(rows, generator=make, dtype=torch.float64),
        old=old, ref=old + draw(0.3), sampling=old + draw(0.2),
    )  # fmt: skip
    return inputs, Totals(rows=rows, tokens=int(lengths.sum()), max_tokens=9)


EVERY = [
    LossSettings(kind=kind, beta=beta, sampler_cap=cap, kl_ratio=ratio, delta=delta, eps_max=1.1)
    for kind in LOSSES
    for beta, ratio in ((0.0, False), (0.3, False), (0.3, True))
    for cap, delta in ((None, None), (1.05, 1.4))
]


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_gradients_match_finite_differences(settings: LossSettings) -> None:
    inputs, totals = random_batch(3)
    _, grad = value_and_grad(inputs, settings, totals)
    # CISPO's weight is a constant of the step: it must not move with logp, so it comes from a frozen `old` here.
    step = 1e-6
    for row, column in inputs.mask.nonzero().tolist():
        ends = []
        for sign in (1, -1):
            moved = inputs.logp.clone()
            moved[row, column] += sign * step
            probe = replace(inputs, logp=moved)
            if settings.kind == "cispo":
                ends.append(_cispo_frozen(probe, inputs.logp, settings, totals))
            else:
                ends.append(loss(probe, settings, totals).item())
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(grad[row, column].item(), abs=1e-7)


def _cispo_frozen(probe: LossInputs, logp: Tensor, settings: LossSettings, totals: Totals) -> float:
    """CISPO by hand, with the weight of the unmoved policy."""
    assert probe.old is not None
    assert probe.ref is not None
    assert probe.sampling is not None
    weight = (logp - probe.old).exp().clamp(max=settings.eps_max)
    if settings.sampler_cap is not None:
        weight = weight * (probe.old - probe.sampling).exp().clamp(max=settings.sampler_cap)
    divergence = (probe.ref - probe.logp).exp() - (probe.ref - probe.logp) - 1
    if settings.kl_ratio:
        divergence = divergence * (probe.logp - probe.old).exp()
    term = -weight * probe.advantages[:, None] * probe.logp + settings.beta * divergence
    return float((term * probe.mask).sum() / totals.tokens)


def rows_of(inputs: LossInputs, index: list[int], width: int | None = None, garbage: float | None = None) -> LossInputs:
    """Some rows, padded to another width with garbage."""
    width = width or inputs.mask.shape[1]

    def take(values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        out = torch.full((len(index), width), garbage or 0.0, dtype=values.dtype)
        keep = min(width, values.shape[1])
        out[:, :keep] = values[index, :keep]
        if garbage is not None:
            out[~mask] = garbage
        return out

    mask = torch.zeros(len(index), width, dtype=torch.bool)
    keep = min(width, inputs.mask.shape[1])
    mask[:, :keep] = inputs.mask[index, :keep]
    logp = take(inputs.logp)
    assert logp is not None
    return LossInputs(
        logp=logp, mask=mask, advantages=inputs.advantages[index],
        old=take(inputs.old), ref=take(inputs.ref), sampling=take(inputs.sampling),
    )  # fmt: skip


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_micro_batches_padding_and_order_do_not_matter(settings: LossSettings) -> None:
    inputs, totals = random_batch(4)
    whole, grad = value_and_grad(inputs, settings, totals)
    for split, width, garbage in (
        ([[0, 1, 2, 3, 4, 5, 6]], 11, float("nan")),
        ([[0, 1, 2], [3, 4, 5, 6]], 5, float("inf")),
        ([[6], [2, 0, 5], [4, 1, 3]], 8, 1e30),
    ):
        parts = [value_and_grad(rows_of(inputs, rows, width, garbage), settings, totals) for rows in split]
        assert sum(value for value, _ in parts) == pytest.approx(whole, abs=1e-12)
        for rows, (_, part) in zip(split, parts, strict=True):
            assert torch.allclose(part[:, :5][inputs.mask[rows]], grad[rows][inputs.mask[rows]], atol=1e-12)
            assert not part[:, 5:].any()


@pytest.mark.parametrize("settings", [s for s in EVERY if not s.beta], ids=str)
def test_rows_without_advantage_may_be_left_out(settings: LossSettings) -> None:
    inputs, totals = random_batch(5)
    advantages = inputs.advantages.clone()
    advantages[[1, 4]] = 0.0
    inputs = replace(inputs, advantages=advantages)
    whole, grad = value_and_grad(inputs, settings, totals)
    part, part_grad = value_and_grad(rows_of(inputs, [0, 2, 3, 5, 6]), settings, totals)
    assert part == pytest.approx(whole, abs=1e-12)
    assert torch.allclose(part_grad, grad[[0, 2, 3, 5, 6]], atol=1e-12)
    assert not grad[[1, 4]].any()


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in ("r1", "grpo")])
def test_without_old_log_probs_the_ratio_is_one(name: str) -> None:
    inputs, totals = random_batch(6)
    same = replace(inputs, old=inputs.logp.detach())
    settings = PRESETS[name].loss
    value, grad = value_and_grad(same, settings, totals)
    implied, implied_grad = value_and_grad(replace(inputs, old=None), settings, totals)
    assert implied == value
    assert torch.equal(implied_grad, grad)
    assert grad.abs().sum() > 0
    assert clip_fraction(replace(inputs, old=None), settings)[0] == 0


def test_clip_fraction_counts_tokens_without_gradient() -> None:
    inputs, totals = random_batch(7)
    for kind in ("grpo", "dapo"):
        settings = LossSettings(kind=kind, eps_low=0.1, eps_high=0.15, delta=1.3)
        _, grad = value_and_grad(inputs, settings, totals)
        clipped, tokens = clip_fraction(inputs, settings)
        assert tokens == totals.tokens
        assert clipped == int((inputs.mask & (grad == 0)).sum()) > 0


def test_the_default_is_the_report() -> None:
    assert preset("r1").loss == LossSettings(kind="grpo", eps_low=10.0, beta=0.001)


def test_mistakes_are_named() -> None:
    with pytest.raises(UsageError, match=r"'drgrpo'.*Did you mean dr_grpo"):
        preset("drgrpo")
    with pytest.raises(UsageError, match=r"'eps_hi'.*Did you mean eps_high"):
        changed(LossSettings(), {"eps_hi": 0.3}, "loss")
    with pytest.raises(UsageError, match=r"loss\.kind"):
        changed(LossSettings(), {"kind": "ppo"}, "loss")
    with pytest.raises(UsageError, match=r"loss\.delta must be more than"):
        LossSettings(delta=1.0)
    inputs, totals = random_batch(8)
    with pytest.raises(ValueError, match="beta needs the reference"):
        loss(replace(inputs, ref=None), LossSettings(beta=0.1), totals)
