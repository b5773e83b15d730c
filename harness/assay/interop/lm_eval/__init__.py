"""Assay inside lm-eval (0.4.13 and later): our benchmarks as its tasks, our backends as its model.

    lm_eval --include_path $(assay lm-eval-path) --tasks assay_aime24 --model hf --model_args pretrained=…
    python -m assay.interop.lm_eval run --model assay --model_args backend=hf:./checkpoint --tasks gsm8k

`files` writes the task files that `assay lm-eval-path` prints the folder of, `tasks` holds the functions that they name
(rows, verdicts of all repeats, pass@1 and cons@k), `model` holds `AssayLM`. Run as a program, this package is lm-eval's
own command line with the model `assay` registered, because lm-eval has no entry points for models.

lm-eval's tasks as benchmarks of ours, the other direction, are `lm-eval:<task>` (`assay_benchmarks.lm_eval_task`).
"""
