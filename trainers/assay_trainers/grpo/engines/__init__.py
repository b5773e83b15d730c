"""Rollout engines that hold weights of their own: a second copy in this process, vLLM in this process, a vLLM server.

`assay_trainers.grpo.rollouts.RolloutEngine` is their contract. What they have in common:

- They are given a source of weights (Hugging Face names, an adapter merged into them) and take it over in `sync`.
- They are checked: `check.check_sync` compares the log-probs of a few fresh completions with the trainer's after every
  sync, because a sampler with old weights looks exactly like one that works.

`TransformersEngine`, which samples from the very module that is trained, needs neither.
"""
