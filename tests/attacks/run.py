"""Runs submissions against one sandbox and mode, in a process of its own, and writes a JSON line about each.

    python -m tests.attacks.run native fork --only mem_scan_self,ok_pool

A process of its own, so that it can be an ordinary user, so that what it leaves behind can be seen from outside, and
so that nothing of the test runner's own children is in the way.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.attacks import host_watch
from tests.attacks.corpus import Attack, own_attacks, shared_attacks
from tests.attacks.judges import ContractJudge, Judge, VerifierJudge

KNOWN_GOOD = "a, b = map(int, input().split())\nprint(a + b)\n"


def main() -> None:
    """Parse, judge, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sandbox")
    parser.add_argument("mode", choices=("exec", "fork"))
    parser.add_argument("--contract", action="store_true", help="judge on the sandbox's contract, not by code_tests")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--which", choices=("fast", "slow", "all"), default="all")
    parser.add_argument("--share", default="0/1", help="part/parts: of these, every so manyth")
    options = parser.parse_args()
    attacks = chosen(options.only.split(",") if options.only else None, options.which, options.mode, options.share)
    if options.contract:
        attacks = [attack for attack in attacks if not attack.functional]
    make = ContractJudge if options.contract else VerifierJudge
    with make.open(options.sandbox, options.mode) as judge:
        for row in judged(judge, attacks):
            print(json.dumps(row), flush=True)
    left = settle(host_watch.descendants, os.getpid())
    print(
        json.dumps({"name": "(at the end)", "ok": not left, "hurt": [f"process left: {left}"] if left else []}),
        flush=True,
    )


def chosen(names: list[str] | None, which: str, mode: str, share: str) -> list[Attack]:
    """The submissions to judge, each behind the one that it must follow."""
    known = {attack.name: attack for attack in (*shared_attacks(), *own_attacks())}
    picked = [known[name] for name in names] if names else list(known.values())
    if not names and which != "all":
        picked = [attack for attack in picked if attack.quick and attack.slow is (which == "slow")]
    if mode == "fork" and not names:  # what is compiled runs in both modes alike
        picked = [attack for attack in picked if attack.language == "python"]
    part, parts = map(int, share.split("/"))
    picked = picked[part::parts]
    ordered: list[Attack] = []
    first = {attack.after for attack in picked}
    for attack in picked:
        if attack.after:
            ordered.append(known[attack.after])
        if attack.after or attack.name not in first:
            ordered.append(attack)
    return ordered


def judged(judge: Judge, attacks: list[Attack]) -> Iterator[dict[str, Any]]:
    """Judge each, look at the host, and see that the sandbox still knows right from wrong."""
    good = known_program()
    first = judge.judge(good)
    assert first.verdict == "AC", first
    idle = len(host_watch.descendants(os.getpid()))
    for attack in attacks:
        started = time.monotonic()
        result = judge.judge(attack)
        seconds = time.monotonic() - started
        hurt = [f"marker on the host: {path}" for path in host_watch.markers()]
        # What comes next must follow at once where it looks for what was left.
        if not attack.leaves:
            after = judge.judge(good)
            if after.verdict != "AC":
                hurt.append(f"afterwards a right program is judged {after.verdict}: {after.reason}")
            extra = settle(lambda: host_watch.descendants(os.getpid()), idle=idle)
            if extra:
                hurt.append(f"processes left: {extra}")
        yield {
            "name": attack.name,
            "verdict": result.verdict,
            "expected": sorted(attack.expected),
            "must_not_pass": attack.must_not_pass,
            "ok": attack.allows(result.verdict) and not hurt,
            "seconds": round(seconds, 3),
            "reason": result.reason[:400],
            "hurt": hurt,
        }


def known_program() -> Attack:
    """A right program, written here and never changed: what it gives says whether the sandbox is well."""
    from tests.attacks.problems import problems

    return Attack(
        name="known_good",
        language="python",
        code=KNOWN_GOOD,
        problem={**problems()["add"], "tests": problems()["add"]["tests"][:2]},
        expected=frozenset({"AC"}),
        must_not_pass=False,
        tries="nothing",
    )


def settle(look: Any, *args: Any, idle: int = 0, seconds: float = 5.0) -> dict[int, str]:
    """What `look` finds beyond `idle` things, once that is still so after a while."""
    deadline = time.monotonic() + seconds
    while True:
        found: dict[int, str] = look(*args)
        if len(found) <= idle:
            return {}
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
