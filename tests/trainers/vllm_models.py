"""Models that vLLM's kernels on a CPU can run: they need heads of at least 32 dimensions."""

from __future__ import annotations

from typing import Any

import torch

from tests.trainers.models import ALPHABET, EOS, tokenizer

ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
}  # fmt: skip


def wide_model(seed: int = 0, *, tied: bool = True) -> Any:
    """Two layers, two heads of 32 dimensions; the head is the embedding where tied."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(ALPHABET) + 2, hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64, eos_token_id=EOS,
        pad_token_id=EOS, bos_token_id=None, tie_word_embeddings=tied, initializer_range=0.1,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def save_wide(folder: Any, seed: int = 0) -> str:
    """A Hugging Face folder with model and tokenizer."""
    wide_model(seed).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)
