"""What the bundled trainers share.

- `configs`: one YAML file, checked field by field; types and sections that trainers have in common
- `world`: the processes; `kernels`: faster float32 products where the default ones are slow
- `models`: loading a model; writing Hugging Face folders
- `adapters`: LoRA, and a policy's weights as a plain checkpoint has them
- `sharding`: parameters sharded over processes; `policy`: the module that is sharded
- `batching`: rows → micro-batches of about one length, within a token budget
- `shared_prompts`: rows of one prompt compute it once
- `logprobs`: log-probs and entropies of chosen tokens, in chunks
- `optimizer`: AdamW, its schedule, one update over all processes
- `order`: which items of the data a step gets
- `checkpoints`: atomic folders from which a run goes on bit for bit
- `logs`: a line a step in metrics.jsonl
- `stopping`: what ends a run early, asked for or not

`configs`, `logs`, `order` and `stopping` import no torch.
"""
