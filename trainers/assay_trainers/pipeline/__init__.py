"""Recipes: several stages of training and sampling, each evaluated by the harness before the next.

- `recipe`: the YAML file, bundled (`assay_trainers/recipes`) or one's own; `references`: what `{stage}` stands for
- `currency`: whether a stage's outputs are those of its inputs and configuration
- `stages`: what each kind of stage does; `launching`: stages in processes of their own
- `scoring`: the evaluation after a stage; `table`: the stage table
- `running`: the loop; `command`: what the command line calls
- `synthetic`, `rule_judge`: the small world that the small recipes live in, and its judge
"""
