"""Doors into other people's trainers: each turns a reward of ours into the function that the trainer calls.

| file        | trainer                                                                              |
|-------------|--------------------------------------------------------------------------------------|
| `trl`       | TRL: `reward_funcs`                                                                  |
| `verl`      | verl: `custom_reward_function`, single and batch                                     |
| `openrlhf`  | OpenRLHF: the reward file, and what `assay serve` answers                            |
| `verifiers` | PrimeIntellect verifiers: the reward method of a Task                                |
| `rows`      | what they share: rows and texts become problems and completions                      |

None of the trainers is imported before its door is used.
"""
