"""Thousands of good, wrong and hostile programs in a row: nothing leaks, nothing slows down, no verdict changes.

ASSAY_SOAK_PROGRAMS says how many (`make soak`: 20,000), ASSAY_SOAK_PLACE where ("native fork" by default). The rate
at the end is held against that at the start by the CPU time that the same good programs take, everything involved
counted, because the clock of a shared machine says little. CPU time says more, but other work on the machine changes
it too (caches, memory, the processor's clock), so a fixed work of the same kind is done between the good programs
(`tests.soak.reference`), and the good programs are measured in it: what slows both alike is the machine. (With a
hostile program a worker may go, and its CPU time with it.)

Each stretch prints a line, so that an interrupted run has said how far it came. A wrong verdict is told at once and
fails the test at the end.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.corpus import Attack, own_attacks
from tests.attacks.host_watch import descendants, markers
from tests.attacks.judges import Judge, VerifierJudge
from tests.attacks.run import known_program, settle
from tests.conftest import ROOT
from tests.perf.judging_engines import Meter
from tests.soak.reference import Reference

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
BLOCKS = 4
"""The measured programs come in so many blocks, with reference work behind each."""
REFERENCE_RUNS = 30
"""About as much CPU time as a block takes."""


def mixture(stretch: int) -> list[tuple[Attack, frozenset[str]]]:
    """The programs of one stretch with the verdicts that they may have; the hostile ones take turns."""
    known = {attack.name: attack for attack in own_attacks()}
    good = known_program()
    wrong = replace(good, code=good.code.replace("a + b", "a - b"), expected=frozenset({"WA"}))
    hostile = [known[name] for name in HOSTILE]
    programs = []
    for number in range(STRETCH - MEASURED):
        turn = (stretch * (STRETCH - MEASURED) + number) // 5
        attack = hostile[turn % len(hostile)] if number % 5 == 4 else wrong if number % 5 == 2 else good
        allowed = attack.expected | ({"MLE"} if "RE" in attack.expected else set())
        programs.append((attack, frozenset(allowed)))
    return programs


def state(temporary: Path) -> dict[str, Any]:
    """What may not grow: open files, memory, temporary files of this process and of its sandbox."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": int(status.split("\nThreads:\t")[1].split()[0]),
        "memory_kb": int(status.split("\nVmRSS:\t")[1].split()[0]),
        "processes": len(descendants(os.getpid())),
        "temporary": len([name for name in os.listdir(temporary) if not name.endswith(".lock")]),  # that one stays
    }


class Costs:
    """CPU seconds of the good programs of each stretch, and of the reference work between them."""

    def __init__(self, meter: Meter, judge: Judge) -> None:
        self._meter, self._judge = meter, judge
        self._good = known_program()
        self.good: list[float] = []
        self.reference: list[float] = []

    def measure(self) -> list[str]:
        """One stretch's good programs; the verdicts that were not to be."""
        wrong = []
        for _ in range(10):
            with Reference() as reference:
                wrong += self._judged()  # the worker is there again
                began, worked = self._meter.cpu(), 0.0
                there = self._meter.counted
                for _ in range(BLOCKS):
                    for _ in range((MEASURED - 1) // BLOCKS):
                        wrong += self._judged()
                    worked += reference.work(REFERENCE_RUNS)
                spent = self._meter.cpu() - began - worked
            if there <= self._meter.counted:  # else a worker was replaced meanwhile, and its time with it
                break
        self.good.append(spent)
        self.reference.append(worked)
        return wrong

    def _judged(self) -> list[str]:
        result = self._judge.judge(self._good)
        return [] if result.verdict == "AC" else [f"known_good: {result.verdict}, {result.reason}"]

    def tenths(self, costs: list[float], runs: int) -> list[float]:
        """CPU milliseconds of one run in each tenth of the test: medians over its stretches."""
        size = max(2, len(costs) // 10)
        return [round(1000 * statistics.median(costs[i : i + size]) / runs, 3) for i in range(0, len(costs), size)]

    def rate(self, costs: list[float]) -> float:
        """The rate of the last tenth, in that of the first."""
        size = max(2, len(costs) // 10)
        return round(statistics.median(costs[:size]) / statistics.median(costs[-size:]), 3)

    @property
    def in_reference(self) -> list[float]:
        """What the good programs of each stretch cost, in reference work."""
        return [good / reference for good, reference in zip(self.good, self.reference, strict=True)]


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other tests on the same machine have theirs in /tmp
    programs = int(os.environ.get("ASSAY_SOAK_PROGRAMS", "20000"))
    kind, mode = os.environ.get("ASSAY_SOAK_PLACE", "native fork").split()
    stretches = max(4, programs // STRETCH)
    folder = os.environ.get("DOCKER_HOST", "").removeprefix("unix://").rpartition("/")[0]
    meter = Meter(folder or None if kind == "docker" else None)
    verdicts: Counter[str] = Counter()
    wrong: list[str] = []
    started = time.monotonic()
    with VerifierJudge.open(kind, mode) as judge:
        costs = Costs(meter, judge)
        for stretch in range(3):  # everything is compiled, cached and warm, and every hostile program was there
            for attack, _ in mixture(stretch):
                judge.judge(attack)
        before = state(tmp_path)
        for stretch in range(1, stretches + 1):
            told = len(wrong)
            for attack, allowed in mixture(stretch):
                result = judge.judge(attack)
                verdicts[result.verdict] += 1
                if result.verdict not in allowed:
                    wrong.append(f"{attack.name}: {result.verdict}, {result.reason}")
            wrong += costs.measure()
            verdicts["AC"] += MEASURED
            progress = {"seconds": time.monotonic() - started, "good": costs.good[-1], "reference": costs.reference[-1]}
            print(f"{stretch} of {stretches}:", json.dumps({**progress, **state(tmp_path)}), *wrong[told:], flush=True)
        settle(lambda: descendants(os.getpid()), idle=before["processes"])
        after = state(tmp_path)
    assert not markers()
    assert not settle(lambda: descendants(os.getpid()))
    report = {
        "what": f"{stretches * STRETCH} programs through code_tests in {kind}, {mode} mode, 15 of 100 hostile",
        "measured": time.strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - started, 1),
        "verdicts": dict(verdicts),
        "wrong_verdicts": wrong,
        "rate_at_the_end_of_that_at_the_start": costs.rate(costs.in_reference),
        "the_same_without_the_reference": costs.rate(costs.good),
        "cpu_ms_of_a_good_program_by_tenths": costs.tenths(costs.good, MEASURED - 1),
        "cpu_ms_of_a_reference_run_by_tenths": costs.tenths(costs.reference, BLOCKS * REFERENCE_RUNS),
        "before": before,
        "after": after,
    }
    path = ROOT / "results" / "perf" / f"sandbox_soak_{kind}_{mode}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(path.read_text())
    assert not wrong
    assert after["files"] <= before["files"] + 2
    assert after["threads"] <= before["threads"]
    assert after["processes"] <= before["processes"]
    assert after["temporary"] <= before["temporary"]
    assert after["memory_kb"] <= before["memory_kb"] + 20_000
    assert costs.rate(costs.in_reference) >= 0.95, report
