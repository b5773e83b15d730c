"""A character-level model that has half learned to answer in a box: something to take real reinforcement steps with."""

from __future__ import annotations

from typing import Any

CHARACTERS = "0123456789+= \\boxed{}"
ANSWERS = {"1+1=": "\\boxed{2}", "2+2=": "\\boxed{4}", "3+3=": "\\boxed{6}", "4+4=": "\\boxed{8}"}


def tokenizer() -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<eos>": 1, "<unk>": 2}
    for character in CHARACTERS:
        vocabulary.setdefault(character, len(vocabulary))
    characters = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    characters.pre_tokenizer = pre_tokenizers.Split(Regex(".|\n"), "isolated")
    characters.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=characters, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    made.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    return made


def half_trained_model(steps: int = 40) -> Any:
    """Sampled at temperature 1 it is right now and then; the same on every machine up to rounding."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = tokenizer()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokens),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=64,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
        )
    )
    batch = tokens([f"{ask}{answer}<eos>" for ask, answer in ANSWERS.items()], return_tensors="pt").input_ids
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model
