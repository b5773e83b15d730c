"""Rewards: verifiers, gates and shaping put together into what a trainer maximises.

| file      | holds                                                                     |
|-----------|---------------------------------------------------------------------------|
| `reward`  | `Reward`, `RewardResult`: the sum and every part of it                    |
| `config`  | `RewardConfig`, `Term`, `ShapingTerm`; reading YAML                       |
| `policy`  | what each outcome is worth                                                |
| `shaping` | length and repetition: pure functions                                     |
| `presets` | the rewards of the DeepSeek-R1 reports                                    |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from assay.rewards.config import RewardConfig, ShapingTerm, Term
    from assay.rewards.reward import Reward, RewardResult

__all__ = ["Reward", "RewardConfig", "RewardResult", "ShapingTerm", "Term"]

_HOME = {
    "Reward": "reward",
    "RewardConfig": "config",
    "RewardResult": "reward",
    "ShapingTerm": "config",
    "Term": "config",
}

__getattr__ = _lazy_names(__name__, _HOME)
