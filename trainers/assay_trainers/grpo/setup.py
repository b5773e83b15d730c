"""From a configuration to the things it names: problems, reward, prompts. No torch here: `--dry-run` uses it."""

from __future__ import annotations

from assay import Message, Problem, Reward, get_template, render_prompt
from assay_trainers.grpo.config import TrainConfig
from assay_trainers.grpo.problems import load_problems


def problems_of(config: TrainConfig) -> list[Problem]:
    """The problems that the configuration names."""
    data = config.data
    return load_problems(data.path, data.benchmark, verifier=data.verifier, limit=data.limit)


def reward_of(config: TrainConfig) -> Reward:
    """The reward that the configuration names: a preset, the path of a YAML file, or written out."""
    if isinstance(config.reward, str) and not config.reward.endswith((".yaml", ".yml", ".json")):
        return Reward.preset(config.reward)
    return Reward(config.reward)


def prompt_text(config: TrainConfig, problem: Problem) -> tuple[Message, ...] | str:
    """What the policy is asked: messages, or a raw text."""
    if config.data.template == "raw":
        return "\n\n".join(message.content for message in problem.prompt)
    return render_prompt(get_template(config.data.template), problem, config.data.instruction)
