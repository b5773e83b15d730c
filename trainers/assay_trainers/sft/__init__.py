"""Supervised fine-tuning (`assay train sft CONFIG`): cold start, rejection-sampled data, distillation.

- `config`: its YAML file and the presets; `data`: JSONL and Parquet rows → examples
- `encoding`: examples → token ids with the spans that are learned
- `batching`: rows → micro-batches, in buckets of one length or packed; `loss`: their cross-entropy, in chunks
- `learner`: one optimizer update; `trainer`: the loop; `command`: what the command line calls

`config`, `data` and `command` import no torch. What other trainers need too is in `assay_trainers.common`.
"""
