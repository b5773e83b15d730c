"""Thousands of good, wrong and hostile programs in a row: nothing leaks, nothing slows down, no verdict changes.

ASSAY_SOAK_PROGRAMS says how many (`make soak`: 20,000), ASSAY_SOAK_PLACE where ("native fork" by default). The rate
at the end is held against that at the start by the CPU time that the same good programs take, everything involved
counted, because the clock of a shared machine says little. (With a hostile program a worker may go, and its CPU time
with it.)
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.corpus import Attack, own_attacks
from tests.attacks.host_watch import descendants, markers
from tests.attacks.judges import VerifierJudge
from tests.attacks.run import known_program, settle
from tests.conftest import ROOT
from tests.perf.judging_engines import Meter

HOSTILE = [
    "left_everything",
    "left_folders",
    "left_patches",
    "left_streams",
    "left_late_output",
    "mem_scan_self",
    "fd_write_protocol",
    "fd_shared_offset",
    "fs_symlink_race",
    "fs_host_secret",
    "sig_kill_all",
    "sig_pdeathsig",
    "lim_raise",
    "lim_sleepers",
    "mem_bomb",
    "net_sockets",
    "out_huge_line",
    "out_crash_after",
    "out_echo",
    "out_nul",
    "src_nul",
    "sys_userns",
    "fn_forge_channel",
    "fn_fork_twice",
    "fn_cyclic",
    "left_write_later",
    "ok_pool",
    "ok_threads",
    "ok_subprocess",
    "ok_tempfile",
    "ok_fn_plain",
]
"""What is mixed in: whatever leaves things behind and ends quickly."""
STRETCH = 100
"""Programs in a row, a quarter of them the good ones by which the rate is measured."""
MEASURED = 25


def mixture() -> list[tuple[Attack, frozenset[str]]]:
    """One stretch of programs with the verdicts that they may have, the same each time."""
    known = {attack.name: attack for attack in own_attacks()}
    good = known_program()
    wrong = replace(good, code=good.code.replace("a + b", "a - b"), expected=frozenset({"WA"}))
    hostile = [known[name] for name in HOSTILE]
    programs = []
    for number in range(STRETCH - MEASURED):
        attack = hostile[number // 5 % len(hostile)] if number % 5 == 4 else wrong if number % 5 == 2 else good
        allowed = attack.expected | ({"MLE"} if "RE" in attack.expected else set())
        programs.append((attack, frozenset(allowed)))
    return programs


def state() -> dict[str, Any]:
    """What may not grow: open files, memory, temporary files of this process and of its sandbox."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": int(status.split("\nThreads:\t")[1].split()[0]),
        "memory_kb": int(status.split("\nVmRSS:\t")[1].split()[0]),
        "processes": len(descendants(os.getpid())),
        "temporary": len([name for name in os.listdir("/tmp") if name.startswith("assay")]),
    }


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_programs() -> None:
    programs = int(os.environ.get("ASSAY_SOAK_PROGRAMS", "20000"))
    kind, mode = os.environ.get("ASSAY_SOAK_PLACE", "native fork").split()
    stretches = max(4, programs // STRETCH)
    folder = os.environ.get("DOCKER_HOST", "").removeprefix("unix://").rpartition("/")[0]
    meter = Meter(folder or None if kind == "docker" else None)
    mixed, good = mixture(), known_program()
    verdicts: Counter[str] = Counter()
    costs: list[float] = []
    started = time.monotonic()
    with VerifierJudge.open(kind, mode) as judge:
        for attack, _ in mixed:  # everything is compiled, cached and warm
            judge.judge(attack)
        before = state()
        for _ in range(stretches):
            for attack, allowed in mixed:
                result = judge.judge(attack)
                assert result.verdict in allowed, f"{attack.name}: {result.verdict}, {result.reason}"
                verdicts[result.verdict] += 1
            assert judge.judge(good).verdict == "AC"  # the worker is there again
            cpu = meter.cpu()
            for _ in range(MEASURED - 1):
                assert judge.judge(good).verdict == "AC"
            costs.append(meter.cpu() - cpu)
            verdicts["AC"] += MEASURED
        settle(lambda: descendants(os.getpid()), idle=before["processes"])
        after = state()
    assert not markers()
    assert not settle(lambda: descendants(os.getpid()))
    tenth = max(2, stretches // 10)
    first, last = statistics.median(costs[:tenth]), statistics.median(costs[-tenth:])
    report = {
        "what": f"{stretches * STRETCH} programs through code_tests in {kind}, {mode} mode, 15 of 100 hostile",
        "measured": time.strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - started, 1),
        "cpu_ms_of_a_good_program": round(1000 * statistics.median(costs) / (MEASURED - 1), 2),
        "verdicts": dict(verdicts),
        "rate_at_the_end_of_that_at_the_start": round(first / last, 3),
        "before": before,
        "after": after,
    }
    path = ROOT / "results" / "perf" / f"sandbox_soak_{kind}_{mode}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(path.read_text())
    assert after["files"] <= before["files"] + 2
    assert after["threads"] <= before["threads"]
    assert after["processes"] <= before["processes"]
    assert after["temporary"] <= before["temporary"] + 2  # other tests on the same machine have theirs
    assert after["memory_kb"] <= before["memory_kb"] + 20_000
    assert first / last >= 0.95, report
