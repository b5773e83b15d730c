"""Which tokens end a completion."""

from __future__ import annotations

from typing import Any


def eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a turn: chat models list several in their generation config. Empty where none is named."""
    found: set[int] = set()
    for value in (
        getattr(model.generation_config, "eos_token_id", None),
        model.config.eos_token_id,
        tokenizer.eos_token_id,
    ):
        found.update(value if isinstance(value, list | tuple) else [value] if value is not None else [])
    return frozenset(found)
