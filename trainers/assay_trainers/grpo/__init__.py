"""Group relative policy optimisation with Assay's verifiers as rewards (`assay train grpo CONFIG`).

The mathematics, as pure functions (log-probs and micro-batches: `assay_trainers.common`):

- `settings`: what decides loss and advantages, and the published presets
- `advantages`: rewards → advantages
- `losses`: GRPO, Dr. GRPO, BNPO, DAPO, GSPO, CISPO over log-probs

The parts of a run:

- `config`: its YAML file, checked field by field; `setup`: the problems, the reward and the prompts that it names
- `problems`: where problems come from, and which ones a step gets
- `rollouts`: prompts → completions, behind one interface; `rewarding`: what they earn, while others are generated
- `engines`: where they come from when the policy itself cannot sample: a copy, vLLM here, a vLLM server
- `window`: one step's completions as rows with advantages; `pending`: those that a run stopped before learning from
- `update`: one optimizer update; `reference`: what the KL term compares with
- `alarms`, `logs`, `checkpoints`: what must not stay quiet, what is written down, how a run goes on
- `trainer`: the loop; `command`: what the command line calls

`settings`, `advantages`, `alarms`, `config`, `problems`, `setup` and `command` import no torch.
"""
