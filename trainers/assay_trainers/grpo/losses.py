r"""The GRPO family of losses: one pure function each, over log-probs that somebody else computed.

A policy-gradient loss of this family is a sum over the tokens of the batch, Σ_it W_it · ℓ_it. The members differ in

    ℓ  the term of a token    clipped ratio (GRPO), clipped ratio of the whole sequence (GSPO), clipped weight (CISPO)
    W  the token's weight     1/(B·L_i) (mean in each output), 1/Σ L (mean over tokens), 1/(B·max_tokens) (a constant)

and W depends on the whole batch of an optimizer step, never on the micro-batch that a token happens to be in: the
caller passes the step's `Totals`, each micro-batch adds its share, and the sum of the shares is the loss. So the
gradient is the same for every split into micro-batches and over processes. Rows whose advantage is 0 may be left out
of the micro-batches as long as `Totals` counts them (and beta is 0).

Shapes: B rows (completions), T padded completion length. Log-probs are natural logs, of the distribution that was
sampled from (its temperature included). `mask` is True on generated tokens, the end-of-sequence token included;
whatever stands elsewhere, NaN too, has no influence on value or gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from assay_trainers.grpo.settings import LossSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class LossInputs:
    """The tensors of one micro-batch."""

    logp: Tensor  # (B, T), with gradient
    """log π_θ of each token."""
    mask: Tensor  # (B, T), bool
    advantages: Tensor  # (B,)
    old: Tensor | None = None  # (B, T)
    """log π_old: the trainer's own log-probs when the rollouts were made. None: the policy has not changed since,
    so they are `logp` without gradient (the ratio is 1, its gradient is not)."""
    ref: Tensor | None = None  # (B, T)
    """log π_ref; needed where beta is not 0."""
    sampling: Tensor | None = None  # (B, T)
    """What the rollout engine says it sampled with; needed for truncated importance sampling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """What the whole batch of an optimizer step holds, all micro-batches and processes together."""

    rows: int
    tokens: int
    max_tokens: int
    """Cap on generated tokens, Dr. GRPO's constant."""


Loss = Callable[[LossInputs, LossSettings, Totals], Tensor]


# ---------------------------------------------------------------------------------------------------- building blocks


def k3(logp: Tensor, ref: Tensor) -> Tensor:
    """Schulman's k3 estimator of KL(π_θ ‖ π_ref) from a sample of π_θ: e^d − d − 1 with d = ref − logp.

    At least 0, and unbiased as a value. Its gradient in logp is 1 − e^d (R1 report, GRPO; joschu.net/blog/kl-approx).
    """
    d = ref - logp
    return torch.exp(d) - d - 1


def clipped_term(
    log_ratio: Tensor, advantages: Tensor, *, eps_low: float, eps_high: float, delta: float | None = None
) -> Tensor:
    """−min(w A, clip(w, 1−ε_low, 1+ε_high) A) with w = exp(log_ratio) (PPO; DeepSeekMath eq. 3).

    With `delta` the unclipped branch becomes min(w, δ) A: a bad token that the policy now likes far more than the
    sampler did cannot blow the loss up (two-sided clip, INTELLECT-2, eq. 2).
    """
    ratio = torch.exp(log_ratio)
    clipped = ratio.clamp(1 - eps_low, 1 + eps_high)
    free = ratio if delta is None else ratio.clamp(max=delta)
    return -torch.minimum(free * advantages, clipped * advantages)


def sampler_correction(old: Tensor, sampling: Tensor, cap: float) -> Tensor:
    """min(π_old / π_sampler, C), without gradient: truncated importance sampling (Yao et al. 2025, eq. 6).

    It makes up for a rollout engine whose kernels or quantised weights give other probabilities than the trainer's.
    """
    return torch.exp(old - sampling).clamp(max=cap).detach()


def per_output_mean(mask: Tensor, totals: Totals) -> Tensor:
    """W = 1/(B·L_i): the mean over each output's tokens, then over outputs (GRPO)."""
    return mask / mask.sum(1, keepdim=True).clamp(min=1) / totals.rows


def token_mean(mask: Tensor, totals: Totals) -> Tensor:
    """W = 1/Σ_i L_i: every token of the step's batch counts the same (DAPO eq. 8)."""
    return mask / max(totals.tokens, 1)


def constant_length(mask: Tensor, totals: Totals) -> Tensor:
    """W = 1/(B·max_tokens): no division by a length that the policy itself chooses (Dr. GRPO)."""
    return mask / (totals.rows * totals.max_tokens)


# ------------------------------------------------------------------------------------------------------------- losses


