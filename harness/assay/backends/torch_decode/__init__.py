"""The decode loop of the `hf` backend: continuous batching over transformers models.

The only modules of the core that import torch at their top; nothing imports them but the `hf` backend, when
a model's weights are loaded.

    sampling   logits → token ids and log-probabilities, one uniform number a row
    packing    copies of the weights that decoding goes faster with
    cache      the keys and values of the running rows, in buffers that are written in place
    loop       admits, steps, finishes and preempts rows
"""
