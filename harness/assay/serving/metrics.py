"""Counters in Prometheus' text format: requests by route and status, verdicts by outcome, seconds, what is pending.

With several server processes the counters lie in files of a folder that they share (prometheus_client's multiprocess
mode), so that any of them answers for all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from assay.types import Verdict

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """The counters of one server process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry: Any = CollectorRegistry()
        shared = None if MULTIPROCESS_FOLDER in os.environ else self._registry
        self.requests = Counter(
            "assay_requests", "Requests by route and HTTP status.", ["route", "status"], registry=shared
        )
        self.verdicts = Counter(
            "assay_verdicts", "Verdicts by verifier and outcome.", ["verifier", "outcome"], registry=shared
        )
        self.seconds = Histogram(
            "assay_request_seconds", "Seconds from a request's arrival to its answer.", ["route"], registry=shared
        )
        self.pending = Gauge(
            "assay_pending_responses",
            "Responses that are being checked or wait for it.",
            registry=shared,
            multiprocess_mode="livesum",
        )

    def count_verdict(self, verifier: str, verdict: Verdict) -> None:
        """One verdict more."""
        self.verdicts.labels(verifier, verdict.outcome.value).inc()

    def text(self) -> bytes:
        """All counters, of all server processes."""
        from prometheus_client import CollectorRegistry, generate_latest, multiprocess

        if MULTIPROCESS_FOLDER not in os.environ:
            return bytes(generate_latest(self._registry))
        for file in Path(os.environ[MULTIPROCESS_FOLDER]).glob("gauge_live*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
                multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # nothing is pending in a killed one
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return bytes(generate_latest(together))