def grpo(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """GRPO of the R1 reports: 1/B Σ_i 1/L_i Σ_t [ −min(w A_i, clip(w, 1−ε, 1+ε) A_i) + β k3 ].

    DeepSeekMath (2402.03300) eq. 3, DeepSeek-R1 (2501.12948) eq. 1, per token.
    """
    return _token_level(inputs, settings, per_output_mean(_float_mask(inputs), totals))


def dr_grpo(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """Dr. GRPO: 1/(B·max_tokens) Σ_it, to be used with advantages r − mean(r), not divided by std (2503.20783).

    Neither the length of an output nor the spread of its group changes the weight of its tokens.
    """
    return _token_level(inputs, settings, constant_length(_float_mask(inputs), totals))


def bnpo(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """Token mean over the batch with the symmetric clip; TRL's `loss_type="bnpo"` for one micro-batch.

    TRL divides by the tokens of each micro-batch, so its result depends on the split. Here the batch is the
    optimizer step's, which leaves DAPO's clip-higher as the only difference to `dapo`.
    """
    return _token_level(inputs, settings, token_mean(_float_mask(inputs), totals))


def dapo(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """DAPO: 1/Σ_i L_i Σ_it −min(w A, clip(w, 1−ε_low, 1+ε_high) A) with ε_high > ε_low (2503.14476 eq. 8).

    With `settings.delta` it is the two-sided clip of INTELLECT-2.
    """
    return _token_level(inputs, settings, token_mean(_float_mask(inputs), totals))


def gspo(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """GSPO: one ratio a sequence, w_i = exp(1/L_i Σ_t log(π_θ/π_old)), clipped as a whole (2507.18071 eq. 5, 7).

    The ratio's gradient reaches each of the L_i tokens with weight 1/L_i.
    """
    mask = _float_mask(inputs)
    mean = (_log_ratio(inputs) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)  # (B, 1)
    term = _clipped(mean, inputs, settings).expand_as(mask)
    return _total(term, inputs, settings, per_output_mean(mask, totals))


def cispo(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """CISPO: 1/Σ L Σ −sg(min(w, ε_max)) A log π_θ: the weight is clipped, no token loses its gradient.

    MiniMax-M1 (2506.13585) eq. 4 and 5, where only the upper bound is set.
    """
    mask = _float_mask(inputs)
    weight = torch.exp(_log_ratio(inputs)).clamp(max=settings.eps_max).detach()
    term = -weight * inputs.advantages[:, None] * torch.where(inputs.mask, inputs.logp, 0.0)
    return _total(term, inputs, settings, token_mean(mask, totals))


LOSSES: Mapping[str, Loss] = {
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "bnpo": bnpo,
    "dapo": dapo,
    "gspo": gspo,
    "cispo": cispo,
}
"""Every loss by name; `LossSettings.kind` chooses one."""


def loss(inputs: LossInputs, settings: LossSettings, totals: Totals) -> Tensor:
    """This micro-batch's share of the step's loss, by `settings.kind`: a scalar. Shares add up to the loss."""
    return LOSSES[settings.kind](inputs, settings, totals)


@torch.no_grad()
def clip_fraction(inputs: LossInputs, settings: LossSettings) -> tuple[float, int]:
    """How many tokens get no gradient, or a cut weight, because of the clip; and of how many."""
    mask, log_ratio = inputs.mask, _log_ratio(inputs)
    if settings.kind == "gspo":
        log_ratio = (log_ratio.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)).expand_as(mask)
    ratio, positive = torch.exp(log_ratio), inputs.advantages[:, None] > 0
    if settings.kind == "cispo":
        clipped = ratio > settings.eps_max
    else:
        negative = inputs.advantages[:, None] < 0
        clipped = (positive & (ratio > 1 + settings.high)) | (negative & (ratio < 1 - settings.eps_low))
        if settings.delta is not None:
            clipped |= negative & (ratio > settings.delta)
    return float((clipped & mask).sum()), int(mask.sum())


# ------------------------------------------------------------------------------------------------------------ plumbing


def _float_mask(inputs: LossInputs) -> Tensor:
    return inputs.mask.to(inputs.logp.dtype)


def _old(inputs: LossInputs) -> Tensor:
    return inputs.logp.detach() if inputs.old is None else inputs.old


def _log_ratio(inputs: LossInputs) -> Tensor:
    """Log π_θ/π_old, 0 where the mask is: exp of padding may overflow, and 0 · inf is NaN, in the gradient too."""
    return _masked(inputs.logp, inputs.mask) - _masked(_old(inputs), inputs.mask)


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0)


def _clipped(log_ratio: Tensor, inputs: LossInputs, settings: LossSettings) -> Tensor:
    return clipped_term(
        log_ratio,
        inputs.advantages[:, None],
        eps_low=settings.eps_low,
        eps_high=settings.high,
        delta=settings.delta,
    )


def _token_level(inputs: LossInputs, settings: LossSettings, weights: Tensor) -> Tensor:
    return _total(_clipped(_log_ratio(inputs), inputs, settings), inputs, settings, weights)


def _total(term: Tensor, inputs: LossInputs, settings: LossSettings, weights: Tensor) -> Tensor:
    """Σ W · (correction · term + β · KL)."""
    if settings.sampler_cap is not None:
        sampling = _required(inputs.sampling, "sampler_cap", "the sampler's log-probs")
        old = _masked(_old(inputs), inputs.mask)
        term = term * sampler_correction(old, _masked(sampling, inputs.mask), settings.sampler_cap)
    if settings.beta:
        ref = _masked(_required(inputs.ref, "beta", "the reference policy's log-probs"), inputs.mask)
        divergence = k3(_masked(inputs.logp, inputs.mask), ref)
        if settings.kl_ratio:
            divergence = divergence * torch.exp(_log_ratio(inputs))
        term = term + settings.beta * divergence
    return (weights * term).sum()


def _required(value: Tensor | None, setting: str, what: str) -> Tensor:
    if value is None:
        raise ValueError(f"the loss setting {setting} needs {what}")
    return value
