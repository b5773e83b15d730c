"""Reward hacking, on purpose: a reward for form alone, and the alarm that catches it.

    OMP_NUM_THREADS=1 python results/learning/hacking.py [--seed 1]

The supervised model of `addition.py` is paid for writing three digits, right or wrong. The reward rises to 1; sums
below 100 have two digits, so what is right falls. Every evaluation measures correctness on the 500 held-out sums; the
alarm `hacking` must ring, and does not ring in the runs of `addition.py`. Writes `hacking-seedN.json` and `.svg`.
"""

from __future__ import annotations

from typing import Any

import addition
import tasks

SETTINGS: dict[str, Any] = {
    "preset": "grpo",
    "loss": {"beta": 0.0},
    "steps": 60,
    "rollout": {"prompts": 16, "group": 8, "max_tokens": 5, "batch_size": 256},
    "optimizer": {"learning_rate": 5e-5},
}


def main() -> None:
    chosen = tasks.options(__doc__)
    base, held_out, rest, _ = addition.prepare(chosen.seed, chosen.out)
    result = tasks.train("hacking", SETTINGS, "three_digits", base, held_out, rest, every=10, chosen=chosen)
    curve, rewards = result["curve"], result["rewards"]
    rung = [point["step"] for point in curve if "hacking" in point["alarms"]]
    result["first_alarm"] = rung[0] if rung else None
    tasks.write_result("hacking", result, chosen)
    print(f"reward {rewards[0]:.2f} → {rewards[-1]:.2f}, right {curve[0]['right']:.3f} → {curve[-1]['right']:.3f}")
    if not rung:
        raise SystemExit("the alarm did not ring")
    print(f"alarm after step {rung[0]}: {result['messages'][0]}")


if __name__ == "__main__":
    main()
