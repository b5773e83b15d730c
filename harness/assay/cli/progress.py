"""Live progress of a run: rate, time left, running score and outcome counts.

On a terminal one line that is redrawn; elsewhere a plain line every `PLAIN_SECONDS`, so that logs stay
readable. It reads the counters of `RunProgress` from its own thread and never slows the run.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from assay.types import Outcome

if TYPE_CHECKING:
    from rich.console import Console

    from assay.recording import RunProgress

PLAIN_SECONDS = 10.0
_LIVE_SECONDS = 0.25


class ProgressDisplay:
    """Shows one run after another. `start` fits the `progress` argument of `assay.evaluate`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: RunProgress | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, progress: RunProgress) -> None:
        """Show this run from now on; the one before is finished."""
        self.stop()
        self._progress = progress
        if progress.stored:
            self._console.print(
                f"{progress.benchmark}: {progress.stored} of {progress.total} samples are already stored", markup=False
            )
        self._stop = threading.Event()
        target = self._live if self._console.is_terminal else self._plain
        self._thread = threading.Thread(target=target, args=(progress, self._stop), daemon=True, name="assay-progress")
        self._thread.start()

    def stop(self) -> None:
        """Stop redrawing. Safe to call twice."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None

    def interrupted(self) -> str:
        """What to tell a person who pressed Ctrl-C."""
        if self._progress is None:
            return "Interrupted. What was recorded is stored: run the same command again to go on."
        progress = self._progress
        return (
            f"Interrupted: {progress.stored + progress.done} of {progress.total} samples of {progress.benchmark} are "
            "stored. Run the same command again to go on."
        )

    def _live(self, progress: RunProgress, stop: threading.Event) -> None:
        from rich.live import Live
        from rich.text import Text

        with Live(Text(describe(progress)), console=self._console, auto_refresh=False) as live:
            while not stop.wait(_LIVE_SECONDS):
                live.update(Text(describe(progress)), refresh=True)
            live.update(Text(describe(progress)), refresh=True)

    def _plain(self, progress: RunProgress, stop: threading.Event) -> None:
        while not stop.wait(PLAIN_SECONDS):
            self._console.print(describe(progress), markup=False, highlight=False)
        self._console.print(describe(progress), markup=False, highlight=False)


def describe(progress: RunProgress) -> str:
    """One line: done, rate, time left, running pass@1, outcomes that are not plain grades."""
    at = progress.stored + progress.done
    elapsed = time.monotonic() - progress.started
    rate = progress.done / elapsed if elapsed > 0 else 0.0
    parts = [f"{progress.benchmark}  {at}/{progress.total}"]
    if rate:
        parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min")
        if at < progress.total:
            parts.append(f"{duration((progress.total - at) / rate)} left")
    if progress.tokens:
        parts.append(f"{progress.tokens / elapsed:.0f} tok/s")
    if progress.running_score is not None:
        parts.append(f"pass@1 {progress.running_score:.3f}")
    parts += [
        f"{progress.outcomes[outcome]} {outcome.value.replace('_', ' ')}"
        for outcome in Outcome
        if outcome is not Outcome.GRADED and progress.outcomes[outcome]
    ]
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
