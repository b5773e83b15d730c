"""Sweeps: the checkpoints of a training run × benchmarks × sampling settings, by one command.

| file          | holds                                                                          |
|---------------|--------------------------------------------------------------------------------|
| `checkpoints` | what a pattern names: trainers' folders, hub revisions; steps; what is complete |
| `config`      | what was asked for, from a YAML file or the command line                       |
| `planning`    | what is still to be drawn, and how long that takes at the rate measured so far |
| `loop`        | the loop: an engine kept alive, failures recorded, watching for new checkpoints |
| `record`      | `sweep-<hash>.json`: what the sweep did, beside the runs                       |
| `curves`      | metrics over training steps, as CSV and as a figure                            |

Everything that is drawn is stored in ordinary runs (docs/runs.md), so a sweep that is stopped goes on, tops up and
skips what is done as `assay run` does.
"""
