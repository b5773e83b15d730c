"""Rejection sampling (`assay sample CONFIG`): draw, verify, keep what is right and well made, for SFT.

- `config`: its YAML file; `problems`: what is asked, as a benchmark that the harness can run
- `rejection`: which samples are kept, and at which step the others fell
- `output`: Parquet, JSONL and the report; `command`: what the command line calls

Drawing and checking are the harness's own `evaluate`, sample store included.
"""
