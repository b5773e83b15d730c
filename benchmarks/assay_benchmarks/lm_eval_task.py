"""`lm-eval:<task>`: any generation or log-likelihood task of EleutherAI's lm-eval (0.4.13 and later) as a benchmark.

    lm-eval:gsm8k                                    a task of lm-eval's own, or a whole group (lm-eval:mmlu_pro)
    lm-eval:my_task,include_path=./tasks             one of yours: its YAML lies in (or below) that folder
    lm-eval:gsm8k,data=./gsm8k                       rows from test.jsonl, train.jsonl … there, not from the hub
    lm-eval:gsm8k,filter=flexible-extract:8          scored by another of its filters, 8 samples a problem

Prompts, few-shot examples, stop strings, filters, the metric of each sample and the way of averaging are the task's;
generation, the sample store, resuming, seeds and statistics are ours. lm-eval's cache is never used: its key has no
repeat index, so that with it n samples of a problem are n copies of one.

Options after the task, separated by commas:

    include_path   folders with task files (separated by ":"), like lm_eval's --include_path; the environment variable
                   ASSAY_LM_EVAL_PATH adds to them
    data           a folder that holds <split>.jsonl (or <dataset_name>/<split>.jsonl) in place of the hub's data set
    num_fewshot    few-shot examples, unless the task fixes them at 0
    metric         which of the task's metrics is the score (default: the first); it must lie in [0, 1]
    filter         which of its filters' results is the score (default: the first)
    chat           true (default): the chat template is applied, as with lm_eval --apply_chat_template; false: raw text,
                   as lm_eval does by default. Log-likelihood tasks are always raw text
    multiturn      true (default, as in lm_eval): few-shot examples are turns of their own; false: one user message
    stop           sampling (default): the task's stop strings end the generation; answer: they only cut the answer that
                   follows the reasoning, for models whose reasoning may hold them

What is left out: filters that choose among several samples (take_first_k, majority_vote): every sample is scored, and
cons@n says what a vote gives; rolling perplexities, tasks with images or sound, and tasks that lm-eval marks as unsafe
code, which here run in a sandbox (`humaneval`, `mbpp`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay import Benchmark, Verifier, hookimpl


def _benchmark(rest: str) -> Benchmark:
    from assay_benchmarks._lm_eval_benchmark import LmEvalBenchmark

    return LmEvalBenchmark(rest)


def _verifier(**options: Any) -> Verifier:
    from assay_benchmarks._lm_eval_verifier import LmEvalVerifier

    return LmEvalVerifier(**options)


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """The family."""
    return {"lm-eval:": _benchmark}


@hookimpl
def register_verifiers() -> Mapping[str, Callable[..., Verifier]]:
    """The family's verifier."""
    return {"lm_eval": _verifier}
