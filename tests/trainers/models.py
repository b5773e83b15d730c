"""A tiny character-level model whose pad token is its end-of-sequence token, made on the spot."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

ALPHABET = "0123456789+-*/=()\\{} abcdefghijklmnopqrstuvwxyz?.\n"
EOS = 0


@cache
def tokenizer() -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: number for number, token in enumerate(["<eos>", "<unk>", *ALPHABET])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(".|\n"), "isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<eos>", eos_token="<eos>", unk_token="<unk>")


def tiny_model(seed: int = 0, *, dtype: torch.dtype = torch.float32, tied: bool = True, **changes: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(ALPHABET) + 2, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, eos_token_id=EOS,
        pad_token_id=EOS, bos_token_id=None, tie_word_embeddings=tied, initializer_range=0.2, **changes,
    )  # fmt: skip
    return LlamaForCausalLM(config).to(dtype).eval()


def save_tiny(folder: Any, seed: int = 0) -> str:
    """A Hugging Face folder with model and tokenizer."""
    tiny_model(seed).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


class _ExactNorm(torch.nn.Module):
    """RMS norm in the precision of its input."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(hidden.square().mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * hidden * scale


def exact_model(seed: int = 0, **changes: Any) -> Any:
    """The tiny model in float64 throughout: transformers' own norms go through float32, gradients included."""
    model = tiny_model(seed, dtype=torch.float64, **changes)
    for module in model.modules():
        if type(module).__name__ == "LlamaRMSNorm":
            module.__class__ = _ExactNorm
    return model
