"""The table and the figure over all seeds: reads the JSON files beside this one, writes `table.md` and `curves.svg`."""

from __future__ import annotations

import json
from typing import Any

import tasks


def results(kind: str) -> list[dict[str, Any]]:
    """The result files of a kind, by seed."""
    found = [json.loads(path.read_text()) for path in tasks.HERE.glob(f"{kind}-seed*.json")]
    return sorted(found, key=lambda each: each["seed"])


def seconds_to(run: dict[str, Any], goal: float) -> str:
    """CPU and wall seconds until the goal was first reached, evaluations included."""
    for point in run["curve"]:
        if point["right"] >= goal and "cpu_seconds" in point:
            return f"{point['cpu_seconds']:.0f} / {point['wall_seconds']:.0f}"
    return "not reached"


def _both(took: dict[str, float]) -> str:
    return f"{took['cpu_seconds']:.0f} / {took['wall_seconds']:.0f}"


def addition_lines() -> list[str]:
    """Ours beside TRL's."""
    lines = ["| run | seed | greedy before | greedy after | seconds to .74, CPU / wall | whole run, CPU / wall |"]
    lines.append("|---|---|---|---|---|---|")
    names = {
        "addition": "Assay",
        "addition-constant": "Assay, 16 × 16 at a constant 5e-5",
        "trl-addition": "TRL",
        "trl-addition-like-ours": "TRL, with our settings",
    }
    for kind, name in names.items():
        for run in results(kind):
            before = run["curve"][0]["right"] if run["curve"][0]["step"] == 0 else None
            took = run.get("grpo", run["curve"][-1])
            lines.append(
                f"| {name} | {run['seed']} | {'' if before is None else f'{before:.3f}'} "
                f"| {run['curve'][-1]['right']:.3f} | {seconds_to(run, 0.74)} | {_both(took)} |"
            )
    return lines


def sums_lines() -> list[str]:
    """SmolLM2 before and after."""
    lines = ["| seed | right before | right after | won / lost | p | no number before | after | CPU / wall seconds |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for run in results("sums"):
        first, last, took = run["curve"][0], run["curve"][-1], run["grpo"]
        lines.append(
            f"| {run['seed']} | {first['right']:.3f} | {last['right']:.3f} | {run['won']} / {run['lost']} "
            f"| {run['p']:.1e} | {first['no_answer']:.3f} | {last['no_answer']:.3f} | {_both(took)} |"
        )
    return lines


def hacking_lines() -> list[str]:
    """What was paid, what it did, when it was noticed."""
    lines = [
        "| seed | reward, first / last ten steps | right before | right after | alarm after step |",
        "|---|---|---|---|---|",
    ]
    for run in results("hacking"):
        rewards = run["rewards"]
        lines.append(
            f"| {run['seed']} | {sum(rewards[:10]) / 10:.2f} / {sum(rewards[-10:]) / 10:.2f} "
            f"| {run['curve'][0]['right']:.3f} | {run['curve'][-1]['right']:.3f} | {run['first_alarm']} |"
        )
    return lines


def figure() -> None:
    """All seeds of a kind in one panel each."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "assay", "axes.grid": True, "grid.alpha": 0.3, "font.size": 9}):
        drawn = Figure(figsize=(12, 4), layout="constrained")
        FigureCanvasSVG(drawn)
        addition, sums, hacking = drawn.subplots(1, 3)
        for kind, colour in (
            ("addition", "tab:blue"),
            ("trl-addition", "tab:gray"),
            ("trl-addition-like-ours", "tab:olive"),
        ):
            for number, run in enumerate(results(kind)):
                points = [each for each in run["curve"] if "cpu_seconds" in each]
                x, y = [each["cpu_seconds"] for each in points], [each["right"] for each in points]
                addition.plot(x, y, "o-", ms=2, lw=1, color=colour, label=None if number else kind)
        addition.axhline(0.74, lw=0.8, ls=":", color="black")
        addition.set(title="two-digit addition, greedy held out", xlabel="CPU seconds")
        for run in results("sums"):
            x, y = [each["step"] for each in run["curve"]], [each["right"] for each in run["curve"]]
            sums.plot(x, y, "o-", ms=3, lw=1, label=f"seed {run['seed']}, p = {run['p']:.1g}")
        sums.set(title="SmolLM2-135M, sums, held out, four samples", xlabel="step")
        for number, run in enumerate(results("hacking")):
            x, y = [each["step"] for each in run["curve"]], [each["right"] for each in run["curve"]]
            hacking.plot(range(1, len(run["rewards"]) + 1), run["rewards"], lw=0.8, alpha=0.5, color="tab:orange",
                         label=None if number else "reward for form")  # fmt: skip
            hacking.plot(x, y, "o-", ms=3, lw=1, color="tab:blue", label=None if number else "right, held out")
            if run["first_alarm"] is not None:
                hacking.axvline(run["first_alarm"], lw=1, ls="--", color="tab:red", label=None if number else "alarm")
        hacking.set(title="paid for form alone", xlabel="step")
        for axes in (addition, sums, hacking):
            if axes.get_legend_handles_labels()[1]:
                axes.legend(fontsize=7)
        drawn.savefig(tasks.HERE / "curves.svg", metadata={"Date": None})


def main() -> None:
    sections = {"Addition": addition_lines(), "SmolLM2": sums_lines(), "Hacking": hacking_lines()}
    text = "\n\n".join(f"## {name}\n\n" + "\n".join(lines) for name, lines in sections.items()) + "\n"
    (tasks.HERE / "table.md").write_text(text)
    figure()
    print(text)


if __name__ == "__main__":
    main()
